# SPDX-License-Identifier: Apache-2.0
"""Weights in half precision, rounded so that the sum of each filter is kept.

Filters that answer to edges have large weights that cancel each other on even ground. Rounded one
by one, they no longer do, and every pixel of the image is off by the same amount. So what is lost
at one tap is added to the next smaller one, which is rounded more finely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['LARGEST', 'as_half']

LARGEST = float(np.finfo(np.float16).max)
SMALLEST = float(np.finfo(np.float16).smallest_subnormal)
FILTER_RANK = 4


def as_half(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Round constants of a network to half precision.

    Args:
        values: Of any shape; filters are (outputs, inputs, height, width).

    Returns:
        Of the same shape. No filter's sum is off by more than the rounding of its smallest weight;
        what is beyond the range is limited, and no number becomes 0 that was not.
    """
    limited = np.clip(values, -LARGEST, LARGEST)
    if values.ndim == FILTER_RANK and values.size and limited[0, 0].size > 1:
        return _keep_sums(limited.reshape(-1, limited[0, 0].size)).reshape(values.shape)
    tiny = (values != 0) & (np.abs(values) < SMALLEST)  # a guard against division by zero
    return np.where(tiny, np.copysign(SMALLEST, values), limited).astype(np.float16)


def _keep_sums(filters: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Round the taps of filters (F, taps), each with what the larger ones of its filter lost."""
    order = np.argsort(-np.abs(filters), axis=1)
    rounded = np.empty(filters.shape, np.float16)
    lost = np.zeros(len(filters))
    every = np.arange(len(filters))
    for place in order.T:
        wanted = filters[every, place] + lost
        rounded[every, place] = wanted
        lost = wanted - rounded[every, place]
    return rounded
