# SPDX-License-Identifier: Apache-2.0
"""The report that is printed, made from the same data as the JSON."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.evaluation.figures import better_temperature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ['CLASS_COLUMNS', 'FIGURES', 'as_text', 'notes', 'percent', 'table']

SHOWN_DIGITS = 12
CRF_RAN_MS = 0.5  # the stage is in every frame, but takes no time when the CRF is off
CLASS_COLUMNS = {
    'class_iou': 'IoU %',
    'class_dice': 'Dice %',
    'class_precision': 'precision %',
    'class_recall': 'recall %',
    'class_boundary_iou': 'boundary IoU %',
    'class_ece': 'ECE %',
    'class_share': 'share of truth %',
}
FIGURES = {
    'mean_iou': 'mean IoU',
    'mean_dice': 'mean Dice',
    'global_accuracy': 'global accuracy',
    'class_accuracy': 'class accuracy (mean recall)',
    'fw_iou': 'frequency-weighted IoU',
    'mean_iou_of_images': 'mean IoU of images',
    'boundary_iou': 'boundary IoU',
    'boundary_f1': 'boundary F1',
    'ece': 'calibration error (ECE)',
    'class_wise_ece': 'class-wise ECE',
    'ece_of_images': 'ECE of images',
    'aurc': 'area under risk-coverage (AURC)',
}
SUMS = {
    'nll': ('negative log-likelihood (NLL)', 'nat per pixel'),
    'brier': ('Brier score', '0 to 2'),
}


def as_text(data: Mapping[str, Any]) -> str:
    """Return the report for people, without a newline at its end.

    Args:
        data: As from ``as_json`` or ``pooled_json``.
    """
    parts = [
        _heading(data),
        _class_table(data),
        _figures(data),
        _drivable(data),
        '\n'.join(notes(data)),
        _speed(data),
    ]
    return '\n\n'.join(part for part in parts if part)


def _heading(data: Mapping[str, Any]) -> str:
    classes = f'{len(data["class_iou"])} classes of {data["taxonomy"]}'
    if data['classes_summed']:
        classes += f', made from {_own_classes(data)} by summing probabilities'
    lines = []
    for source in data['sources']:
        name, digest = source['bundle'], source['sha256'][:SHOWN_DIGITS]
        lines.append(f'bundle   {name} ({digest})')
        split = f'{source["dataset"]}, split {source["split"]}'
        lines.append(f'data     {split}, {source["frames"]} frames')
    lines.append(f'classes  {classes}')
    if engine := data.get('engine'):
        where = f'{engine["name"]} on {engine["device"]}, {engine["precision"]}'
        lines.append(f'engine   {where}, threads: {engine["threads"]}')
    else:
        lines.append(f'engine   {data["precision"]}')
    lines.append(f'protocol {data["protocol"]}, temperature {data["temperature"]:g}')
    return '\n'.join(lines)


def _own_classes(data: Mapping[str, Any]) -> str:
    bundle = data.get('bundle')
    return str(bundle['taxonomy']) if bundle else 'finer ones'


def _class_table(data: Mapping[str, Any]) -> str:
    rows = [
        [name, *(percent(data[column][name]) for column in CLASS_COLUMNS)]
        for name in data['class_iou']
    ]
    return table(['class', *CLASS_COLUMNS.values()], rows)


def _figures(data: Mapping[str, Any]) -> str:
    rows = [(words, f'{percent(data[key], 2)} %', '') for key, words in FIGURES.items()]
    over = f'over {data["classes_in_mean"]} of {len(data["class_iou"])} classes'
    rows[0] = (*rows[0][:2], over)
    for key, (words, unit) in SUMS.items():
        rows.append((words, '-' if data[key] is None else f'{data[key]:.4f}', unit))
    width = max(len(words) for words, _, _ in rows)
    lines = [f'{words:<{width}}  {value:>8}  {unit}'.rstrip() for words, value, unit in rows]
    if data['category_iou']:
        listed = (f'{name} {percent(iou)}' for name, iou in data['category_iou'].items())
        lines.append(f'IoU % of categories: {", ".join(listed)}')
    return '\n'.join(lines)


def _drivable(data: Mapping[str, Any]) -> str:
    found = data['drivable']
    if found is None:
        return ''
    head = ['drivable area', *('recall %', 'precision %', 'IoU %', 'false-drivable %')]
    half = found['at_half']
    rows = [['at the smallest probability 0.5', *_operating_point(half)]]
    if found['threshold'] is not None:
        words = f'at {found["threshold"]:.3f}, the least with at most 0.5 % false'
        rows.append([words, *_operating_point(found)])
    return table(head, rows)


def _operating_point(point: Mapping[str, Any]) -> list[str]:
    keys = ('recall', 'precision', 'iou', 'false_drivable_rate')
    return [percent(point[key], 2) for key in keys]


def notes(data: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know to read the figures right, one sentence each."""
    absent = [name for name, iou in data['class_iou'].items() if iou is None]
    phantom = [
        name
        for name, share in data['class_share'].items()
        if share == 0 and data['class_iou'][name] is not None
    ]
    lines = []
    if absent:
        lines.append(f'Neither in the truth nor predicted, not in any mean: {", ".join(absent)}.')
    if phantom:
        lines.append(f'Predicted but not in the truth, IoU 0 in the mean: {", ".join(phantom)}.')
    decided = data.get('crf_frames', {})
    if decided.keys() - {'off'}:
        ran = decided.get('ran', 0)
        lines.append(f'The dense CRF refined {ran} of {data["frames"]} frames.')
    best = better_temperature(data)
    if best is not None:
        lines.append(
            f'Probabilities were made with temperature {data["temperature"]:g}; the likelihood is '
            f'best at {best:g}. --temperature {best:g} gives the figures there.'
        )
    return lines


def _speed(data: Mapping[str, Any]) -> str:
    if not data.get('stage_ms'):
        return ''
    stages = ', '.join(
        f'{stage} {value:.1f}'
        for stage, value in data['stage_ms'].items()
        if stage != 'crf' or value >= CRF_RAN_MS
    )
    machine, versions = data['machine'], data['versions']
    used = ', '.join(f'{name} {version}' for name, version in versions.items())
    return '\n'.join(
        [
            f'median ms per frame: {stages}',
            f'{machine["cpu"]}, {machine["cores"]} cores; {used}',
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        '  '.join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = '-' * len(text[0])
    return '\n'.join([text[0], rule, *text[1:]])


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share of 0 to 1 in percent, or a dash for None.

    What is more than nothing never looks like nothing.

    Example:
        >>> percent(0.125), percent(0.0), percent(0.0001), percent(None)
        ('12.5', '0.0', '<0.1', '-')
    """
    if value is None:
        return '-'
    least = 10.0**-digits
    return f'<{least:g}' if 0 < 100 * value < least / 2 else f'{100 * value:.{digits}f}'
