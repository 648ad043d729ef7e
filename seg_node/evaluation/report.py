# SPDX-License-Identifier: Apache-2.0
"""An evaluation as plain data for JSON; ``text`` and ``page`` show the same to people."""

from __future__ import annotations

import json
from statistics import median
from typing import Any, TYPE_CHECKING

from seg_node.bundle.quality import QUALITY_FORMAT
from seg_node.evaluation.figures import figures, number
from seg_node.metrics import mean_iou_of_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.evaluation.evaluate import Evaluation

__all__ = ['as_json', 'json_text']

WORST_LISTED = 10


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return plain data for JSON, described in ``docs/evaluation.md``.

    Scores are 0 to 1, times are median milliseconds per frame. What is undefined, for example the
    IoU of a class that never occurs, is None.
    """
    tally = evaluation.tally
    return {
        'format': QUALITY_FORMAT,
        'kind': 'evaluation',
        **figures(tally.sums, evaluation.classes),
        'frames': len(tally.frames),
        'stage_ms': {stage: round(median(times) * 1e3, 3) for stage, times in tally.times.items()},
        'crf_frames': {decision: tally.crf[decision] for decision in sorted(tally.crf)},
        'worst_frames': [
            {'name': frame.name, 'mean_iou': number(frame.mean_iou)}
            for frame in tally.worst(WORST_LISTED)
        ],
        'dataset': evaluation.dataset,
        'split': evaluation.split,
        'taxonomy': evaluation.classes.name,
        'classes_summed': evaluation.summed,
        'protocol': evaluation.protocol,
        'crf': dict(evaluation.crf) or None,
        'temperature': evaluation.temperature,
        'precision': evaluation.engine['precision'],
        'bundle': dict(evaluation.bundle),
        'engine': dict(evaluation.engine),
        'versions': dict(evaluation.versions),
        'machine': dict(evaluation.machine),
        'sources': [_source(evaluation)],
        'sums': _sums(evaluation),
    }


def json_text(data: Mapping[str, Any]) -> str:
    """Return JSON for people and programs: figures in lines, sums packed at the end."""
    shown = {key: value for key, value in data.items() if key != 'sums'}
    text = json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False)
    if 'sums' in data:
        packed = json.dumps(data['sums'], separators=(',', ':'), ensure_ascii=False)
        text = f'{text[:-2]},\n  "sums": {packed}\n}}'
    return f'{text}\n'


def _source(evaluation: Evaluation) -> dict[str, Any]:
    """Return which bundle was measured on which frames, for a list of several such."""
    return {
        'bundle': evaluation.bundle['name'],
        'sha256': evaluation.bundle['sha256'],
        'dataset': evaluation.dataset,
        'split': evaluation.split,
        'frames': len(evaluation.tally.frames),
        'mean_iou': number(mean_iou_of_set(evaluation.tally.sums.confusion)),
    }


def _sums(evaluation: Evaluation) -> dict[str, Any]:
    return {
        'taxonomy': evaluation.classes.to_dict(),
        'frames': [[frame.name, frame.digest] for frame in evaluation.tally.frames],
        **evaluation.tally.sums.to_plain(),
    }
