# SPDX-License-Identifier: Apache-2.0
"""Whether confidence means what it says; sums that add up over a set, divided once.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['calibration_error', 'count_confidence', 'mean_nll', 'sum_nll']

BINS = 15  # as in Guo et al.
SMALLEST = np.finfo(np.float32).tiny


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
    if not pixels.sum():
        return float('nan')
    return float(np.abs(confidence - right).sum() / pixels.sum())


def sum_nll(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    """Sum the negative log-likelihood of the true classes.

    Args:
        probabilities: (K, H, W), each pixel sums to 1. Zero is taken for the smallest positive
            float, so that one pixel cannot make the sum infinite.
        truth: (H, W) uint8; pixels with 255 are left out.

    Returns:
        (2,) float64: sum [nat] and number of pixels. Results of several images are added.

    Raises:
        ValueError: If the sizes differ.
    """
    if probabilities.shape[1:] != truth.shape:
        msg = (
            f'Probabilities are {probabilities.shape[1:]}, the truth is {truth.shape} '
            f'(height, width); expected equal.'
        )
        raise ValueError(msg)
    labelled = truth < len(probabilities)
    index = np.where(labelled, truth, 0)[None].astype(np.intp)
    chosen = np.take_along_axis(probabilities, index, axis=0)[0][labelled]
    nats = -np.log(np.maximum(chosen, SMALLEST)).sum(dtype=np.float64)
    return np.array([nats, labelled.sum()], np.float64)


def mean_nll(sums: npt.NDArray[np.float64]) -> float:
    """Return the mean negative log-likelihood [nat per pixel]; NaN without a pixel.

    Args:
        sums: (2,) as from ``sum_nll``.
    """
    return float(sums[0] / sums[1]) if sums[1] else float('nan')
