# SPDX-License-Identifier: Apache-2.0
"""Whether the probability of each class means what it says, also where another class won.

M. Kull et al., "Beyond temperature scaling: obtaining well-calibrated multi-class probabilities
with Dirichlet calibration", NeurIPS 2019 (class-wise ECE); J. Nixon et al., "Measuring calibration
in deep learning", CVPR workshops 2019 (the same as static calibration error). The plain ECE is
ruled by road, sky and building; here a rare class has as much of a say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.calibration import BINS, count_confidence
from seg_node.metrics.layout import check_planes
from seg_node.metrics.quotient import mean_of_known, ratio

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]

__all__ = ['class_calibration_error', 'count_class_confidence', 'mean_class_calibration_error']


def count_class_confidence(
    probabilities: Float32Array, truth: npt.NDArray[np.uint8], bins: int = BINS
) -> Float64Array:
    """Sort pixels by the probability of every class, and count which are of that class.

    Args:
        probabilities: (K, H, W) float32, each pixel sums to 1.
        truth: (H, W) uint8; pixels with 255 are left out.
        bins: Number of bins B of equal width, as in ``count_confidence``.

    Returns:
        (K, B, 3) float64: for each class and bin the number of pixels, the sum of their
        probability of the class, the number that are of the class. Every labelled pixel is in one
        bin of every class. Results of several images are added.

    Raises:
        ValueError: If the sizes differ.
    """
    check_planes(probabilities, truth)
    planes, true = probabilities.reshape(len(probabilities), -1), truth.ravel()
    labelled = true < len(planes)
    counts = np.zeros((len(planes), bins, 3))
    for number, plane in enumerate(planes):
        likely = (plane * bins >= 1) & labelled
        counts[number] = count_confidence(plane[likely], true[likely] == number, bins)
    # what is in no higher bin is in the lowest: nearly all pixels of most classes
    rest = _totals(planes, true, labelled) - counts.sum(axis=1)
    counts[:, 0] = np.maximum(rest, 0.0)  # it may be rounded below
    return counts


def class_calibration_error(counts: Float64Array) -> Float64Array:
    """Return the calibration error of each class: (K,), 0 to 1.

    NaN for a class that no pixel is of, whose error would only say how small its probability is.

    Args:
        counts: (K, B, 3) as from ``count_class_confidence``.
    """
    pixels, confidence, of_class = np.moveaxis(counts, -1, 0)
    error = np.abs(confidence - of_class).sum(axis=1)
    occurs = of_class.sum(axis=1) > 0
    return ratio(error, np.where(occurs, pixels.sum(axis=1), 0.0))


def mean_class_calibration_error(counts: Float64Array) -> float:
    """Return the class-wise ECE: the mean over the classes that occur; NaN without a pixel.

    Args:
        counts: (K, B, 3) as from ``count_class_confidence``.
    """
    return mean_of_known(class_calibration_error(counts))


def _totals(
    planes: Float32Array, true: npt.NDArray[np.uint8], labelled: npt.NDArray[np.bool_]
) -> Float64Array:
    """Return pixels, sum of probabilities and pixels of the class, for each class: (K, 3)."""
    sums = planes.sum(axis=1, dtype=np.float64) - planes[:, ~labelled].sum(
        axis=1, dtype=np.float64
    )
    of_class = np.bincount(true[labelled], minlength=len(planes))
    return np.stack([np.full(len(planes), labelled.sum()), sums, of_class], axis=1)
