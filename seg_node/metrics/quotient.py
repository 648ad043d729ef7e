# SPDX-License-Identifier: Apache-2.0
"""The one division of all scores: nothing of nothing is NaN, and means leave it out."""

from __future__ import annotations

from typing import cast, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.float64]

__all__ = ['mean_of_known', 'ratio']


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Scores:
    """Return part / whole as float64, NaN where the whole is 0; shapes are broadcast."""
    part, whole = np.broadcast_arrays(part, whole)
    empty = np.full(whole.shape, np.nan)
    return cast('Scores', np.divide(part, whole, out=empty, where=whole > 0))


def mean_of_known(scores: Scores) -> float:
    """Return the mean of what is not NaN; NaN if nothing is known."""
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if known.size else float('nan')
