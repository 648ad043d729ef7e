# SPDX-License-Identifier: Apache-2.0
"""Cases and faces that the tests of all losses share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from seg_node.training.losses.lovasz import lovasz_softmax
from seg_node.training.losses.overlap import dice_loss, jaccard_loss, tversky_loss
from seg_node.training.losses.pixelwise import cross_entropy, focal_loss, hard_pixel_loss

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = 4


def random_case(seed: int) -> tuple[Tensor, Tensor]:
    """Return (2, 4, 6, 5) scores and labels of which a few are 255."""
    random = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, CLASSES, 6, 5, generator=random)
    labels = torch.randint(0, CLASSES, (2, 6, 5), generator=random)
    labels[:, 0, :2] = 255
    return scores, labels


def one_hot_maps(labels: Tensor) -> Tensor:
    """Return (N, K, H, W) float32 maps, all zero at 255."""
    valid = labels != 255
    hot = functional.one_hot(labels.where(valid, 0), CLASSES).permute(0, 3, 1, 2)
    return hot.float() * valid[:, None]


WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 5.0])
# every loss as a function of scores and targets
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'cross_entropy': lambda s, t: cross_entropy(s.log_softmax(1), t),
    'cross_entropy_smooth': lambda s, t: cross_entropy(
        s.log_softmax(1), t, weights=WEIGHTS, label_smoothing=0.1
    ),
    'cross_entropy_sum': lambda s, t: cross_entropy(
        s.log_softmax(1), t, weights=WEIGHTS, pixel_weights=ramp(s), reduction='sum'
    ),
    'focal': lambda s, t: focal_loss(s.log_softmax(1), t, weights=WEIGHTS),
    'focal_half': lambda s, t: focal_loss(s.log_softmax(1), t, gamma=0.5),
    'ohem': lambda s, t: hard_pixel_loss(s.log_softmax(1), t, threshold=0.2, weights=WEIGHTS),
    'ohem_kept': lambda s, t: hard_pixel_loss(s.log_softmax(1), t, threshold=0.01, kept=0.3),
    'dice': lambda s, t: dice_loss(s.softmax(1), t),
    'dice_squared': lambda s, t: dice_loss(s.softmax(1), t, squared=True),
    'jaccard': lambda s, t: jaccard_loss(s.softmax(1), t),
    'tversky': lambda s, t: tversky_loss(s.softmax(1), t),
    'lovasz': lambda s, t: lovasz_softmax(s.softmax(1), t),
}


def ramp(scores: Tensor) -> Tensor:
    """Return (N, H, W) weights that differ between all pixels."""
    shape = (len(scores), *scores.shape[2:])
    return torch.linspace(0.5, 2.0, shape[0] * shape[1] * shape[2]).reshape(shape)
