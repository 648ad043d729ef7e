# SPDX-License-Identifier: Apache-2.0
"""How many errors are left if only the surest pixels are used.

Y. Geifman, R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017;
Y. Geifman, G. Uziel, R. El-Yaniv, "Bias-reduced uncertainty estimation for deep neural
classifiers", ICLR 2019 (AURC). Calibration asks whether confidence has the right size, this
whether it puts pixels in the right order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = ['LEVELS', 'RiskCoverage', 'area_under_risk_coverage', 'risk_coverage']

LEVELS = 256
"""Bins for ``count_confidence`` that keep every level of a confidence in uint8 apart."""


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The curve, from the surest pixels to all; one point for each bin that has pixels.

    Attributes:
        coverage: (P,) float64, share of the pixels that are used, rising to 1.
        risk: (P,) float64, share of wrong ones among them.
    """

    coverage: Float64Array
    risk: Float64Array


def risk_coverage(counts: Float64Array) -> RiskCoverage:
    """Return which share of the surest pixels is wrong, for growing shares.

    Args:
        counts: (B, 3) as from ``count_confidence``; many bins, ``bins=LEVELS``, give a fine curve.
            Entropy or another doubt can be counted as its complement, 255 - entropy.

    Example:
        Two sure pixels are right, one of two unsure ones is:

        >>> curve = risk_coverage(np.array([[2, 0.6, 1], [2, 1.8, 2]]))
        >>> curve.coverage.tolist(), curve.risk.tolist()
        ([0.5, 1.0], [0.0, 0.25])
    """
    pixels, wrong = _from_the_surest(counts)
    used = pixels.cumsum()
    total = used[-1] if used.size else 0.0
    return RiskCoverage(used / total, wrong.cumsum() / used)


def area_under_risk_coverage(counts: Float64Array) -> float:
    """Return AURC: the mean risk over all coverages, 0 to 1, lower is better; NaN without a pixel.

    Pixels of one bin are taken in random order, so that the risk in between has a known mean.
    Ordering at random has the error rate r itself, ordering perfectly r + (1 - r) ln(1 - r).

    Args:
        counts: (B, 3) as from ``count_confidence`` with ``bins=LEVELS``.
    """
    pixels, wrong = _from_the_surest(counts)
    if not pixels.size:
        return float('nan')
    before, wrong_before = pixels.cumsum() - pixels, wrong.cumsum() - wrong
    rate = wrong / pixels
    # sum over j = 1 to n of (E + rate j) / (N + j), with E wrong of N pixels before; the sum of
    # 1 / (N + j) is ln((N + n + 1/2) / (N + 1/2)) but for terms of 1 / N^2
    harmonic = np.log((before + pixels + 0.5) / (before + 0.5))
    area = wrong + (wrong_before - rate * before) * harmonic
    return float(area.sum() / pixels.sum())


def _from_the_surest(counts: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return pixels and wrong pixels of the bins that have any, the surest bin first."""
    pixels, _, right = counts[::-1][counts[::-1, 0] > 0].T
    return pixels, pixels - right
