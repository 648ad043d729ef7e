# SPDX-License-Identifier: Apache-2.0
"""Two benchmarks: what got faster or slower, and what is only noise.

Each scene was measured in several runs. The 95 % interval of a change is Welch's for the means of
the runs' logarithms (B. L. Welch, "The generalization of Student's problem when several different
population variances are involved", Biometrika 34, 1947), so it is a ratio of geometric means. On
both sides it is made wider by how much the yardstick changed, work that has nothing to do with
this package: by so much the machine itself may have changed.

Lost frames and accuracy are one number each and do not depend on how busy the machine is, so they
are judged without an interval.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
import math
from statistics import fmean, median, variance
from typing import Any, Literal, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.metrics.student import student_quantile

from .benchmark import FORMAT, KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ['FEWEST_RUNS', 'Change', 'Verdict', 'changes', 'drift', 'read_result', 'warnings']

Verdict = Literal['faster', 'slower', 'higher', 'lower', 'no difference', 'not judged']
LEAST = {'p50': 0.02, 'p95': 0.05, 'p99': 0.05, 'cpu': 0.02}
"""Smaller changes are none, however sure they are."""
LEAST_ACCURACY = 0.1
"""A smaller change of the mean IoU is none [percentage points]: engines round differently."""
FEWEST_RUNS = 3
DRIFT = 0.05
"""A change of the yardstick that people are told of."""


@dataclass(frozen=True, slots=True)
class Change:
    """How one figure of one scene changed.

    Attributes:
        name: Key of the scene and the figure, for example ``'node.720p.1.cpu'``.
        old: Figure before [ms, Hz, MB, %]; NaN if none was found.
        new: Figure now.
        low: Lower end of the interval of the change, in parts of the old figure; NaN if there are
            no runs to tell it from.
        high: Upper end.
        verdict: What that means: faster or slower for times, higher or lower for lost frames and
            accuracy.
    """

    name: str
    old: float
    new: float
    low: float
    high: float
    verdict: Verdict

    @property
    def share(self) -> float:
        """The change in parts of the old figure, 0.1 for 10 % more; infinite if that was 0."""
        if self.old:
            return self.new / self.old - 1.0
        return self.new * math.inf if self.new else 0.0

    @property
    def is_time(self) -> bool:
        """Whether the figure has an interval, and can be faster or slower."""
        return self.name.rpartition('.')[2] in LEAST

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; None for what is not known."""
        data = {**asdict(self), 'share': self.share}
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in data.items()
        }


def read_result(file: Path) -> dict[str, Any]:
    """Return a stored result.

    Raises:
        ParameterError: If the file cannot be read or is no result of this format.
    """
    try:
        data = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as err:
        msg = f'{str(file)!r} cannot be read ({err}); expected what "seg benchmark --out" wrote.'
        raise ParameterError(msg) from err
    if not isinstance(data, dict) or (data.get('kind'), data.get('format')) != (KIND, FORMAT):
        msg = (
            f'{str(file)!r} is no result of a benchmark of format {FORMAT}; expected what '
            '"seg benchmark --out" of this version wrote.'
        )
        raise ParameterError(msg)
    return data


