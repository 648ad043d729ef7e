# SPDX-License-Identifier: Apache-2.0
"""Measured quality on its way into a bundle: what is taken from the JSON of an evaluation.

``seg evaluate --json`` and ``seg pool --json`` write the same structure, described in
``docs/evaluation.md``. Of it, a manifest keeps the figures, the temperature and the drivable
threshold. Figures that depend on the temperature hold at one temperature only, so a file whose
figures were measured at another temperature than the best one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import PurePath
from typing import Any, TYPE_CHECKING

from seg_node.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ['QUALITY_FORMAT', 'Quality', 'close_temperatures', 'read_quality']

QUALITY_FORMAT = '1.2'
"""Version of the JSON: the number before the dot changes when a key changes its meaning."""

TEMPERATURE_TOLERANCE = 0.02  # of the best one, two steps of the grid it was found on
DIGITS = 4
CONDITIONS = ('protocol', 'frames', 'taxonomy')
LATER = ('precision',)  # from format 1.2 on
PLACELESS = 'procedural'  # what follows the colon is no folder
FIGURES = (
    'mean_iou',
    'classes_in_mean',
    'global_accuracy',
    'class_accuracy',
    'fw_iou',
    'boundary_f1',
    'boundary_iou',
    'ece',
    'nll',
    'brier',
    'class_iou',
    'category_iou',
)


@dataclass(frozen=True, slots=True)
class Quality:
    """What a manifest keeps of an evaluation.

    Attributes:
        temperature: The one to store in the manifest; the figures were measured at it.
        drivable_threshold: Least ``drivable.min_probability`` at which the false-drivable rate is
            at most 0.5 %, 0 to 1; None if there is none or nothing drivable was measured.
        figures: Plain data for ``Manifest.quality``: figures 0 to 1 with the conditions they hold
            under (protocol, frames, taxonomy, precision of the arithmetic, bundles and data), and
            ``drivable`` with threshold, recall, precision, IoU and false-drivable rate.
    """

    temperature: float
    drivable_threshold: float | None
    figures: Mapping[str, Any]


def read_quality(path: Path) -> Quality:
    """Read what ``seg pool --json`` or ``seg evaluate --json`` wrote.

    Raises:
        BundleError: If the file cannot be read, has another format, lacks a value, or its figures
            were measured at another temperature than the best one.
    """
    data = _read(path)
    try:
        temperature, best = float(data['temperature']), float(data['best_temperature'])
        drivable = data['drivable']
        figures = {key: _rounded(data[key]) for key in (*CONDITIONS, *FIGURES)}
        figures |= {key: data[key] for key in LATER if key in data}
        figures['sources'] = [_source(one) for one in data.get('sources', [])]
        threshold = None if drivable is None else drivable['threshold']
    except (KeyError, TypeError, ValueError) as err:
        msg = (
            f'{str(path)!r} lacks a figure ({type(err).__name__}: {err}). Write it again with '
            '"seg evaluate --json" or "seg pool --json".'
        )
        raise BundleError(msg) from err
    if not close_temperatures(temperature, best):
        msg = (
            f'Figures of {str(path)!r} were measured at temperature {temperature:g}, but the '
            f'least negative log-likelihood is at {best:g}. Evaluate with --temperature {best:g} '
            'and take that file.'
        )
        raise BundleError(msg)
    return Quality(
        temperature=temperature,
        drivable_threshold=threshold,
        figures={**figures, 'temperature': temperature, 'drivable': _rounded(drivable)},
    )


def close_temperatures(used: float, best: float) -> bool:
    """Tell whether a temperature is as good as the best one: the likelihood is flat there."""
    return abs(used - best) <= TEMPERATURE_TOLERANCE * best


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as err:
        msg = f'{str(path)!r} cannot be read as JSON: {err}. Write it with "seg pool --json".'
        raise BundleError(msg) from err
    version = data.get('format') if isinstance(data, dict) else None
    major = QUALITY_FORMAT.partition('.')[0]
    if str(version).partition('.')[0] != major:
        msg = (
            f'{str(path)!r} has format {version!r}; expected {major}.x, as written by '
            '"seg evaluate --json" and "seg pool --json". Write it again with this version.'
        )
        raise BundleError(msg)
    return dict(data)


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return which bundle was measured on what; where the data lay concerns nobody else."""
    kind, colon, place = str(source['dataset']).partition(':')
    data = f'{kind} {place}' if kind == PLACELESS and place else kind
    data = data if colon or kind == PLACELESS else PurePath(kind).name
    return {
        'bundle': source['bundle'],
        'sha256': source['sha256'],
        'data': f'{data} {source["split"]}',
        'frames': source['frames'],
        'mean_iou': _rounded(source['mean_iou']),
    }


def _rounded(value: Any) -> Any:
    """Return plain data with its numbers rounded to what a card shows."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, DIGITS) if isinstance(value, float) else value
