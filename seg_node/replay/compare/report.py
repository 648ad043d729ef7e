# SPDX-License-Identifier: Apache-2.0
"""A comparison for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
import math
from typing import Any, TYPE_CHECKING

from seg_node.evaluation.text import table
from seg_node.replay.compare.bootstrap import DRAWS, SEED
from seg_node.replay.compare.comparison import LEAST_UNITS
from seg_node.replay.compare.units import BLOCK_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seg_node.replay.compare.comparison import Comparison, Difference
    from seg_node.replay.compare.rules import Rule

    Broken = Mapping[Rule, Sequence[Difference]]

__all__ = ['COMPARISON_FORMAT', 'as_json', 'as_text']

COMPARISON_FORMAT = 1
HEAD = ('', 'A', 'B', 'B - A', '95 % interval', 'verdict')
UNITS = {'points': '%', 'ms': 'ms'}


def as_text(comparison: Comparison, sides: tuple[str, str], broken: Broken) -> str:
    """Return the report that is printed, without a newline at its end.

    Args:
        comparison: Two sides on the same frames.
        sides: What the user called A and B.
        broken: The rules, each with the differences that meet it.
    """
    head = '\n'.join(
        [
            f'A       {sides[0]}',
            f'B       {sides[1]}',
            f'frames  {_frames(comparison)}',
            f'draws   {_units(comparison)}',
        ]
    )
    rows = [_row(one) for one in comparison.differences]
    rules = '\n'.join(_rule(rule, met, comparison) for rule, met in broken.items())
    return '\n\n'.join(part for part in (head, table(HEAD, rows), rules) if part)


def as_json(
    comparison: Comparison, sides: tuple[Mapping[str, Any], Mapping[str, Any]], broken: Broken
) -> dict[str, Any]:
    """Return plain data; shares are in points (0 to 100), times in ms, unknown values None.

    Args:
        comparison: Two sides on the same frames.
        sides: What is known of A and B, as plain data.
        broken: The rules, each with the differences that meet it.
    """
    return {
        'format': COMPARISON_FORMAT,
        'kind': 'comparison',
        'a': dict(sides[0]),
        'b': dict(sides[1]),
        'frames': comparison.frames,
        'frames_only_a': comparison.only_a,
        'frames_only_b': comparison.only_b,
        'drawn': comparison.units.kind,
        'units': comparison.units.count,
        'draws': DRAWS,
        'seed': SEED,
        'metrics': {one.metric.name: _plain(one) for one in comparison.differences},
        'rules': [
            {
                'rule': rule.text,
                'met_by': [one.metric.name for one in met],
                'not_judged': [one.metric.name for one in rule.not_judged(comparison)],
                'too_little_data': [one.metric.name for one in rule.unsure(comparison)],
            }
            for rule, met in broken.items()
        ],
    }


def _frames(comparison: Comparison) -> str:
    left_out = [
        f'{count} of {side} alone'
        for side, count in (('A', comparison.only_a), ('B', comparison.only_b))
        if count
    ]
    return f'{comparison.frames} of both{", not compared: " if left_out else ""}' + ', '.join(
        left_out
    )


def _units(comparison: Comparison) -> str:
    units = comparison.units
    if units.kind == 'recording':
        return f'{units.count} recordings'
    blocks = '1 block' if units.count == 1 else f'{units.count} blocks'
    return f'{blocks} of at least {BLOCK_S:g} s; speaking for these drives alone'


def _row(one: Difference) -> list[str]:
    metric = one.metric
    unit = UNITS[metric.unit]
    verdict: str = one.verdict
    if one.verdict == 'too little data':
        verdict = f'too little data ({one.support} of {LEAST_UNITS})'
    return [
        f'{metric.words} [{unit}]' if metric.class_id is None else metric.words,
        _number(one.a),
        _number(one.b),
        _number(one.change, sign='+'),
        '-' if math.isnan(one.low) else f'{one.low:+.2f} to {one.high:+.2f}',
        verdict,
    ]


def _number(value: float, sign: str = '') -> str:
    return '-' if math.isnan(value) else f'{value:{sign}.2f}'


def _rule(rule: Rule, met: Sequence[Difference], comparison: Comparison) -> str:
    """Return the line of a rule, with what it cannot tell."""
    not_judged, unsure = rule.not_judged(comparison), rule.unsure(comparison)
    if met:
        named = ', '.join(f'{one.metric.name} {_number(one.change, sign="+")}' for one in met)
        text = f'BROKEN: {rule.text} ({named})'
    elif unsure and rule.metric == unsure[0].metric.name:
        return f'kept (too little data to tell): {rule.text}'
    else:
        text = f'kept:   {rule.text}'
    if unsure:
        text += f'; too little data to tell of {_names(unsure)}'
    if not_judged:
        text += f'; too little data to judge {_names(not_judged)}'
    return text


def _names(differences: Sequence[Difference]) -> str:
    return ', '.join(one.metric.name for one in differences)


def _plain(one: Difference) -> dict[str, Any]:
    values = {**asdict(one), 'difference': one.change}
    metric = values.pop('metric')
    plain = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }
    return {**plain, 'unit': metric['unit'], 'better': metric['better']}
