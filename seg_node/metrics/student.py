# SPDX-License-Identifier: Apache-2.0
"""How far a mean of few values may be off: Student's t."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ['student_quantile']

LEVEL = 0.95
NORMAL = NormalDist()


def student_quantile(freedom: float) -> float:
    """Return the 0.975 quantile of Student's t, right to 0.1 % from 5 degrees of freedom on.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    z = NORMAL.inv_cdf((1.0 + LEVEL) / 2.0)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))
