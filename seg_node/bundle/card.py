# SPDX-License-Identifier: Apache-2.0
"""The model card: what a person must know before trusting a bundle.

Sections after Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seg_node.bundle.manifest import Manifest

__all__ = ['model_card']

WARNING = """\
**Not safety-certified.** Use it to help people and planners, never as the only sense of a vehicle.
Entropy and confidence tell where the network doubts; they do not detect everything that is unknown
to it: a thing it never saw can be given a wrong class with full confidence."""


def model_card(manifest: Manifest) -> str:
    """Return the card as Markdown, made from nothing but the manifest."""
    size = f'{manifest.input.height} x {manifest.input.width}'
    facts = {
        'Classes': f'{len(manifest.taxonomy)} ({manifest.taxonomy.name})',
        'Network': _words(manifest.architecture),
        'Network input': f'{size} (height x width), {manifest.input.fit}, RGB',
        'Output stride': manifest.output_stride,
        'Temperature': f'{manifest.temperature:.3f}',
        'Drivable threshold': 'not measured'
        if manifest.drivable_threshold is None
        else f'{manifest.drivable_threshold:.3f}',
        'Precision that is taken by itself': manifest.precision,
        'ONNX opset': manifest.opset,
        'Licence of the weights': manifest.licence.get('weights', 'not stated'),
        'Licence of the data': manifest.licence.get('data', 'not stated'),
    }
    sections = [
        f'# Model card: {manifest.name}',
        WARNING,
        _table(('fact', 'value'), facts.items()),
        '## Training',
        _table(('item', 'value'), _flat(manifest.training)),
        '## Measured quality',
        _table(('figure', 'value'), _flat(manifest.quality)),
        *_crf(manifest),
        '## Classes',
        _classes(manifest),
    ]
    return '\n\n'.join(sections) + '\n'


def _crf(manifest: Manifest) -> list[str]:
    """Return the section about the tuned CRF; none where there is none."""
    rows = _flat(manifest.crf)
    return ['## Dense CRF', _table(('item', 'value'), rows)] if rows else []


def _classes(manifest: Manifest) -> str:
    rows = [
        (f'{index} {one.name}', 'yes' if one.drivable else 'no', _real_pixels(manifest, one.name))
        for index, one in enumerate(manifest.taxonomy.classes)
    ]
    return _table(('class', 'drivable', 'real training pixels'), rows)


def _real_pixels(manifest: Manifest, name: str) -> int | str:
    """Return how many real pixels of a class training saw, and whether all others were drawn."""
    pixels: int | None = manifest.training.get('real_pixels', {}).get(name)
    if name in manifest.synthetic_only:
        return f'{pixels}, all others synthetic' if pixels else 'synthetic only'
    return '-' if pixels is None else pixels


def _flat(data: Mapping[str, Any], prefix: str = '') -> list[tuple[str, Any]]:
    """Return nested values as rows whose names are joined with a slash."""
    rows: list[tuple[str, Any]] = []
    for key, value in data.items():
        if key == 'real_pixels':  # shown with the classes
            continue
        nested = isinstance(value, dict)
        rows += _flat(value, f'{prefix}{key} / ') if nested else [(f'{prefix}{key}', value)]
    return rows


def _words(value: object) -> str:
    if isinstance(value, float):
        return f'{value:.4g}'
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [head, tuple('---' for _ in head), *rows]
    return '\n'.join('| ' + ' | '.join(_words(cell) for cell in line) + ' |' for line in lines)
