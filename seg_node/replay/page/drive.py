# SPDX-License-Identifier: Apache-2.0
"""The timeline of one camera: what happened when, one strip above the other."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import NamedTuple, TYPE_CHECKING

from seg_node.evaluation.page.curves import nice_top
from seg_node.evaluation.page.parts import scroll
from seg_node.evaluation.page.plot import Axes, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .timeline import Bin, Timeline

__all__ = ['DECISIONS', 'STYLE', 'drive_strips']

SIZE, CRF_SIZE = (1120, 150), (1120, 108)  # [px]
PERCENT = (0.0, 50.0, 100.0)
MILLI = 1e3
TIME = 'time since the first frame, s'
LONGEST_BREAK_S = 2.0  # longer ones are left open
DECISIONS = {
    'ran': 'refined by the CRF',
    'no_time': 'uncertain, but no time left',
    'certain': 'certain enough without',
    'off': 'CRF off',
    'failed': 'CRF failed, network alone',
    'lost': 'no result',
}
STYLE = """
.drive { min-width: 760px; }
.drive svg { display: block; }
.drive rect { shape-rendering: crispEdges; }
.text td:first-child { white-space: nowrap; }
svg .band { fill: var(--share); }
svg .number { fill: var(--ink); font-size: 12px; font-weight: 700; }
.ran { fill: var(--accent); background: var(--accent); }
.no_time { fill: #d08b00; background: #d08b00; }
.certain { fill: var(--share); background: var(--share); }
.off { fill: var(--rule); background: var(--rule); }
.failed { fill: #c8443c; background: #c8443c; }
.lost { fill: var(--warn); background: var(--warn); }
.flaw { border-left: 4px solid var(--warn); padding-left: 12px; }
"""


class Strip(NamedTuple):
    """How one quantity is drawn.

    Attributes:
        quantity: Its name in a bin.
        label: Of the axis, with the unit.
        scale: Factor to that unit.
        whole: Whether the axis ends at 100.
    """

    quantity: str
    label: str
    scale: float
    whole: bool = False


STRIPS = (
    Strip('mean_iou', 'mean IoU, %', 100.0, whole=True),
    Strip('entropy', 'entropy, %', 100.0),
    Strip('flicker', 'flicker, %', 100.0),
    Strip('total', 'ms per frame', MILLI),
)


def drive_strips(timeline: Timeline, marks: Sequence[tuple[float, int]]) -> str:
    """Return the strips of one camera.

    Args:
        timeline: Of the camera.
        marks: Time [s] and number of the moments that are shown.
    """
    bins = list(timeline.bins())
    end, ticks, digits = nice_top(timeline.seconds)
    known = [strip for strip in STRIPS if any(strip.quantity in one.sums for one in bins)]
    decided = {name for one in bins for name in one.crf} | {'lost' for one in bins if one.failed}
    across, last = (Span(words, 0, end, ticks, digits) for words in ('', TIME))
    plain = decided == {'off'}  # of which the head of the page tells
    parts = [
        _strip(strip, bins, last if plain and strip is known[-1] else across, marks)
        for strip in known
    ]
    if plain:
        return scroll(f'<div class="drive">{"".join(parts)}</div>')
    parts.append(_decisions(bins, last, end))
    keys = ''.join(
        f'<span><i class="swatch {name}"></i>{escape(words)}</span>'
        for name, words in DECISIONS.items()
        if name in decided
    )
    body = scroll(f'<div class="drive">{"".join(parts)}</div>')
    return f'{body}<div class="legend">{keys}</div>'


def _strip(
    strip: Strip, bins: Sequence[Bin], across: Span, marks: Sequence[tuple[float, int]]
) -> str:
    values = [(one.time, found) for one in bins if (found := one.values(strip.quantity))]
    highest = strip.scale * max(found.high for _, found in values)
    top, ticks, digits = (100.0, PERCENT, 0) if strip.whole else nice_top(highest)
    axes = Axes(
        across, Span(strip.label, 0, top, ticks[:: _every(ticks)], digits), strip.label, SIZE
    )
    for run in _runs([time for time, _ in values]):
        points = [values[index] for index in run]
        if any(found.low < found.high for _, found in points) and len(points) > 1:
            axes.band(
                [(time, strip.scale * one.low, strip.scale * one.high) for time, one in points],
                'band',
            )
        line = [(time, strip.scale * one.mean) for time, one in points]
        if len(line) == 1:
            axes.dots(line, 'accent-dot')
        axes.line(line, 'accent')
    for time, number in marks:
        axes.line([(time, 0), (time, top)], 'mark')
        axes.text((time, 0.86 * top), f'\u2009{number}', 'number')
    return axes.svg()


def _every(ticks: Sequence[float]) -> int:
    """Return how many ticks to skip, so that a low strip is not crowded."""
    return 2 if len(ticks) > 4 else 1  # noqa: PLR2004 - that many lines of text fit


def _decisions(bins: Sequence[Bin], across: Span, end: float) -> str:
    """Return what share of the frames the CRF ran on, and why not on the others."""
    axes = Axes(across, Span('CRF, %', 0, 100, (0.0, 100.0)), 'decisions about the CRF', CRF_SIZE)
    edges = _edges([one.time for one in bins], end)
    for one, (start, stop) in zip(bins, edges, strict=True):
        counts = {**one.crf, 'lost': one.failed}
        foot = 0.0
        for name in DECISIONS:
            share = 100 * counts.get(name, 0) / one.frames
            if share:
                axes.bar(start, stop, foot + share, name, foot)
            foot += share
    return axes.svg()


def _edges(times: Sequence[float], end: float) -> list[tuple[float, float]]:
    """Return from where to where each bin is drawn: to half the way to its neighbours."""
    edges = []
    for index, time in enumerate(times):
        before = times[index - 1] if index else max(0.0, 2 * time - times[1]) if times[1:] else 0.0
        after = times[index + 1] if index + 1 < len(times) else min(end, 2 * time - before)
        reach = LONGEST_BREAK_S / 2
        edges.append(
            (max((before + time) / 2, time - reach), min((time + after) / 2, time + reach))
        )
    return edges


def _runs(times: Sequence[float]) -> list[list[int]]:
    """Return positions in groups between which nothing was recorded for long."""
    steps = sorted(b - a for a, b in pairwise(times))
    usual = steps[len(steps) // 2] if steps else 0.0
    runs: list[list[int]] = []
    for index, time in enumerate(times):
        if not index or time - times[index - 1] > max(LONGEST_BREAK_S, 3 * usual):
            runs.append([])
        runs[-1].append(index)
    return runs
