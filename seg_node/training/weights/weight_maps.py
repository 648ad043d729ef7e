# SPDX-License-Identifier: Apache-2.0
"""How much each pixel weighs in the loss; numpy and OpenCV, free of torch.

``w = w_class (1 + w0 exp(-d^2 / (2 sigma^2)))``, after Ronneberger et al. (2015, equation 2) with
the nearest boundary in place of the two nearest cells. An unlabelled pixel weighs 0.

Where two pixels that share an edge have different labels, and neither is 255, runs a boundary,
and both are boundary pixels. The distance d of a pixel is that of its centre from the centre of
the nearest boundary pixel: 0 on both sides of a boundary, so that a pixel weighs
``w_class (1 + w0)`` there, and infinite in an image without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.training.recipe.loss import BoundaryPart

    BoolArray = npt.NDArray[np.bool_]
    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]


def boundary_pixels(labels: UInt8Array) -> BoolArray:
    """Return which pixels touch a boundary, (H, W) bool.

    Args:
        labels: (H, W) uint8 ids, 255 unlabelled; next to that there is no boundary.
    """
    touched = np.zeros(labels.shape, bool)
    known = labels != UNLABELLED
    for before, after in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        differ = (labels[before] != labels[after]) & known[before] & known[after]
        touched[before] |= differ
        touched[after] |= differ
    return touched


def boundary_distance(labels: UInt8Array) -> Float32Array:
    """Return how far each pixel is from the nearest boundary pixel.

    Args:
        labels: (H, W) uint8 ids, 255 unlabelled.

    Returns:
        (H, W) float32 [px], 0 on a boundary pixel; infinite without any.
    """
    elsewhere = (~boundary_pixels(labels)).astype(np.uint8)
    if elsewhere.all():
        return np.full(labels.shape, np.inf, np.float32)
    return cv2.distanceTransform(  # type: ignore[return-value]
        elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )


def boundary_factors(
    labels: UInt8Array, options: BoundaryPart, *, spacing: float = 1.0
) -> Float32Array:
    """Return ``1 + w0 exp(-d^2 / (2 sigma^2))``, (H, W) float32.

    Args:
        labels: (H, W) uint8 ids, 255 unlabelled.
        options: Height w0 and width sigma.
        spacing: Distance of neighbouring labels [px], for labels of every second pixel, say.
    """
    distance = boundary_distance(labels)
    distance *= spacing / options.sigma
    return 1 + options.w0 * np.exp(-0.5 * distance * distance)


def weight_map(
    labels: UInt8Array,
    class_weights: npt.NDArray[np.floating],
    options: BoundaryPart,
    *,
    spacing: float = 1.0,
) -> Float32Array:
    """Return what each pixel weighs, (H, W) float32, 0 where unlabelled.

    Args:
        labels: (H, W) uint8 ids below K, 255 unlabelled.
        class_weights: (K,).
        options: Height w0 and width sigma of the boundaries' share.
        spacing: Distance of neighbouring labels [px].
    """
    table = np.zeros(UNLABELLED + 1, np.float32)
    table[: len(class_weights)] = class_weights
    weights = table[labels]
    if options.w0:
        weights *= boundary_factors(labels, options, spacing=spacing)
    return weights
