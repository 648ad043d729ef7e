# SPDX-License-Identifier: Apache-2.0
"""What is opened once per process: the engine, the teacher, decisions to follow, the classes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.evaluation import open_for_evaluation
from seg_node.evaluation.evaluate import described
from seg_node.evaluation.frame_sums import FrameSums
from seg_node.evaluation.prediction import Predictor
from seg_node.imaging import drivable_table
from seg_node.pipeline import open_mounting, Segmenter
from seg_node.replay.follow import read_decisions
from seg_node.replay.truth import comparison, open_teacher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seg_node.bundle import Manifest
    from seg_node.pipeline import Mounting
    from seg_node.replay.follow import Decisions
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.truth import Comparison

__all__ = ['Model', 'Scoring', 'open_model']

OPENCV_THREADS = 1  # as in the node by default


@dataclass(frozen=True, slots=True)
class Scoring:
    """How frames are scored against truth.

    Attributes:
        comparison: The classes.
        predictor: Puts the bundle's classes together where the truth has coarser ones.
        sums_of: Makes all sums; None if those of the published images are enough.
    """

    comparison: Comparison
    predictor: Predictor
    sums_of: FrameSums | None

    @property
    def needs_probabilities(self) -> bool:
        """Whether the segmenter has to compute the probabilities of all classes."""
        return self.sums_of is not None or self.predictor.summed


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle that is ready, and what frames are judged by.

    Attributes:
        options: What is asked.
        base: The segmenter whose engine all cameras share.
        teacher: Another bundle that is taken for the truth.
        decisions: About the dense CRF, to be repeated.
        scoring: How frames are scored; None without truth.
        mountings: Of the cameras, by topic; an empty one is for all others.
    """

    options: ReplayOptions
    base: Segmenter
    teacher: Segmenter | None
    decisions: Decisions | None
    scoring: Scoring | None
    mountings: Mapping[str, Mounting]

    @property
    def manifest(self) -> Manifest:
        """Of the bundle."""
        return self.base.engine.bundle.manifest

    @property
    def classes(self) -> int | None:
        """Number of classes that truth and prediction are compared in; None without truth."""
        return None if self.scoring is None else len(self.scoring.comparison.classes)

    def segmenter(self, topic: str) -> Segmenter:
        """Return a segmenter for one camera: its gate sees no other."""
        return Segmenter(self.base.engine, self.base.options, self._mounting(topic))

    def teacher_of(self, topic: str) -> Segmenter | None:
        """Return the teacher for one camera, which it sees as the bundle does."""
        if self.teacher is None:
            return None
        return Segmenter(self.teacher.engine, self.teacher.options, self._mounting(topic))

    def _mounting(self, topic: str) -> Mounting | None:
        return self.mountings.get(topic, self.mountings.get(''))

    def described(self) -> dict[str, Any]:
        """Return bundle, engine and where they ran, as plain data."""
        bundle = self.base.engine.bundle
        plain = described(self.base)
        return {**plain, 'bundle': {**plain['bundle'], 'digest': bundle.digest}}


@contextmanager
def open_model(options: ReplayOptions) -> Iterator[Model]:
    """Open everything that a replay needs beside its recordings.

    Raises:
        BundleError: If a bundle is missing, damaged or altered.
        EngineError: If no engine can run it.
        CrfError: If the bundle lacks the CRF preset that is asked for, or the CRF cannot run.
        TaxonomyError: If truth and bundle cannot be compared, or the bundle lacks a class that
            is to be drivable.
        ParameterError: If there is nothing to follow, a setting is out of range, or a mask of the
            own vehicle cannot be read.
    """
    cv2.setNumThreads(OPENCV_THREADS)
    mountings = {
        one.topic: open_mounting(one.rotation, one.own_vehicle_mask) for one in options.mountings
    }
    with open_for_evaluation(
        options.bundle,
        options.engine,
        threads=options.threads,
        precision=options.precision,
        temperature=options.temperature,
        crf=options.crf,
    ) as base:
        base.options = replace(
            base.options,
            latency_budget=options.latency_budget,
            smoothing=options.smoothing,
            **{f'drivable_{name}': value for name, value in options.drivable},
        )
        # Refuses a class that the bundle lacks before a frame is read.
        drivable_table(base.engine.bundle.manifest.taxonomy, base.options.drivable_classes)
        _warm_up(base)
        decisions = read_decisions(options.follow) if options.follow else None
        teacher = open_teacher(options)
        try:
            scoring = _scoring(options, base, teacher)
            yield Model(options, base, teacher, decisions, scoring, mountings)
        finally:
            if teacher is not None:
                teacher.close()


def _warm_up(base: Segmenter) -> None:
    """Run the CRF once as the node does: what it lacks must not show as frames that failed."""
    if base.options.crf is not None:
        spec = base.engine.bundle.manifest.input
        base(np.zeros((spec.height, spec.width, 3), np.uint8), crf_decision='ran')


def _scoring(options: ReplayOptions, base: Segmenter, teacher: Segmenter | None) -> Scoring | None:
    if options.truth is None:
        return None
    manifest = base.engine.bundle.manifest
    taught = teacher.engine.bundle.manifest.taxonomy if teacher else None
    chosen = comparison(options.truth, manifest.taxonomy, taught)
    predictor = Predictor(base, chosen.classes)
    sums_of = FrameSums(predictor.groups, manifest.temperature) if options.full else None
    return Scoring(chosen, predictor, sums_of)
