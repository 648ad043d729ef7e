# SPDX-License-Identifier: Apache-2.0
"""Boxes and tables of the report."""

from __future__ import annotations

from html import escape
from typing import Any, TYPE_CHECKING

from seg_node.evaluation.page.parts import scroll, section
from seg_node.evaluation.page.tables import card, cards, plain_table, swatch
from seg_node.evaluation.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.taxonomy import Taxonomy

__all__ = ['bags', 'coverage', 'damage', 'headline', 'latency', 'what_ran']

SHOWN_ERRORS = 20
STAGES = {
    'read': 'read the recording',
    'decode': 'decode the image',
    'fit': 'fit to the network',
    'infer': 'network',
    'finish': 'labels, confidence, entropy',
    'crf': 'dense CRF, where it ran',
    'total': 'all of it',
}


def headline(data: Mapping[str, Any]) -> str:
    """Return the figures that everybody asks for as boxes."""
    boxes = [card(str(data['frames']), 'frames', _duration(data))]
    latency_ms = data['latency_ms'].get('total')
    if latency_ms:
        words = f'95 % within {latency_ms["p95"]:.0f} ms'
        boxes.append(card(f'{latency_ms["p50"]:.0f} ms', 'per frame', words))
    if data['mean_flicker'] is not None:
        words = 'labels that change along the flow'
        boxes.append(card(f'{percent(data["mean_flicker"], 2)} %', 'flicker', words))
    if data['mean_entropy'] is not None:
        boxes.append(
            card(f'{percent(data["mean_entropy"], 1)} %', 'entropy', 'mean of all pixels')
        )
    if data['crf']['options']:
        boxes.append(
            card(f'{percent(data["crf"]["rate"], 0)} %', 'CRF ran', 'share of the frames')
        )
    flaws = sum(len(bag['damage']) for bag in data['bags']) + data['failed_frames']
    words = 'of the recordings, see below' if flaws else 'all could be read'
    boxes.append(card(str(flaws), 'flaw' if flaws == 1 else 'flaws', words))
    scores = cards(data['scores']) if data['scores'] else ''
    return f'{scores}<div class="cards">{"".join(boxes)}</div>'


def _duration(data: Mapping[str, Any]) -> str:
    seconds = sum(one['seconds'] for one in data['streams'])
    return f'{seconds / 60:.1f} min' if seconds >= 100 else f'{seconds:.1f} s'  # noqa: PLR2004


def damage(data: Mapping[str, Any]) -> str:
    """Return what is wrong with the recordings, bag by bag."""
    lines = [(bag['name'], sentence) for bag in data['bags'] for sentence in bag['damage']]
    for one in data['streams']:
        where = f'{one["bag"]} {one["topic"]}'
        if one['stamps_back']:
            lines.append((where, f'Stamps go back {one["stamps_back"]} times, as in a loop.'))
        if one['gaps']:
            longest = f'the longest {one["longest_gap"]:.1f} s'
            lines.append((where, f'{one["gaps"]} gaps of more than a second, {longest}.'))
    for one in data['errors'][:SHOWN_ERRORS]:
        where = f'{one["bag"]} {one["topic"]}, frame {one["index"]}'
        lines.append((where, str(one['error'])))
    if data['failed_frames'] > SHOWN_ERRORS:
        words = f'{data["failed_frames"]} frames in all have no result; frames.jsonl names them.'
        lines.append(('all', words))
    if not lines:
        return section('Damage', 'None: every frame of every recording could be read.')
    table = plain_table(('where', 'what'), lines)
    words = 'What could be read is in all figures; what could not is listed here.'
    return section('Damage', words, f'<div class="text scroll flaw">{table}</div>')


