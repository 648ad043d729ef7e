# SPDX-License-Identifier: Apache-2.0
"""Paired bootstrap over units: both sides are drawn together, so what they share cancels out.

B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13; drawing
blocks of a sequence: E. Carlstein, "The use of subseries values for estimating the variance of a
general statistic from a stationary sequence", Annals of Statistics 14, 1986. The percentiles are
moved outwards for few units as in T. Hesterberg, "What teachers should know about the bootstrap",
The American Statistician 69, 2015, section 4.3 ("expanded percentile interval").
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.student import student_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = ['DRAWS', 'SEED', 'draws', 'interval']

DRAWS = 4000
"""How often units are drawn; the ends of an interval then move little with the seed."""
SEED = 0
MOST_NUMBERS = 4_000_000  # of a part of the draws that is in memory at a time

NORMAL = NormalDist()


def draws(units: int, numbers_per_draw: int, seed: int = SEED) -> Iterator[Float64Array]:
    """Yield how often each unit is drawn, when as many are drawn as there are, with replacement.

    Args:
        units: Number of units U, at least 1.
        numbers_per_draw: What the caller needs for one draw; decides how many come at a time.
        seed: Of the random numbers; the draws do not depend on how many come at a time.

    Yields:
        (R, U) float64, ``DRAWS`` rows in all.
    """
    rng = np.random.default_rng(seed)
    at_a_time = max(1, min(DRAWS, MOST_NUMBERS // max(1, numbers_per_draw)))
    share = np.full(units, 1.0 / units)
    for begin in range(0, DRAWS, at_a_time):
        rows = min(at_a_time, DRAWS - begin)
        yield rng.multinomial(units, share, size=rows).astype(np.float64)


def interval(values: Float64Array, support: int) -> tuple[float, float]:
    """Return the 95 % interval of a figure from its values in all draws.

    Args:
        values: (R,) float64; NaN where a draw had nothing to divide by.
        support: Units that say something about the figure, at least 2.

    Returns:
        Lower and upper end; NaN if no draw has a value.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return math.nan, math.nan
    # The spread of n values around their mean is too small by sqrt((n - 1) / n), and the normal
    # quantile too small for a spread that is estimated from n values.
    reach = math.sqrt(support / (support - 1)) * student_quantile(support - 1)
    tail = NORMAL.cdf(-reach)
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return float(low), float(high)
