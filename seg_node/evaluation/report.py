# SPDX-License-Identifier: Apache-2.0
"""An evaluation as JSON for programs and as text for people."""

from __future__ import annotations

import math
from statistics import median
from typing import Any, TYPE_CHECKING

from seg_node.metrics import (
    calibration_error,
    class_dice,
    class_iou,
    class_precision,
    class_recall,
    classes_in_mean,
    frequency_weighted_iou,
    global_accuracy,
    mean_class_accuracy,
    mean_dice_of_set,
    mean_iou_of_set,
    mean_nll,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.evaluation.evaluate import Evaluation

__all__ = ['JSON_FORMAT', 'as_json', 'as_text']

JSON_FORMAT = '1.0'
DIGITS = 6
WORST_LISTED = 10
SHOWN_DIGITS = 12
CRF_RAN_MS = 0.5  # the stage is in every frame, but takes no time when the CRF is off
CLASS_COLUMNS = {
    'class_iou': 'IoU %',
    'class_dice': 'Dice %',
    'class_precision': 'precision %',
    'class_recall': 'recall %',
    'class_share': 'share of truth %',
}
FIGURES = {
    'mean_iou': 'mean IoU',
    'mean_dice': 'mean Dice',
    'global_accuracy': 'global accuracy',
    'class_accuracy': 'class accuracy (mean recall)',
    'fw_iou': 'frequency-weighted IoU',
    'boundary_f1': 'boundary F1',
    'ece': 'calibration error (ECE)',
}


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return plain data for JSON.

    Scores are 0 to 1, times are median milliseconds per frame. What is undefined, for example the
    IoU of a class that never occurs, is None.
    """
    tally, names = evaluation.tally, evaluation.classes.names
    counts = tally.counts
    share = counts.sum(axis=1) / max(counts.sum(), 1)
    return {
        'format': JSON_FORMAT,
        'mean_iou': _number(mean_iou_of_set(counts)),
        'classes_in_mean': classes_in_mean(class_iou(counts)),
        'mean_dice': _number(mean_dice_of_set(counts)),
        'global_accuracy': _number(global_accuracy(counts)),
        'class_accuracy': _number(mean_class_accuracy(counts)),
        'fw_iou': _number(frequency_weighted_iou(counts)),
        'boundary_f1': _number(_mean(frame.boundary_f1 for frame in tally.frames)),
        'ece': _number(calibration_error(tally.confidence)),
        'nll': _number(mean_nll(tally.nll)),
        'frames': len(tally.frames),
        'labelled_pixels': int(counts.sum()),
        'class_iou': _by_name(names, class_iou(counts)),
        'class_dice': _by_name(names, class_dice(counts)),
        'class_precision': _by_name(names, class_precision(counts)),
        'class_recall': _by_name(names, class_recall(counts)),
        'class_share': _by_name(names, share),
        'confusion': counts.tolist(),
        'stage_ms': {stage: round(median(times) * 1e3, 3) for stage, times in tally.times.items()},
        'crf_frames': {decision: tally.crf[decision] for decision in sorted(tally.crf)},
        'worst_frames': [
            {'name': frame.name, 'mean_iou': _number(frame.mean_iou)}
            for frame in tally.worst(WORST_LISTED)
        ],
        'dataset': evaluation.dataset,
        'split': evaluation.split,
        'taxonomy': evaluation.classes.name,
        'classes_summed': evaluation.summed,
        'bundle': dict(evaluation.bundle),
        'engine': dict(evaluation.engine),
        'versions': dict(evaluation.versions),
        'machine': dict(evaluation.machine),
    }


def as_text(evaluation: Evaluation) -> str:
    """Return the report for people, without a newline at its end."""
    data = as_json(evaluation)
    parts = [_heading(data), _class_table(data), _figures(data), _notes(data), _speed(data)]
    return '\n\n'.join(part for part in parts if part)


def _heading(data: Mapping[str, Any]) -> str:
    bundle, engine = data['bundle'], data['engine']
    classes = f'{len(data["class_iou"])} classes of {data["taxonomy"]}'
    if data['classes_summed']:
        classes += f', made from {bundle["taxonomy"]} by summing probabilities'
    return '\n'.join(
        [
            f'bundle   {bundle["name"]} ({bundle["sha256"][:SHOWN_DIGITS]})',
            f'data     {data["dataset"]}, split {data["split"]}, {data["frames"]} frames',
            f'classes  {classes}',
            f'engine   {engine["name"]} on {engine["device"]}, threads: {engine["threads"]}',
        ]
    )


def _class_table(data: Mapping[str, Any]) -> str:
    rows = [
        [name, *(_percent(data[column][name]) for column in CLASS_COLUMNS)]
        for name in data['class_iou']
    ]
    return table(['class', *CLASS_COLUMNS.values()], rows)


def _figures(data: Mapping[str, Any]) -> str:
    rows = [[words, f'{_percent(data[key], 2)} %'] for key, words in FIGURES.items()]
    nll = '-' if data['nll'] is None else f'{data["nll"]:.4f}'
    rows.append(['negative log-likelihood (NLL)', nll, 'nat per pixel'])
    rows[0].append(f'over {data["classes_in_mean"]} of {len(data["class_iou"])} classes')
    width = max(len(row[0]) for row in rows)
    lines = [f'{row[0]:<{width}}  {row[1]:>8}  {"".join(row[2:])}'.rstrip() for row in rows]
    return '\n'.join(lines)


def _notes(data: Mapping[str, Any]) -> str:
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
    if data['crf_frames'].keys() - {'off'}:
        ran = data['crf_frames'].get('ran', 0)
        lines.append(f'The dense CRF refined {ran} of {data["frames"]} frames.')
    return '\n'.join(lines)


def _speed(data: Mapping[str, Any]) -> str:
    if not data['stage_ms']:
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


def _percent(value: float | None, digits: int = 1) -> str:
    return '-' if value is None else f'{100 * value:.{digits}f}'


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)


def _by_name(names: Iterable[str], values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    return {name: _number(float(value)) for name, value in zip(names, values, strict=True)}


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
