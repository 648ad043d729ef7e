# SPDX-License-Identifier: Apache-2.0
"""The temperature that makes a set most likely, from sums that can be pooled.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017,
section 4.2: probabilities are softmax(scores / T) with the T of least negative log-likelihood. The
search is over a grid, because the sums at its points add up over images and over models, which
the least of each does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.layout import check_planes
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]

__all__ = ['TEMPERATURES', 'best_temperature', 'pixels_for_temperature', 'sum_nll_of_temperatures']

TEMPERATURES: npt.NDArray[np.float64] = np.round(np.geomspace(0.5, 3.0, 181), 4)  # 1 % apart
# Every how many labelled pixels one says something about the temperature. A prime, so that it is
# no column of the image; 1700 of a frame of 480 x 360, which moves the result of a hundred frames
# by less than the grid's step.
STEP = 101
IDS = 256
LOWEST = np.float32(-80)  # exp of less is subnormal: nothing in the sum, and slow


def pixels_for_temperature(truth: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Return the pixels that the temperature is fitted on, in training and in evaluations alike.

    Neighbours say nearly the same; all pixels at all temperatures would cost seconds per image.

    Args:
        truth: (H, W) uint8; 255 is unlabelled.

    Returns:
        (N,) places in ``truth.ravel()``: every 101st labelled pixel, row by row.
    """
    return np.flatnonzero(truth != UNLABELLED)[::STEP]


def sum_nll_of_temperatures(
    scores: Float32Array,
    truth: npt.NDArray[np.uint8],
    temperatures: Float64Array = TEMPERATURES,
    groups: Float32Array | None = None,
) -> Float64Array:
    """Sum the negative log-likelihood of the true classes at each temperature.

    Args:
        scores: (K, ...) float: logits, of an image or of a list of pixels. Logs of probabilities
            do as well; the temperature found then multiplies the one they were made with.
        truth: (...) uint8; pixels with 255 are left out.
        temperatures: (T,), above 0.
        groups: (G, K) of 0 and 1, as from ``taxonomy.class_groups``, if the truth has the ids of
            groups. The temperature divides the scores of the classes; the probabilities of a
            group's members are summed after that. A group without members is left out.

    Returns:
        (T, 2) float64: sum [nat] and number of pixels, as from ``sum_nll``. Results of several
        images, and of several models on images of their own, are added.

    Raises:
        ValueError: If the sizes differ.
    """
    check_planes(scores, truth)
    members = _members(np.eye(len(scores), dtype=np.float32) if groups is None else groups)
    known = np.zeros(IDS, np.bool_)
    known[: len(members)] = members[:, 0] >= 0
    pixel = np.flatnonzero(known[truth])
    logits = scores.reshape(len(scores), -1)[:, pixel]
    own = members[truth.ravel()[pixel]].T
    true = np.where(own < 0, -np.inf, logits[own, np.arange(pixel.size)]).astype(np.float32)
    whole, part = _LogSum(logits), _LogSum(true)
    return np.array([(whole(float(t)) - part(float(t)), pixel.size) for t in temperatures])


def best_temperature(sums: Float64Array, temperatures: Float64Array = TEMPERATURES) -> float:
    """Return the temperature of least negative log-likelihood; NaN without a pixel.

    The least value at either end of the grid means that the grid should reach further.

    Args:
        sums: (T, 2) as from ``sum_nll_of_temperatures``.
        temperatures: (T,), those the sums were made with.
    """
    if not sums[:, 1].any():
        return float('nan')
    return float(temperatures[int(np.argmin(sums[:, 0]))])


class _LogSum:
    """Sum over pixels of ln(sum over rows of exp(scores / T)), for one T after another."""

    def __init__(self, scores: Float32Array) -> None:
        """Take the largest score of each pixel out, so that exp cannot overflow."""
        top = scores.max(axis=0)
        self._below = scores - top
        self._top = float(top.sum(dtype=np.float64))

    def __call__(self, temperature: float) -> float:
        powers = np.maximum(self._below * np.float32(1.0 / temperature), LOWEST)
        np.exp(powers, out=powers)
        return float(np.log(powers.sum(axis=0)).sum(dtype=np.float64)) + self._top / temperature


def _members(groups: Float32Array) -> npt.NDArray[np.intp]:
    """Return the classes of each group, filled up with -1: (G, size of the largest group)."""
    size = max(1, int(groups.sum(axis=1).max()))
    first = np.argsort(-groups, axis=1, kind='stable')[:, :size]
    return np.where(np.take_along_axis(groups, first, axis=1) > 0, first, -1)
