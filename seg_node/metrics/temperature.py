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

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = ['TEMPERATURES', 'best_temperature', 'sum_nll_of_temperatures']

TEMPERATURES: npt.NDArray[np.float64] = np.round(np.geomspace(0.5, 3.0, 181), 4)  # 1 % apart
STEP = 47  # 2 % of the pixels; neighbours say nearly the same
LOWEST = np.float32(-80)  # exp of less is subnormal: nothing in the sum, and slow


def sum_nll_of_temperatures(
    scores: npt.NDArray[np.float32],
    truth: npt.NDArray[np.uint8],
    temperatures: Float64Array = TEMPERATURES,
    step: int = STEP,
) -> Float64Array:
    """Sum the negative log-likelihood of the true classes at each temperature.

    Args:
        scores: (K, ...) float: logits, of an image or of a list of pixels. Logs of probabilities
            do as well; the temperature found then multiplies the one they were made with.
        truth: (...) uint8; pixels with 255 are left out.
        temperatures: (T,), above 0.
        step: Every how many labelled pixels one is taken, row by row; 1 takes all. All of an image
            at all temperatures would cost seconds.

    Returns:
        (T, 2) float64: sum [nat] and number of pixels, as from ``sum_nll``. Results of several
        images, and of several models on images of their own, are added.

    Raises:
        ValueError: If the sizes differ.
    """
    check_planes(scores, truth)
    pixel = np.flatnonzero(truth < len(scores))[::step]
    logits = scores.reshape(len(scores), -1)[:, pixel]
    logits = logits - logits.max(axis=0)  # so that exp cannot overflow; the rest is unchanged
    true = logits[truth.ravel()[pixel], np.arange(pixel.size)]
    return np.array([_sum_nll(logits, true, float(t)) for t in temperatures])


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


def _sum_nll(
    logits: npt.NDArray[np.float32], true: npt.NDArray[np.float32], temperature: float
) -> tuple[float, float]:
    """Return sum [nat] and number of pixels; the largest logit of each pixel is 0."""
    scaled = np.maximum(logits * np.float32(1.0 / temperature), LOWEST)
    partition = np.log(np.exp(scaled, out=scaled).sum(axis=0))
    nats = partition.sum(dtype=np.float64) - true.sum(dtype=np.float64) / temperature
    return float(nats), float(true.size)
