# SPDX-License-Identifier: Apache-2.0
"""A bundle against a labelled data set."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from pathlib import Path
import platform
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node import __version__
from seg_node.crf import choose, to_plain
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.evaluation.tally import Tally
from seg_node.evaluation.views import ONE_LOOK
from seg_node.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.datasets import Dataset
    from seg_node.evaluation.views import Views
    from seg_node.pipeline import Segmenter, SegmenterOptions
    from seg_node.taxonomy import Taxonomy

__all__ = ['Evaluation', 'described', 'evaluate', 'machine']

NETWORK = 'model.onnx'


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured, and on what.

    Attributes:
        dataset: Name of the data set as the user wrote it.
        split: Its split.
        classes: The classes that truth and prediction were compared in.
        summed: Whether classes of the bundle were put together for that.
        tally: Sums over all frames.
        bundle: Its name, the SHA-256 of its network, and its taxonomy.
        engine: Name, device, threads and precision of the engine, and why it was chosen.
        versions: Of this package and of what it computed with.
        machine: Processor, number of cores, system.
        views: How each image was looked at.
        temperature: Divisor of the scores.
        crf: Options of the dense CRF and its gate as plain data; empty if it was off.
    """

    dataset: str
    split: str
    classes: Taxonomy
    summed: bool
    tally: Tally
    bundle: Mapping[str, str]
    engine: Mapping[str, str | int]
    versions: Mapping[str, str]
    machine: Mapping[str, str | int]
    views: Views = ONE_LOOK
    temperature: float = 1.0
    crf: Mapping[str, Any] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """How each image was looked at and what was done to its labels, in words."""
        return f'{self.views}, dense CRF' if self.crf else str(self.views)


def evaluate(
    segmenter: Segmenter, dataset: Dataset, *, name: str, split: str, views: Views = ONE_LOOK
) -> Evaluation:
    """Run every frame of a data set through the segmenter that the node runs.

    Args:
        segmenter: Open; the caller closes it.
        dataset: Images with truth. Where its classes are not those of the bundle, the finer of the
            two are grouped into the coarser; see ``Predictor`` and ``comparable``.
        name: What the user called the data set.
        split: Which part of it this is.
        views: How each image is looked at; by default as the node does.

    Raises:
        TaxonomyError: If the classes of bundle and data set cannot be compared.
        ParameterError: If several looks are to be averaged with the dense CRF on.
        DatasetError: If a sample cannot be read.
        EngineError: If the network fails.
        CrfError: If the dense CRF is on and its library is missing.
    """
    manifest = segmenter.engine.bundle.manifest
    truth = comparable(dataset, manifest.taxonomy)
    predict = Predictor(segmenter, truth.taxonomy, views)
    tally = Tally(len(truth.taxonomy), predict.groups, manifest.temperature)
    for index in progress(range(len(truth)), what='evaluating', unit='frame'):
        sample = truth[index]
        tally.add(sample, predict(sample.image))
    return Evaluation(
        dataset=name,
        split=split,
        classes=truth.taxonomy,
        summed=predict.summed,
        tally=tally,
        bundle=_bundle(segmenter),
        engine=_engine(segmenter),
        versions=_versions(segmenter),
        machine=machine(),
        views=views,
        temperature=manifest.temperature,
        crf=_crf(segmenter.options),
    )


def described(segmenter: Segmenter) -> dict[str, Any]:
    """Return what a report says of a segmenter and where it ran, as plain data for JSON."""
    return {
        'bundle': _bundle(segmenter),
        'engine': _engine(segmenter),
        'temperature': segmenter.engine.bundle.manifest.temperature,
        'crf': _crf(segmenter.options) or None,
        'versions': _versions(segmenter),
        'machine': machine(),
    }


def _bundle(segmenter: Segmenter) -> dict[str, str]:
    bundle = segmenter.engine.bundle
    return {
        'name': bundle.manifest.name,
        'sha256': bundle.manifest.files.get(NETWORK, ''),
        'taxonomy': bundle.manifest.taxonomy.name,
    }


def _engine(segmenter: Segmenter) -> dict[str, str | int]:
    engine = segmenter.engine
    return {
        'name': engine.name,
        'device': engine.device,
        'precision': engine.precision,
        'threads': engine.threads,
        'reason': engine.reason,
    }


def _crf(options: SegmenterOptions) -> dict[str, Any]:
    if options.crf is None:
        return {}
    return {
        **to_plain(options.crf),
        'backend': choose(options.crf.backend).name,
        'entropy_threshold': options.crf_entropy_threshold,
        'min_uncertain_fraction': options.crf_min_uncertain_fraction,
    }


def _versions(segmenter: Segmenter) -> dict[str, str]:
    versions = {
        'seg_node': __version__,
        'python': platform.python_version(),
        'numpy': np.__version__,
        'opencv': cv2.__version__,
    }
    library = segmenter.engine.name
    if hasattr(sys.modules.get(library), '__version__'):
        versions[library] = str(sys.modules[library].__version__)
    return versions


def machine() -> dict[str, str | int]:
    """Return the processor, its number of cores and the system, for reports."""
    return {
        'cpu': _cpu(),
        'cores': os.cpu_count() or 0,
        'system': f'{platform.system()} {platform.machine()}',
    }


def _cpu() -> str:
    """Return the model of the processor where the system tells it."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace')
    except OSError:
        text = ''
    models = [line.partition(':')[2].strip() for line in text.splitlines() if 'model name' in line]
    return models[0] if models else platform.processor() or 'unknown'
