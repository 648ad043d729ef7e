# SPDX-License-Identifier: Apache-2.0
"""Proper scoring rules: lowest when the probabilities are the true ones.

G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
1950; T. Gneiting, A. Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA
2007. Unlike a calibration error they also reward being sure, and need no bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.layout import check_planes

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.uint8]
    Sums = npt.NDArray[np.float64]

__all__ = ['chosen_planes', 'mean_brier', 'mean_nll', 'sum_brier', 'sum_nll']

SMALLEST = np.finfo(np.float32).tiny
FAINT = np.float32(1e-15)  # the square of less is subnormal: nothing in the sum, and slow


def sum_nll(probabilities: Float32Array, truth: Labels) -> Sums:
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
    check_planes(probabilities, truth)
    chosen = chosen_planes(probabilities, truth)
    nats = -np.log(np.maximum(chosen, SMALLEST)).sum(dtype=np.float64)
    return np.array([nats, chosen.size], np.float64)


def mean_nll(sums: Sums) -> float:
    """Return the mean negative log-likelihood [nat per pixel]; NaN without a pixel.

    Args:
        sums: (2,) as from ``sum_nll``.
    """
    return _mean(sums)


def sum_brier(probabilities: Float32Array, truth: Labels) -> Sums:
    """Sum the Brier scores: squared distances to the one-hot truth, over all classes.

    sum over k of (p_k - y_k)^2 = sum over k of p_k^2 - 2 p_true + 1, from 0 to 2, as Brier had it;
    with two classes that is twice the form with one probability.

    Args:
        probabilities: (K, H, W), each pixel sums to 1.
        truth: (H, W) uint8; pixels with 255 are left out.

    Returns:
        (2,) float64: sum and number of pixels. Results of several images are added.

    Raises:
        ValueError: If the sizes differ.
    """
    check_planes(probabilities, truth)
    chosen = chosen_planes(probabilities, truth)
    visible = np.maximum(probabilities, FAINT)
    squares = np.einsum('k...,k...->...', visible, visible)
    total = squares[truth < len(probabilities)].sum(dtype=np.float64)
    total += chosen.size - 2.0 * chosen.sum(dtype=np.float64)
    return np.array([total, chosen.size], np.float64)


def mean_brier(sums: Sums) -> float:
    """Return the mean Brier score per pixel, 0 to 2; NaN without a pixel.

    Args:
        sums: (2,) as from ``sum_brier``.

    Example:
        A pixel that is 80 % sure, and right: 0.2^2 + 0.2^2.

        >>> planes = np.array([[[0.8]], [[0.2]]])
        >>> round(mean_brier(sum_brier(planes, np.zeros((1, 1), np.uint8))), 6)
        0.08
    """
    return _mean(sums)


def chosen_planes(planes: Float32Array, truth: Labels) -> Float32Array:
    """Return the value in the plane of the true class, at each labelled pixel in order.

    Args:
        planes: (K, ...).
        truth: (...) uint8; pixels with 255 are left out.

    Returns:
        (n,) of the type of the planes, n the number of labelled pixels.
    """
    pixel = np.flatnonzero(truth < len(planes))
    chosen: Float32Array = planes.reshape(len(planes), -1)[truth.ravel()[pixel], pixel]
    return chosen


def _mean(sums: Sums) -> float:
    return float(sums[0] / sums[1]) if sums[1] else float('nan')
