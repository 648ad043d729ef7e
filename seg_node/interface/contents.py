# SPDX-License-Identifier: Apache-2.0
"""What the messages of the node hold, as arrays, text and plain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.crf import choose
from seg_node.imaging import colorize, overlay
from seg_node.pipeline import Outputs
from seg_node.taxonomy import UNLABELLED

from . import topics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    from seg_node.bundle import Bundle, Manifest
    from seg_node.engines.base import Engine
    from seg_node.pipeline import Segmentation, SegmenterOptions
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'CODED_FORMAT',
    'PIXEL_ENCODINGS',
    'classes_json',
    'coded_labels',
    'crf_words',
    'engine_words',
    'model_words',
    'output_pixels',
    'outputs_for',
    'status_values',
    'text_of',
]

PIXEL_ENCODINGS = {
    topics.MASK: 'mono8',
    topics.CONFIDENCE: 'mono8',
    topics.ENTROPY: 'mono8',
    topics.DRIVABLE_AREA: 'mono8',
    topics.COLOR: 'rgb8',
    topics.OVERLAY: 'rgb8',
}
"""Topics of one image each, with the encoding of its pixels."""

CODED_FORMAT = 'mono8; png compressed mono8'
"""What image_transport's compressed plug-in writes and reads."""
PNG_LEVEL = 1  # level 9 is 2 % smaller and 20 times slower on label maps


def outputs_for(names: Collection[str], classes: tuple[int, ...]) -> Outputs:
    """Return what the segmenter has to compute.

    Args:
        names: Relative names of the topics that are wanted.
        classes: Ids of the classes whose confidence is wanted.
    """
    return Outputs(
        confidence=topics.CONFIDENCE in names,
        entropy=topics.ENTROPY in names or topics.STATUS in names,
        drivable_area=topics.DRIVABLE_AREA in names,
        classes=classes,
    )


def output_pixels(
    name: str, result: Segmentation, image: UInt8Array, classes: Taxonomy, alpha: float
) -> UInt8Array:
    """Return the pixels of one output image, in its encoding.

    Args:
        name: Relative name of a topic in ``PIXEL_ENCODINGS``.
        result: What was computed.
        image: (H, W, 3) uint8 RGB, the camera image.
        classes: Of the labels.
        alpha: Opacity of the overlay, 0 to 1.

    Raises:
        RuntimeError: If the segmenter was not asked for what this topic shows.
    """
    if name == topics.COLOR:
        return colorize(result.labels, classes)
    if name == topics.OVERLAY:
        return overlay(image, result.labels, classes, alpha)
    by_topic: Mapping[str, UInt8Array | None] = {
        topics.MASK: result.labels,
        topics.CONFIDENCE: result.confidence,
        topics.ENTROPY: result.entropy,
        topics.DRIVABLE_AREA: result.drivable_area,
    }
    pixels = by_topic[name]
    if pixels is None:
        msg = f'{name!r} was asked for and not computed: a defect of seg_node, please report it.'
        raise RuntimeError(msg)
    return pixels


def coded_labels(labels: UInt8Array) -> UInt8Array:
    """Return a label map, (H, W) uint8, as a lossless PNG file: (N,) uint8."""
    _, coded = cv2.imencode('.png', labels, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    return np.asarray(coded, np.uint8).reshape(-1)


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
