# SPDX-License-Identifier: Apache-2.0
"""The report of a replay that is printed, made from the same data as the JSON."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.evaluation.text import percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['as_text']

SHOWN_DIGITS = 12
SHOWN_ERRORS = 5
SCORES = {
    'mean_iou': 'mean IoU',
    'global_accuracy': 'global accuracy',
    'boundary_iou': 'boundary IoU',
    'ece': 'calibration error (ECE)',
    'aurc': 'area under risk-coverage (AURC)',
}
CLASS_COLUMNS = {
    'class_iou': 'IoU %',
    'class_precision': 'precision %',
    'class_recall': 'recall %',
    'class_share': 'share of truth %',
}


def as_text(data: Mapping[str, Any]) -> str:
    """Return the report for people, without a newline at its end.

    Args:
        data: What ``replay.json`` says.
    """
    parts = [
        _heading(data),
        _bags(data),
        _classes(data),
        _figures(data),
        '\n'.join(_notes(data)),
        _speed(data),
    ]
    return '\n\n'.join(part for part in parts if part)


def _heading(data: Mapping[str, Any]) -> str:
    bundle, engine = data['bundle'], data['engine']
    where = f'{engine["name"]} on {engine["device"]}, {engine["precision"]}'
    crf = 'on' if data['crf'].get('options') else 'off'
    return '\n'.join(
        [
            f'bundle   {bundle["name"]} ({bundle["sha256"][:SHOWN_DIGITS]})',
            f'engine   {where}, threads: {engine["threads"]}',
            f'protocol dense CRF {crf}, temperature {data["temperature"]:g}',
        ]
    )


def _bags(data: Mapping[str, Any]) -> str:
    rows = [_bag_row(bag) for bag in data['bags']]
    if len(rows) > 1:
        rows.append(_bag_row({**data, 'name': 'all'}))
    head = ['recording', 'frames', 'failed', 'mean IoU %', 'flicker %', 'entropy', 'CRF ran %']
    return table(head, rows)


def _bag_row(one: Mapping[str, Any]) -> list[str]:
    scores = one['scores']
    entropy = one['mean_entropy']
    return [
        one['name'],
        str(one['frames']),
        str(one['failed_frames']),
        percent(scores['mean_iou'], 2) if scores else '-',
        percent(one['mean_flicker'], 2),
        '-' if entropy is None else f'{entropy:.4f}',
        percent(one['crf']['rate']),
    ]


def _classes(data: Mapping[str, Any]) -> str:
    """Return a line per class: against truth if there is some, else what was seen."""
    scores = data['scores']
    if scores:
        rows = [
            [name, *(percent(scores[column][name]) for column in CLASS_COLUMNS)]
            for name in scores['class_iou']
        ]
        return table(['class', *CLASS_COLUMNS.values()], rows)
    frames = max(data['frames'], 1)
    rows = [
        [name, percent(share), percent(data['class_frames'][name] / frames)]
        for name, share in data['class_share'].items()
    ]
    return table(['class', 'share of pixels %', 'share of frames %'], rows)


def _figures(data: Mapping[str, Any]) -> str:
    scores = data['scores']
    if not scores:
        return ''
    width = max(len(words) for words in SCORES.values())
    lines = [f'{words:<{width}}  {percent(scores[key], 2):>6} %' for key, words in SCORES.items()]
    lines[0] += f'  over {scores["classes_in_mean"]} of {len(scores["class_iou"])} classes'
    return '\n'.join(lines)


def _notes(data: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know, one sentence each."""
    lines = [f'{bag["name"]}: {sentence}' for bag in data['bags'] for sentence in bag['damage']]
    for stream in data['streams']:
        where = f'{stream["bag"]} {stream["topic"]}'
        if stream['stamps_back']:
            lines.append(
                f'{where}: stamps go back {stream["stamps_back"]} times, as in a looped recording.'
            )
        if stream['gaps']:
            lines.append(
                f'{where}: {stream["gaps"]} gaps of more than a second, the longest '
                f'{stream["longest_gap"]:.1f} s.'
            )
    errors = data['errors']
    lines += [
        f'{one["bag"]} {one["topic"]}, frame {one["index"]}: {one["error"]}'
        for one in errors[:SHOWN_ERRORS]
    ]
    if data['failed_frames'] > SHOWN_ERRORS:
        lines.append(f'{data["failed_frames"]} frames in all have no result, see frames.jsonl.')
    undecided = data['crf'].get('without_decision')
    if undecided:
        lines.append(
            f'{undecided} of {data["frames"]} frames had no decision to follow, so they ran '
            'without the CRF.'
        )
    if data['scores'] and data['frames_with_truth'] < data['frames']:
        lines.append(f'{data["frames_with_truth"]} of {data["frames"]} frames have truth.')
    return lines


def _speed(data: Mapping[str, Any]) -> str:
    latency, machine = data['latency_ms'], data['machine']
    if not latency:
        return ''
    rows = [
        [stage, *(f'{one[share]:.1f}' for share in ('p50', 'p95', 'p99'))]
        for stage, one in latency.items()
    ]
    used = ', '.join(f'{name} {version}' for name, version in data['versions'].items())
    return '\n'.join(
        [
            table(['ms per frame', 'p50', 'p95', 'p99'], rows),
            f'{machine["cpu"]}, {machine["cores"]} cores; {used}',
        ]
    )
