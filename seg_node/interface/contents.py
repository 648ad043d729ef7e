# SPDX-License-Identifier: Apache-2.0
"""What the messages of the node say, as text and plain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seg_node.crf import choose
from seg_node.taxonomy import UNLABELLED

from . import topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.bundle import Bundle, Manifest
    from seg_node.engines.base import Engine
    from seg_node.pipeline import Segmentation, SegmenterOptions
    from seg_node.taxonomy import IdMap

__all__ = [
    'classes_json',
    'crf_words',
    'engine_words',
    'groups_json',
    'model_words',
    'status_values',
    'text_of',
]


def classes_json(manifest: Manifest) -> str:
    """Return the class table of a bundle as JSON.

    Raises:
        TaxonomyError: If class names do not make different topics.
    """
    taxonomy = manifest.taxonomy
    names = topics.class_topics(taxonomy)
    classes = [
        {
            'id': index,
            'name': one.name,
            'topic': names[index],
            'color': list(one.color),
            'drivable': one.drivable,
            'synthetic_only': one.name in manifest.synthetic_only,
        }
        for index, one in enumerate(taxonomy.classes)
    ]
    table = {
        'bundle': manifest.name,
        'taxonomy': taxonomy.name,
        'unlabelled': UNLABELLED,
        'classes': classes,
    }
    return json.dumps(table)


def groups_json(manifest: Manifest, groups: IdMap) -> str:
    """Return the table of the groups as JSON, in the form of ``classes_json``.

    Args:
        manifest: Of the bundle.
        groups: As from ``grouping`` for its taxonomy.
    """
    names = manifest.taxonomy.names
    classes = [
        {
            'id': index,
            'name': one.name,
            'color': list(one.color),
            'drivable': one.drivable,
            'members': [name for place, name in enumerate(names) if groups.table[place] == index],
        }
        for index, one in enumerate(groups.target.classes)
    ]
    table = {
        'bundle': manifest.name,
        'taxonomy': groups.target.name,
        'unlabelled': UNLABELLED,
        'classes': classes,
    }
    return json.dumps(table)


def model_words(bundle: Bundle, engine: Engine, options: SegmenterOptions) -> dict[str, str]:
    """Return what runs, in words; how the CRF is computed is left out where it is off."""
    return {**engine_words(bundle, engine), **crf_words(options)}


def engine_words(bundle: Bundle, engine: Engine) -> dict[str, str]:
    """Return bundle, engine, device, precision, why this engine, and what else it says."""
    words = engine.described()
    reason = words.pop('reason')
    name = f'{bundle.manifest.name} {bundle.digest}'
    return {'bundle': name, **words, 'engine_reason': reason}


def crf_words(options: SegmenterOptions) -> dict[str, str]:
    """Return how the CRF is computed; nothing where it is off."""
    crf = options.crf
    if crf is None:
        return {}
    backend = choose(crf.backend).name
    return {
        'crf_backend': backend,
        'crf_mode': crf.mode if backend == 'native' else 'exact',
        'crf_resolution': crf.resolution,
    }


def status_values(
    model: Mapping[str, str], result: Segmentation, age: float, times: Mapping[str, float]
) -> dict[str, str]:
    """Return the values of the status of one frame.

    Args:
        model: As from ``model_words``.
        result: What was computed.
        age: Time since the image's stamp [s].
        times: Of the stages [s].
    """
    predicted = result.crf_predicted
    values = {
        **model,
        'crf': result.crf,
        'uncertain_fraction': result.uncertain_fraction,
        **({} if predicted is None else {'crf_predicted_ms': 1e3 * predicted}),
        'age_s': age,
        **{f'{stage}_ms': 1e3 * seconds for stage, seconds in times.items()},
    }
    return {key: text_of(value) for key, value in values.items()}


def text_of(value: object) -> str:
    """Return a value as text for diagnostics; a float has six digits."""
    return f'{value:.6g}' if isinstance(value, float) else str(value)
