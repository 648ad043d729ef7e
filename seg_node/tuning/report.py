# SPDX-License-Identifier: Apache-2.0
"""The outcome as plain data."""

from __future__ import annotations

import platform
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node import __version__
from seg_node.crf import choose, to_plain
from seg_node.evaluation.evaluate import machine
from seg_node.evaluation.figures import number
from seg_node.tuning.bars import BARS, faults
from seg_node.tuning.gate import behind_gate, keeps_enough, KEPT, MOST, within_pixels
from seg_node.tuning.space import kinds_of
from seg_node.tuning.sums import total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.crf import CrfOptions
    from seg_node.tuning.gate import GateEffect
    from seg_node.tuning.measure import FrameEffect
    from seg_node.tuning.sums import Effect
    from seg_node.tuning.tune import Tuning

__all__ = ['FORMAT', 'as_json']

FORMAT = '1.1'
NOTE = (
    'Cross-validated: each drive is measured with a preset and a gate that were tuned on the '
    'other drives alone. The preset itself was tuned in the same way on all of them.'
)
PLACE = ('backend', 'threads')
"""Options that belong to the machine, not to the preset."""


def as_json(tuning: Tuning) -> dict[str, Any]:
    """Return all figures as plain data.

    Shares are 0 to 1, pairs are before and after the CRF.
    """
    first = tuning.parts[0].drive
    held_out = total(frame.effect for frames in _as_shipped(tuning) for frame in frames)
    margin = tuning.final.options.margin
    seen = total(frame.behind(margin).effect for frame in tuning.final.frames)
    names, gate = first.classes.names, _gates(tuning)
    return {
        'format': FORMAT,
        'kind': 'crf tuning',
        'note': NOTE,
        'taxonomy': first.classes.name,
        'class_kinds': dict(zip(first.taxonomy.names, kinds_of(first.taxonomy), strict=True)),
        'held_out': _figures(held_out, names),
        'gate': gate,
        'gate_keeps': keeps_enough(gate),
        'tuned_on': _figures(seen, names),
        'parts': [_part(tuning, index) for index in range(len(tuning.parts))],
        'preset': preset_plain(tuning.final.options),
        'preset_gate': _gate(tuning),
        'faults': faults(held_out, names),
        'bars': {
            'boundary_f1': BARS.boundary,
            'mean_iou': BARS.mean_iou,
            'class_iou': BARS.per_class,
            'kept': KEPT,
            'most': MOST,
        },
        'crf_ms': _milliseconds([frame for frames in tuning.held_out for frame in frames]),
        'crf_backend': choose(tuning.final.options.backend).name,
        'image_size': list(first.frame(0).truth.shape),
        'search': {
            'trials': [one.trials for one in (*tuning.choices, tuning.final)],
            'given_up': [one.given_up for one in (*tuning.choices, tuning.final)],
            'frames_per_part': tuning.budget.frames,
            'minutes': round(tuning.seconds / 60, 1),
            'seed': tuning.budget.seed,
        },
        'versions': {'seg_node': __version__, 'python': platform.python_version()},
        'machine': machine(),
    }


def preset_plain(options: CrfOptions) -> dict[str, Any]:
    """Return a preset without what belongs to the machine it runs on."""
    return {key: value for key, value in to_plain(options).items() if key not in PLACE}


def _part(tuning: Tuning, index: int) -> dict[str, Any]:
    part, choice = tuning.parts[index], tuning.choices[index]
    effect = total(frame.effect for frame in _as_shipped(tuning)[index])
    return {
        'name': part.name,
        'bundle': part.drive.bundle,
        'sha256': part.drive.sha256,
        'data': part.drive.data,
        'frames': len(part),
        'temperature': part.drive.temperature,
        'mean_iou': _pair(effect.before.mean_iou, effect.after.mean_iou),
        'boundary_f1': _pair(effect.before.boundary_f1, effect.after.boundary_f1),
        'preset': preset_plain(choice.options),
        'entropy_threshold': choice.gate.entropy_threshold,
        'min_uncertain_fraction': choice.gate.min_uncertain_fraction,
    }


def _as_shipped(tuning: Tuning) -> list[list[FrameEffect]]:
    """Return the frames of each part with what its preset does, its margin included."""
    return [
        [frame.behind(choice.options.margin) for frame in frames]
        for choice, frames in zip(tuning.choices, tuning.held_out, strict=True)
    ]


def _figures(effect: Effect, names: Sequence[str]) -> dict[str, Any]:
    before, after = effect.before, effect.after

    def by_name(one: Sequence[float], other: Sequence[float]) -> dict[str, list[float | None]]:
        return {name: _pair(*values) for name, *values in zip(names, one, other, strict=True)}

    return {
        'mean_iou': _pair(before.mean_iou, after.mean_iou),
        'boundary_f1': _pair(before.boundary_f1, after.boundary_f1),
        'class_iou': by_name(before.class_iou.tolist(), after.class_iou.tolist()),
        'class_boundary_f1': by_name(
            before.class_boundary_f1.tolist(), after.class_boundary_f1.tolist()
        ),
    }


def _pair(before: float, after: float) -> list[float | None]:
    return [number(before), number(after)]


def _gate(tuning: Tuning) -> dict[str, float]:
    gate = tuning.final.gate
    return {
        'entropy_threshold': gate.entropy_threshold,
        'min_uncertain_fraction': gate.min_uncertain_fraction,
    }


def _gates(tuning: Tuning) -> dict[str, Any]:
    """Return what gates keep of the gain on frames that neither they nor the preset saw."""
    of_frames = [
        behind_gate(frames, choice.gate)
        for choice, frames in zip(tuning.choices, _as_shipped(tuning), strict=True)
    ]
    of_pixels = [
        within_pixels(frames, choice.options.margin)
        for choice, frames in zip(tuning.choices, tuning.held_out, strict=True)
    ]
    return {'frames': _gate_figures(of_frames), 'pixels': _gate_figures(of_pixels)}


def _gate_figures(parts: Sequence[GateEffect]) -> dict[str, float | None]:
    first, *rest = parts
    for one in rest:
        first += one
    return {
        'share': number(first.share),
        'kept': number(first.kept_share),
        'mean_iou': number(first.effect.after.mean_iou),
        'boundary_f1': number(first.effect.after.boundary_f1),
    }


def _milliseconds(frames: Sequence[FrameEffect]) -> dict[str, float]:
    on_clock, on_processor = np.median([frame.seconds for frame in frames], axis=0)
    return {
        'clock': round(1000 * float(on_clock), 1),
        'processor': round(1000 * float(on_processor), 1),
    }
