# SPDX-License-Identifier: Apache-2.0
"""Augmentation with every change off."""

from __future__ import annotations

from seg_node.training.recipe.augment import AugmentPart

STILL = AugmentPart(
    crop=(90, 120),
    scale=(1.0, 1.0),
    flip=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    gamma=1.0,
    tint=0.0,
    blur=0.0,
    noise=0.0,
)