def bags(data: Mapping[str, Any]) -> str:
    """Return one line per recording."""
    truth = data['scores'] is not None
    head = ['recording', 'cameras', 'frames', 's']
    head += ['mean IoU %', 'ECE %'] if truth else []
    head += ['entropy %', 'flicker %', 'CRF ran %', 'ms, median', 'ms, 95 %', 'flaws']
    rows = []
    for bag in data['bags']:
        scores, total = bag['scores'] or {}, bag['latency_ms'].get('total') or {}
        row = [
            bag['name'],
            str(len(bag['cameras'])),
            str(bag['frames']),
            f'{sum(one["seconds"] for one in bag["streams"]):.1f}',
        ]
        row += [_percent(scores.get(key), 2) for key in ('mean_iou', 'ece')] if truth else []
        row += [
            _percent(bag['mean_entropy'], 1),
            _percent(bag['mean_flicker'], 2),
            _percent(bag['crf']['rate'], 1),
            _milliseconds(total.get('p50')),
            _milliseconds(total.get('p95')),
            str(len(bag['damage']) + bag['failed_frames']),
        ]
        rows.append(row)
    return section('Recordings', '', scroll(plain_table(head, rows)))


def coverage(data: Mapping[str, Any], classes: Taxonomy) -> str:
    """Return how much of the pictures each class covers, as predicted."""
    largest = max(data['class_share'].values(), default=0.0) or 1.0
    lines = []
    for one in classes.classes:
        share, frames = data['class_share'][one.name], data['class_frames'][one.name]
        width = 100 * share / largest
        lines.append(
            f'<tr><th scope="row">{swatch(one.color)}{escape(one.name)}</th>'
            f'<td>{percent(share, 2)}</td>'
            f'<td class="meter"><span style="width:{width:.1f}%"></span></td>'
            f'<td>{frames}</td><td>{percent(frames / max(data["frames"], 1), 1)}</td></tr>'
        )
    head = (
        '<th>class</th><th>share of pixels %</th><th></th><th>in frames</th><th>in frames %</th>'
    )
    table = (
        f'<table class="classes"><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(lines)}</tbody></table>'
    )
    return section('What was seen', 'Labels as the node would publish them.', scroll(table))


def latency(data: Mapping[str, Any]) -> str:
    """Return times by stage, and what the CRF took part in."""
    rows = [
        (STAGES[stage], *(_milliseconds(data['latency_ms'][stage][one]) for one in SHARES))
        for stage in STAGES
        if stage in data['latency_ms']
    ]
    table = scroll(plain_table(('stage', 'ms, median', 'ms, 95 %', 'ms, 99 %'), rows))
    counts = data['crf']['frames']
    words = ', '.join(f'{name} {count}' for name, count in counts.items())
    return section('Time', f'Per frame on this machine. Decisions about the CRF: {words}.', table)


SHARES = ('p50', 'p95', 'p99')


def what_ran(data: Mapping[str, Any]) -> str:
    """Return bundle, engine, options and machine."""
    bundle, asked = data['bundle'], dict(data['options'])
    if 'labelled' not in asked['sinks']:
        del asked['labelled']
    facts = [
        ('bundle', f'{bundle["name"]}, digest {bundle["digest"]}'),
        ('temperature', f'{data["temperature"]:g}'),
        ('dense CRF', _listed(data['crf']['options']) or 'off'),
        ('smoothing', _listed(asked.pop('smoothing', None)) or 'off'),
        ('engine', _listed(data['engine'])),
        ('machine', _listed(data['machine'])),
        ('versions', _listed(data['versions'])),
        ('options', _listed(_flat(asked))),
    ]
    table = plain_table(('what', 'value'), [fact for fact in facts if fact[1]])
    words = 'replay.json has all figures and sums, frames.jsonl a line per frame.'
    return section('What ran', words, f'<div class="text scroll">{table}</div>')


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options that say something, with the names of nested ones joined by dots."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            found |= {f'{name}.{key}': one for key, one in _flat(value).items()}
        elif value not in (None, [], ''):
            found[name] = value
    return found


def _listed(values: Mapping[str, Any] | None) -> str:
    return ', '.join(f'{name} {value}' for name, value in (values or {}).items() if value != '')


def _percent(value: float | None, digits: int) -> str:
    return '-' if value is None else percent(value, digits)


def _milliseconds(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
