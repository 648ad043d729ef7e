# SPDX-License-Identifier: Apache-2.0
"""The plots of the page: calibration, risk, temperature and drivable area."""

from __future__ import annotations

import math
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.figures import DRIVABLE_LIMIT
from seg_node.evaluation.page.plot import Axes, Span
from seg_node.evaluation.sums import binned
from seg_node.metrics import (
    drivable_curve,
    probability_of_level,
    reliability,
    risk_coverage,
    road_users,
    TEMPERATURES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.evaluation.sums import Sums
    from seg_node.taxonomy import Taxonomy

    Float64Array = npt.NDArray[np.float64]
    Point = tuple[float, float]

__all__ = ['drivable_plots', 'nice_top', 'reliability_plot', 'risk_plot', 'temperature_plot']

PERCENT = tuple(range(0, 101, 20))
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reliability_plot(sums: Sums) -> str:
    """Return the share of right pixels over confidence, in the bins of the calibration error."""
    found = reliability(binned(sums.confidence))
    axes = Axes(
        Span('confidence, %', 0, 100, PERCENT), Span('right, %', 0, 100, PERCENT), 'reliability'
    )
    edges = np.linspace(0, 100, len(found.share) + 1)
    for start, stop, share in zip(edges[:-1], edges[1:], found.share, strict=True):
        if share > 0:
            axes.bar(start, stop, 100 * share, 'share')
    axes.line([(0, 0), (100, 100)], 'ideal')
    points = _points(100 * found.confidence, 100 * found.accuracy)
    axes.line(points, 'accent')
    axes.dots(points, 'accent-dot')
    return axes.svg()


def risk_plot(sums: Sums) -> str:
    """Return the share of wrong pixels among the surest ones, for growing shares of these."""
    curve = risk_coverage(sums.confidence)
    worst = float(100 * curve.risk.max()) if curve.risk.size else 1.0
    top, ticks, digits = nice_top(worst)
    axes = Axes(
        Span('share of the surest pixels used, %', 0, 100, PERCENT),
        Span('wrong among them, %', 0, top, ticks, digits),
        'risk over coverage',
    )
    points = _points(100 * curve.coverage, 100 * curve.risk)
    axes.line([(0.0, points[0][1]), *points] if points else [], 'accent')
    return axes.svg()


def temperature_plot(sums: Sums, data: Mapping[str, Any]) -> str:
    """Return the negative log-likelihood over the temperature, with the one that was used."""
    total, pixels = sums.nll_of_temperatures.T
    if not pixels.any():
        return ''
    nll = total / pixels
    used, best = data['temperature'], data['best_temperature']
    top, ticks, digits = nice_top(float(nll.max()))
    span = Span('temperature', 0.5, 3.0, (0.5, 1, 1.5, 2, 2.5, 3), 1)
    axes = Axes(span, Span('NLL, nat per pixel', 0, top, ticks, digits), 'NLL over temperature')
    axes.line(_points(TEMPERATURES, nll), 'accent')
    lowest = float(nll.min())
    axes.line([(used, 0), (used, top)], 'mark')
    side, shift = ('start', 0.03) if used < 2 else ('end', -0.03)  # noqa: PLR2004 - mid of the axis
    axes.text((used + shift, top * 0.06), f'used: {used:g}', anchor=side)
    axes.dots([(best, lowest)], 'accent-dot')
    axes.text((best + 0.05, lowest - top * 0.07), f'best: {best:g}')
    return axes.svg()


def drivable_plots(sums: Sums, classes: Taxonomy, data: Mapping[str, Any]) -> list[str]:
    """Return recall with precision, and the false-drivable rate, over the smallest probability."""
    curve = drivable_curve(sums.drivable, classes.drivable, road_users(classes.names))
    x = np.array([probability_of_level(level) for level in range(len(curve.recall))])
    threshold = data['drivable']['threshold']
    share = Span('smallest probability', 0, 1, SHARES, 1)
    upper = Axes(share, Span('%', 0, 100, PERCENT), 'recall and precision of the drivable area')
    upper.line(_points(x, 100 * curve.precision), 'second')
    upper.line(_points(x, 100 * curve.recall), 'accent')
    rate = 100 * curve.false_drivable
    known = rate[~np.isnan(rate)]
    if not known.size:
        return [upper.svg()]
    top, ticks, digits = nice_top(max(float(known.max()), 120 * DRIVABLE_LIMIT))
    lower = Axes(share, Span('false-drivable, %', 0, top, ticks, digits), 'false-drivable rate')
    limit = 100 * DRIVABLE_LIMIT
    lower.line([(0, limit), (1, limit)], 'ideal')
    lower.text((0.02, limit + top * 0.02), f'limit {limit:g} %')
    lower.line(_points(x, rate), 'warn')
    for axes, height in ((upper, 100.0), (lower, top)):
        if threshold is not None:
            axes.line([(threshold, 0), (threshold, height)], 'mark')
    return [upper.svg(), lower.svg()]


def nice_top(value: float) -> tuple[float, list[float], int]:
    """Return a round end of an axis from 0 that holds a value, its ticks and their digits.

    Example:
        >>> nice_top(7.3)
        (8.0, [0.0, 2.0, 4.0, 6.0, 8.0], 0)
    """
    value = value if value > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(value))
    step = next(s * power for s in (0.2, 0.25, 0.5, 1.0, 2.0, 2.5) if s * power * 5 >= value)
    count = math.ceil(value / step - 1e-9)
    digits = next(d for d in range(9) if math.isclose(step * 10**d, round(step * 10**d)))
    return step * count, [step * index for index in range(count + 1)], digits


def _points(x: Float64Array, y: Float64Array) -> list[Point]:
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True) if not math.isnan(a + b)]
