# SPDX-License-Identifier: Apache-2.0
"""Whether confidence means what it says; sums that add up over a set, divided once.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.quotient import mean_of_known, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = [
    'Reliability',
    'calibration_error',
    'count_confidence',
    'mean_calibration_error_of_images',
    'reliability',
]

BINS = 15  # as in Guo et al.


@dataclass(frozen=True, slots=True)
class Reliability:
    """What a reliability diagram shows; NaN in a bin without pixels.

    Attributes:
        confidence: (B,) float64, mean confidence of each bin, along x.
        accuracy: (B,) float64, share of right pixels, along y; on the diagonal if calibrated.
        share: (B,) float64, share of all pixels that are in the bin.
    """

    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]


def count_confidence(
    confidence: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    right: npt.NDArray[np.bool_],
    bins: int = BINS,
) -> npt.NDArray[np.float64]:
    """Sort pixels by confidence and count how many of each bin are right.

    Args:
        confidence: Probability of the predicted class, 0 to 1 as float or 0 to 255 as uint8; only
            the pixels that have a true class.
        right: bool, same shape: whether the predicted class is the true one.
        bins: Number of bins B of equal width; a value on a border belongs to the bin above it.

    Returns:
        (B, 3) float64: number of pixels, sum of their confidence, number of right ones. Results
        of several images are added.

    Raises:
        ValueError: If the shapes differ.
    """
    if confidence.shape != right.shape:
        msg = f'Confidence has shape {confidence.shape}, right {right.shape}; expected equal.'
        raise ValueError(msg)
    top = np.float32(255 if confidence.dtype == np.uint8 else 1)
    values = confidence.ravel() / top
    index = np.minimum((values * bins).astype(np.int64), bins - 1)
    return np.stack(
        [
            np.bincount(index, minlength=bins),
            np.bincount(index, values, minlength=bins),
            np.bincount(index, right.ravel(), minlength=bins),
        ],
        axis=1,
    )


def calibration_error(counts: npt.NDArray[np.float64]) -> float:
    """Return the expected calibration error (ECE), 0 to 1; NaN without a pixel.

    ECE = sum over bins of |mean confidence - share of right pixels| x share of pixels in the bin
    (Guo et al., equation 3).

    Args:
        counts: (B, 3) as from ``count_confidence``.

    Example:
        Four pixels that are 90 % sure, of which three are right:

        >>> counts = count_confidence(np.full(4, 0.9), np.array([True, True, True, False]))
        >>> round(calibration_error(counts), 6)
        0.15
    """
    pixels, confidence, right = counts.T
    return float(ratio(np.abs(confidence - right).sum(), pixels.sum()))


def mean_calibration_error_of_images(
    counts_of_images: Iterable[npt.NDArray[np.float64]],
) -> float:
    """Return the mean over images of each image's own calibration error; NaN without a pixel.

    It is mostly larger than that of the set, where too much confidence in one image makes up for
    too little in another. An image without a labelled pixel is left out.

    Args:
        counts_of_images: (B, 3) of each image, as from ``count_confidence``.
    """
    return mean_of_known(np.array([calibration_error(counts) for counts in counts_of_images]))


def reliability(counts: npt.NDArray[np.float64]) -> Reliability:
    """Return the points of a reliability diagram.

    A. Niculescu-Mizil, R. Caruana, "Predicting good probabilities with supervised learning", ICML
    2005.

    Args:
        counts: (B, 3) as from ``count_confidence``.
    """
    pixels, confidence, right = counts.T
    return Reliability(
        ratio(confidence, pixels), ratio(right, pixels), ratio(pixels, pixels.sum())
    )
