# SPDX-License-Identifier: Apache-2.0
"""Two sides on the same frames: differences with intervals, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Literal, NamedTuple, TYPE_CHECKING

import numpy as np

from seg_node.errors import BagError
from seg_node.replay.compare.bootstrap import draws, interval, SEED
from seg_node.replay.compare.metrics import Metric, metrics_of
from seg_node.replay.compare.sums import figures, key_of, Place, sum_units, UnitSums
from seg_node.replay.compare.units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from seg_node.replay.compare.finished import Records
    from seg_node.replay.record import FrameRecord

    Float64Array = npt.NDArray[np.float64]
    Figures = dict[str, Float64Array]

__all__ = ['LEAST_UNITS', 'Comparison', 'Difference', 'Verdict', 'compare']

LEAST_UNITS = 6
"""With fewer units than this nothing is said about a figure."""

Verdict = Literal['better', 'worse', 'higher', 'lower', 'no difference seen', 'too little data']


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both sides; B is compared to A.

    Attributes:
        metric: Which figure.
        a: Value of side A, in the metric's unit; NaN if there is none.
        b: Value of side B.
        low: Lower end of the 95 % interval of ``b - a``; NaN with too little data.
        high: Upper end.
        support: Units that say something about it.
        verdict: In words: ``better`` or ``worse`` (for what only describes: ``higher`` or
            ``lower``) if the interval does not hold 0.
    """

    metric: Metric
    a: float
    b: float
    low: float
    high: float
    support: int
    verdict: Verdict

    @property
    def change(self) -> float:
        """Return B less A."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, and what they were made from.

    Attributes:
        differences: In the order of a table; figures that neither side has are left out.
        units: What was drawn.
        frames: Frames that both sides have a result for.
        only_a: Frames that only A has one for.
        only_b: Frames that only B has one for.
    """

    differences: tuple[Difference, ...]
    units: Units
    frames: int
    only_a: int
    only_b: int


def compare(
    a: Collection[FrameRecord] | Records,
    b: Collection[FrameRecord] | Records,
    classes: Sequence[str],
    *,
    seed: int = SEED,
) -> Comparison:
    """Compare two runs over the same frames.

    Args:
        a: Frames of the side that is compared to; they are read twice.
        b: Frames of the other one.
        classes: Names of the classes of both.
        seed: Of the draws.

    Raises:
        BagError: If there is no frame that both have a result for.
    """
    of_a, of_b = (
        {key_of(one): _What.of(one) for one in side if one.error is None} for side in (a, b)
    )
    common = [key for key in of_a if key in of_b]
    if not common:
        msg = (
            'The two sides have no frame in common. Compare runs over the same recordings and '
            'topics.'
        )
        raise BagError(msg)
    units = units_of([key[0] for key in common], [of_a[key].log_ns for key in common])
    places = {
        key: Place(
            int(unit),
            flickers=of_a[key].flickers and of_b[key].flickers,
            scored=of_a[key].scored and of_b[key].scored,
        )
        for key, unit in zip(common, units.of_frame, strict=True)
    }
    sums = [sum_units(side, places, units.count, len(classes)) for side in (a, b)]
    return Comparison(
        differences=_differences(sums[0], sums[1], units.count, classes, seed),
        units=units,
        frames=len(common),
        only_a=len(of_a) - len(common),
        only_b=len(of_b) - len(common),
    )


class _What(NamedTuple):
    """What is kept of a frame until it is known whether both sides have it."""

    log_ns: int
    flickers: bool
    scored: bool

    @classmethod
    def of(cls, record: FrameRecord) -> _What:
        return cls(record.log_ns, record.flicker is not None, record.confusion is not None)


def _differences(
    a: UnitSums, b: UnitSums, units: int, classes: Sequence[str], seed: int
) -> tuple[Difference, ...]:
    at_once = np.ones((1, units))
    value_a, value_b = figures(a, at_once, classes), figures(b, at_once, classes)
    changes = _draw(a, b, units, classes, seed)
    found = []
    for metric in metrics_of(classes):
        one, other = float(value_a[metric.name][0]), float(value_b[metric.name][0])
        if math.isnan(one) and math.isnan(other):
            continue
        support = _support(metric, a, b)
        low, high = math.nan, math.nan
        if support >= LEAST_UNITS:
            low, high = interval(changes[metric.name], support)
        found.append(
            Difference(metric, one, other, low, high, support, _verdict(metric, low, high))
        )
    return tuple(found)


def _draw(a: UnitSums, b: UnitSums, units: int, classes: Sequence[str], seed: int) -> Figures:
    """Return the difference of each figure in each draw."""
    size = units + len(a.times) + 3 * len(classes)
    parts: list[Figures] = []
    for weights in draws(units, size, seed):
        of_a, of_b = figures(a, weights, classes), figures(b, weights, classes)
        parts.append({name: of_b[name] - of_a[name] for name in of_a})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _support(metric: Metric, a: UnitSums, b: UnitSums) -> int:
    """Return how many units say something about a metric."""
    if metric.needs == 'frames':
        present = a.entropy[:, 1]
    elif metric.needs == 'flicker':
        present = a.flicker[:, 1]
    elif metric.class_id is None:
        present = a.truth.sum(axis=1)
    else:
        present = (a.truth + a.predicted + b.predicted)[:, metric.class_id]
    return int(np.count_nonzero(present))


def _verdict(metric: Metric, low: float, high: float) -> Verdict:
    if math.isnan(low):
        return 'too little data'
    if low <= 0.0 <= high:
        return 'no difference seen'
    grows = low > 0.0
    if metric.better == 'neither':
        return 'higher' if grows else 'lower'
    return 'better' if grows == (metric.better == 'more') else 'worse'
