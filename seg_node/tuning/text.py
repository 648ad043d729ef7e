# SPDX-License-Identifier: Apache-2.0
"""The report that is printed, made from the same data as the JSON."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.evaluation.text import percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ['as_text']


def as_text(data: Mapping[str, Any]) -> str:
    """Return the report for people, without a newline at its end.

    Args:
        data: From ``as_json``.
    """
    parts = [
        _part_table(data),
        _class_table(data),
        _gate_table(data),
        _sentences(data),
        _preset_lines(data),
        _verdict(data),
    ]
    return '\n\n'.join(parts)


def _part_table(data: Mapping[str, Any]) -> str:
    rows = [
        [part['name'], str(part['frames']), *_row(part['mean_iou']), *_row(part['boundary_f1'])]
        for part in data['parts']
    ]
    pooled = data['held_out']
    frames = str(sum(part['frames'] for part in data['parts']))
    rows.append(['pooled', frames, *_row(pooled['mean_iou']), *_row(pooled['boundary_f1'])])
    return table(['held out', 'frames', *_heads('mean IoU'), *_heads('boundary F1')], rows)


def _class_table(data: Mapping[str, Any]) -> str:
    pooled = data['held_out']
    rows = [
        [name, *_row(pooled['class_iou'][name]), *_row(pooled['class_boundary_f1'][name])]
        for name in pooled['class_iou']
    ]
    return table(['class, held out', *_heads('IoU'), *_heads('boundary F1')], rows)


def _gate_table(data: Mapping[str, Any]) -> str:
    words = {
        'frames': 'on frames that are uncertain enough',
        'pixels': 'on pixels that are not settled',
    }
    keys = ('share', 'kept', 'mean_iou', 'boundary_f1')
    rows = [
        [words[what], *(percent(data['gate'][what][key], 2) for key in keys)] for what in words
    ]
    head = ['CRF, held out', 'share %', 'of the gain %', 'mean IoU %', 'boundary F1 %']
    return table(head, rows)


def _sentences(data: Mapping[str, Any]) -> str:
    seen, search, cost = data['tuned_on'], data['search'], data['crf_ms']
    height, width = data['image_size']
    iou, outlines = (
        ' to '.join(percent(value, 2) for value in seen[key])
        for key in ('mean_iou', 'boundary_f1')
    )
    trials = ', '.join(map(str, search['trials']))
    time = (
        f'CRF ({data["crf_backend"]}) on a frame of {width} x {height}: {cost["clock"]:g} ms, '
        f'{cost["processor"]:g} ms of processor time (medians).'
    )
    tuned_on = (
        f'On the frames it was tuned on, the last preset moves mean IoU from {iou} % and '
        f'boundary F1 from {outlines} %.'
    )
    effort = (
        f'Trials of each search: {trials}; given up early: {sum(search["given_up"])}; '
        f'{search["minutes"]:g} minutes, seed {search["seed"]}.'
    )
    return f'{time}\n{tuned_on}\n{effort}'


def _preset_lines(data: Mapping[str, Any]) -> str:
    preset, kinds = data['preset'], list(data['class_kinds'].values())
    lines = [f'preset: {preset["iterations"]} iterations, mode {preset["mode"]}']
    for kernel in preset['kernels']:
        widths = ', '.join(f'{key} {kernel[key]:g}' for key in ('sxy', 'srgb') if key in kernel)
        weights = {kind: kernel['compat'][kinds.index(kind)] for kind in dict.fromkeys(kinds)}
        listed = ', '.join(f'{kind} {weight:g}' for kind, weight in sorted(weights.items()))
        lines.append(f'  {kernel["kind"]}: {widths}; compat: {listed}')
    margin = preset['margin']
    lines.append('margin: none' if margin is None else f'margin: {margin:g} nats')
    gate = data['preset_gate']
    lines.append(
        f'gate: at least {gate["min_uncertain_fraction"]:g} of the pixels above entropy '
        f'{gate["entropy_threshold"]:g}'
    )
    return '\n'.join(lines)


def _verdict(data: Mapping[str, Any]) -> str:
    if data['faults']:
        lines = ['Bars that are missed on held-out frames:', *data['faults']]
    else:
        lines = ['All bars are met on held-out frames.']
    bars = data['bars']
    listed = ' or '.join(
        f'{percent(bars["most"][what], 0)} % of the {what}' for what in ('frames', 'pixels')
    )
    found = ' and '.join(data['gate_keeps']) or 'neither'
    lines.append(
        f'A gate that keeps {percent(bars["kept"], 0)} % of the gain on at most {listed}: {found}.'
    )
    return '\n'.join(lines)


def _heads(what: str) -> list[str]:
    return [f'{what} %', 'after', 'change']


def _row(pair: Sequence[float | None]) -> list[str]:
    before, after = pair
    change = '-' if before is None or after is None else f'{100 * (after - before):+.2f}'
    return [percent(before, 2), percent(after, 2), change]
