# SPDX-License-Identifier: Apache-2.0
"""The tables that are printed, made from the same data as the JSON."""

from __future__ import annotations

import math
from statistics import median
from typing import Any, TYPE_CHECKING

from .options import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .compare import Change
    from .rules import Rule

__all__ = ['changes_text', 'result_text']

HEADINGS = (
    'what',
    'size',
    'cameras',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'CPU ms',
    'frames/s',
    'lost %',
    'peak MB',
    'mIoU %',
)
NONE = '-'
OF_MANIFEST = '*'  # behind an accuracy that was not measured at the size of its row


def result_text(data: Mapping[str, Any]) -> str:
    """Return a result for people, without a newline at its end."""
    rows = [HEADINGS, *(_cells(row) for row in data['rows'])]
    settings, machine = data['settings'], data['machine']
    sources = sorted({_source(row['accuracy']) for row in data['rows'] if row['accuracy']})
    failures = [f'\n{row["key"]}: {row["no_rate"]}' for row in data['rows'] if 'no_rate' in row]
    versions = ', '.join(f'{name} {text}' for name, text in data['versions'].items())
    notes = f"""
CPU ms: processor time of the measured process per frame, at no particular rate.
frames/s: a part of the node back to back; the node at the highest rate with at most 5 % lost, of
all cameras together. mIoU: {'; '.join(sources) or 'not known'}.
{settings['drive']}; {', '.join(settings['outputs'])} watched; {_engines(data)},
{settings['threads']} thread(s); bundle {data['bundle']['name']} {data['bundle']['digest']}.
{machine['cpu']}, {machine['cores']} cores, {machine['system']}; yardstick
{median(data['yardstick_ms']):.2f} ms; {versions}."""
    return _table(rows) + '\n' + notes + ''.join(failures)


def _engines(data: Mapping[str, Any]) -> str:
    """Return what really answered, and in which scenes if not everywhere the same."""
    scenes: dict[str, list[str]] = {}
    for row in data['rows']:
        ran_on = row.get('ran_on') or {'engine': data['settings']['engine']}
        scenes.setdefault(' '.join(ran_on.values()), []).append(row['key'])
    if len(scenes) == 1:
        return f'engine {next(iter(scenes))}'
    return '; '.join(f'engine {words}: {", ".join(keys)}' for words, keys in scenes.items())


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    highest = row.get('highest_rate')
    return (
        SUBJECTS[row['subject']],
        row['size'] or NONE,
        str(row['cameras'] or NONE),
        *(f'{row["latency_ms"][name]:.1f}' for name in ('p50', 'p95', 'p99')),
        f'{row["cpu_ms"]:.1f}',
        _frames_per_second(row),
        f'{highest["lost_percent"]:.1f}' if highest else NONE,
        f'{row["peak_memory_mb"]:.0f}',
        _accuracy(row['accuracy']),
    )


def _accuracy(accuracy: Mapping[str, Any] | None) -> str:
    if accuracy is None or accuracy['mean_iou'] is None:
        return NONE
    return f'{100 * accuracy["mean_iou"]:.1f}{OF_MANIFEST if _is_told(accuracy) else ""}'


def _is_told(accuracy: Mapping[str, Any]) -> bool:
    """Tell whether an accuracy is the one figure of the manifest, the same beside each size."""
    return not accuracy.get('at_this_size', accuracy['source'].endswith('at this size'))


def _source(accuracy: Mapping[str, Any]) -> str:
    if not _is_told(accuracy):
        return str(accuracy['source'])
    return f'{OF_MANIFEST} {accuracy["source"]}, at the size of its own data, not of the row'


def _frames_per_second(row: Mapping[str, Any]) -> str:
    if 'no_rate' in row:
        return NONE
    highest = row.get('highest_rate')
    return f'{highest["rate"] * row["cameras"] if highest else row["frames_per_second"]:.1f}'


def changes_text(
    changes: Sequence[Change],
    notes: Sequence[str],
    met: Mapping[Rule, Sequence[Change]],
) -> str:
    """Return a comparison for people, without a newline at its end."""
    rows = [('figure', 'before', 'now', 'change', '95 % interval', 'verdict')]
    rows += [
        (
            one.name,
            _known(one.old, '.4g'),
            _known(one.new, '.4g'),
            _known(100 * one.share, '+.1f', ' %'),
            NONE if math.isnan(one.low) else f'{100 * one.low:+.1f} to {100 * one.high:+.1f} %',
            one.verdict,
        )
        for one in changes
    ]
    verdicts = [
        f'{rule.text}: ' + (f'MET by {", ".join(one.name for one in found)}' if found else 'kept')
        for rule, found in met.items()
    ]
    return '\n'.join([_table(rows), *notes, *verdicts])


def _known(value: float, form: str, unit: str = '') -> str:
    return f'{value:{form}}{unit}' if math.isfinite(value) else NONE


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return columns, the first one to the left, the others to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return '\n'.join(
        '  '.join(
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