def drift(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """Return by how much the machine's own speed changed: 0.1 if it takes 10 % longer now."""
    before, now = (median(map(float, one['yardstick_ms'])) for one in (old, new))
    return now / before - 1.0


def warnings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what else differs between two results, in sentences."""
    found = [
        f'{what} differ: {_unlike(old[key], new[key])}.'
        for key, what in (
            ('machine', 'Machines'),
            ('settings', 'Settings'),
            ('versions', 'Versions'),
            ('bundle', 'Bundles'),
        )
        if old[key] != new[key]
    ]
    before = {row['key']: row.get('ran_on') for row in old['rows']}
    for row in new['rows']:
        then, now = before.get(row['key']), row.get('ran_on')
        if then and now and then != now:
            found.append(f'{row["key"]} ran on something else: {_unlike(then, now)}.')
    if abs(moved := drift(old, new)) > DRIFT:
        found.append(
            f'The machine itself takes {100 * moved:+.0f} % for the same work; intervals are '
            'that much wider. Repeat the benchmark when it is quiet.'
        )
    return [*found, *_losses(old, new)]


def _losses(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield what no gain in time makes good, and where accuracy cannot be compared."""
    for before, now in _pairs(old, new):
        for one in _single(before, now):
            numbers = f'{one.name}: {one.old:.4g} % before, {one.new:.4g} % now'
            if one.name.endswith('.lost') and one.verdict == 'higher':
                yield f'{numbers}: more frames are lost.'
            elif one.name.endswith('.mean_iou') and one.verdict == 'lower':
                yield f'{numbers}: masks are less accurate.'
            elif one.verdict == 'not judged':
                yield f'{numbers}: not measured on the same data, so not judged.'


def _unlike(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ', '.join(f'{key} {old.get(key)} -> {new.get(key)}' for key in keys)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return how the figures of the scenes changed that both results have.

    Raises:
        ParameterError: If they have none in common.
    """
    pairs = _pairs(old, new)
    if not pairs:
        msg = (
            f'The stored result has {", ".join(row["key"] for row in old["rows"])}, and this one '
            f'{", ".join(row["key"] for row in new["rows"])}: there is nothing to compare. Give '
            'the same sizes and cameras.'
        )
        raise ParameterError(msg)
    moved = abs(math.log1p(drift(old, new)))
    return [one for a, b in pairs for one in _of_scene(a, b, moved)]


def _pairs(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the rows of each scene that both results have."""
    before = {row['key']: row for row in old['rows']}
    return [(before[row['key']], row) for row in new['rows'] if row['key'] in before]


def _of_scene(old: Mapping[str, Any], new: Mapping[str, Any], moved: float) -> Iterator[Change]:
    key = new['key']
    for figure in LEAST:
        yield _judged(f'{key}.{figure}', figure, _runs(old, figure), _runs(new, figure), moved)
    if 'highest_rate' in old and 'highest_rate' in new:
        yield _unjudged(f'{key}.rate', _rate(old), _rate(new))
    yield _unjudged(f'{key}.memory', old['peak_memory_mb'], new['peak_memory_mb'])
    yield from _single(old, new)


def _single(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield lost frames and accuracy, where both rows have them."""
    if 'lost' in old and 'lost' in new:
        yield _compared(f'{new["key"]}.lost', _lost(old), _lost(new), 0.0)
    told, tells = old.get('accuracy'), new.get('accuracy')
    if told and tells:
        name, before, now = f'{new["key"]}.mean_iou', _mean_iou(told), _mean_iou(tells)
        same = all(told.get(key) == tells.get(key) for key in ('source', 'classes', 'images'))
        yield _compared(name, before, now, LEAST_ACCURACY if same else math.nan)


def _lost(row: Mapping[str, Any]) -> float:
    """Return how many of the frames that were sent one by one got no answer [%]."""
    lost, answered = float(row['lost']), float(row['frames'])
    return 100.0 * lost / max(lost + answered, 1.0)


def _mean_iou(accuracy: Mapping[str, Any]) -> float:
    value = accuracy['mean_iou']
    return math.nan if value is None else 100.0 * float(value)


def _compared(name: str, old: float, new: float, least: float) -> Change:
    """Return a change of single numbers, which is one above ``least``; NaN judges none."""
    verdict: Verdict = 'no difference'
    if math.isnan(new - old + least):
        verdict = 'not judged'
    elif abs(new - old) > least:
        verdict = 'higher' if new > old else 'lower'
    return Change(name, old, new, math.nan, math.nan, verdict)


def _rate(row: Mapping[str, Any]) -> float:
    return float(row['highest_rate']['rate']) if row['highest_rate'] else math.nan


def _unjudged(name: str, old: float, new: float) -> Change:
    """Return a change of a figure that was measured once, so that nobody knows its noise."""
    return Change(name, old, new, math.nan, math.nan, 'not judged')


def _runs(row: Mapping[str, Any], figure: str) -> list[float]:
    return [one[figure] for one in row['runs']]


def _judged(
    name: str, figure: str, old: Sequence[float], new: Sequence[float], moved: float
) -> Change:
    low, high = interval(old, new, moved)
    change = Change(name, median(old), median(new), low, high, 'not judged')
    if math.isnan(low):
        return change
    verdict: Verdict = 'no difference'
    if (low > 0.0 or high < 0.0) and abs(change.share) >= LEAST[figure]:
        verdict = 'slower' if change.share > 0.0 else 'faster'
    return Change(name, change.old, change.new, low, high, verdict)


def interval(old: Sequence[float], new: Sequence[float], moved: float) -> tuple[float, float]:
    """Return the 95 % interval of the change from old runs to new ones, in parts of the old.

    Args:
        old: Figure of each run, above 0.
        new: The same now.
        moved: By how much the interval is to be wider on both sides, as a logarithm of a ratio.

    Returns:
        Lower and upper end; NaN for fewer than ``FEWEST_RUNS`` runs.
    """
    if min(len(old), len(new)) < FEWEST_RUNS:
        return math.nan, math.nan
    a, b = ([math.log(value) for value in side] for side in (old, new))
    parts = [variance(side) / len(side) for side in (a, b)]
    error = math.sqrt(sum(parts))
    reach = moved
    if error > 0.0:
        freedom = error**4 / sum(
            part**2 / (len(side) - 1) for part, side in zip(parts, (a, b), strict=True)
        )
        reach += error * student_quantile(freedom)
    middle = fmean(b) - fmean(a)
    return math.expm1(middle - reach), math.expm1(middle + reach)
