# SPDX-License-Identifier: Apache-2.0
"""Rare classes: which they are, where a sample shows them, and how they get into other samples.

* ClassMix: half the classes of one sample cover another (Olsson et al., "ClassMix:
  Segmentation-Based Data Augmentation for Semi-Supervised Learning", WACV 2021), here with true
  labels.
* Copy-paste: only rare classes do (after Ghiasi et al., "Simple Copy-Paste is a Strong Data
  Augmentation Method for Instance Segmentation", CVPR 2021, who found blending of edges useless).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy
    from seg_node.training.augmentation.warp import Picture
    from seg_node.training.recipe.augment import AugmentPart
    from seg_node.training.weights.class_weights import PixelCounts

    UInt8Array = npt.NDArray[np.uint8]
    Rarity = npt.NDArray[np.float64]

IDS = 256


def rarity(
    options: AugmentPart, taxonomy: Taxonomy, counts: Callable[[], PixelCounts]
) -> Rarity | None:
    """Return how much each class is sought, (256,) float64; 0 is not at all.

    Named classes are sought alike; classes with few pixels the more, the fewer they are: as the
    inverse square root of their share.

    Args:
        options: Named classes, or the share below which a class is rare.
        taxonomy: The classes.
        counts: Gives the pixels of each class in the data; not asked where classes are named.

    Returns:
        None where nothing is sought.

    Raises:
        TaxonomyError: A named class is not in the taxonomy.
    """
    if not options.seeks_rare:
        return None
    sought = np.zeros(IDS)
    if options.rare_classes:
        sought[[taxonomy.index(name) for name in options.rare_classes]] = 1
        return sought
    pixels = counts().pixels
    share = pixels / max(1, pixels.sum())
    rare = np.flatnonzero((share > 0) & (share < options.rare_share))
    sought[rare] = share[rare] ** -0.5
    return sought


def rare_pixel(
    labels: UInt8Array, sought: Rarity, random: np.random.Generator
) -> tuple[int, int] | None:
    """Return row and column of a random pixel of a rare class; None if there is none.

    First a class is drawn among those that the labels show, by how much it is sought, then one
    of its pixels.
    """
    weights = np.where(shown(labels), sought, 0)
    if not weights.any():
        return None
    chosen = random.choice(IDS, p=weights / weights.sum())
    places = np.flatnonzero(labels == chosen)
    row, column = divmod(int(places[random.integers(len(places))]), labels.shape[1])
    return row, column


def half_of_classes(labels: UInt8Array, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return half the ids that labels show, rounded up; never 255."""
    ids = np.flatnonzero(shown(labels))
    return random.permutation(ids)[: (len(ids) + 1) // 2]


def some_rare(
    labels: UInt8Array, sought: Rarity, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return some of the rare ids that labels show: each with probability 1/2, at least one."""
    ids = random.permutation(np.flatnonzero(shown(labels) & (sought > 0)))
    taken = random.random(len(ids)) < 0.5  # noqa: PLR2004 - fair
    taken[:1] = True
    return ids[taken]


def paste(onto: Picture, other: Picture, ids: npt.NDArray[np.intp]) -> Picture:
    """Return image and labels, covered where the other's labels are among ``ids``."""
    table = np.zeros(IDS, np.uint8)
    table[ids] = 255
    mask = cv2.LUT(other[1], table)
    image, labels = (
        cv2.copyTo(theirs, mask, ours.copy()) for theirs, ours in zip(other, onto, strict=True)
    )
    return image.astype(np.uint8, copy=False), labels.astype(np.uint8, copy=False)


def shown(labels: UInt8Array) -> npt.NDArray[np.bool_]:
    """Return which ids occur, (256,) bool; 255 never does."""
    occurs = np.bincount(labels.ravel(), minlength=IDS) > 0
    occurs[UNLABELLED] = False
    return occurs
