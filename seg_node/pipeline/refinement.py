# SPDX-License-Identifier: Apache-2.0
"""The dense CRF as a stage of the pipeline: it changes labels, and only labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast, TYPE_CHECKING

import numpy as np

from seg_node.crf import refine_scores
from seg_node.errors import ParameterError
from seg_node.imaging import confidence_at
from seg_node.pipeline.cost_model import CrfJob
from seg_node.pipeline.gate import CrfGate, uncertain_fraction, Verdict
from seg_node.pipeline.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.crf import CrfOptions
    from seg_node.imaging import PixelMaps, Placement
    from seg_node.imaging.device_scores import DeviceScores
    from seg_node.pipeline.options import SegmenterOptions
    from seg_node.pipeline.segmentation import CrfDecision

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Frame', 'Refinement', 'Refiner', 'Terms']


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller says about the CRF on one frame.

    Attributes:
        deadline: When the frame must be done [s], as ``time.monotonic``; ``None`` for never.
        stamp: When the image was taken [s]; ``None`` for one that is no part of a sequence.
        decision: To be followed instead of the gate; ``None`` to ask the gate.
        may_fail: Whether labels of the network are better than an error if the CRF fails.
        counts: Whether the share of uncertain pixels is wanted even if the CRF is off.
    """

    deadline: float | None = None
    stamp: float | None = None
    decision: CrfDecision | None = None
    may_fail: bool = False
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a frame after inference.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        scores: (K, h, w) float32 scores of the network; present if the CRF is on.
        placement: Where the image lies in the network's input.
        maps: Labels, confidence and entropy of the network at the image's size.
    """

    image: UInt8Array
    scores: Float32Array | DeviceScores | None
    placement: Placement
    maps: PixelMaps


@dataclass(frozen=True, slots=True)
class Refinement:
    """Labels after the CRF stage, whatever it decided.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, 255 x the network's probability of those labels.
        verdict: What was decided about this frame.
        uncertain: Share of uncertain pixels, or ``None`` if nobody needs it.
    """

    labels: UInt8Array
    confidence: UInt8Array | None
    verdict: Verdict
    uncertain: float | None


class Refiner:
    """Asks the gate about each frame and refines those that need it and have the time."""

    def __init__(self, manifest: Manifest) -> None:
        """Remember the bundle's temperature and number of classes."""
        self._temperature = manifest.temperature
        self._classes = len(manifest.taxonomy)
        self._gate = CrfGate()

    def __call__(self, frame: Frame, options: SegmenterOptions, terms: Terms) -> Refinement:
        """Refine a frame, or pass its labels on with the reason.

        Args:
            frame: After inference; its entropy and scores are present if the CRF is on.
            options: CRF and gate.
            terms: Deadline, stamp, and the decision if it is already made.

        Raises:
            CrfError: If the CRF is on and its back end is missing or fails, unless it may.
            ParameterError: If the CRF is off and the decision to follow is that it ran.
        """
        maps = frame.maps
        uncertain = None
        if maps.entropy is not None and (terms.counts or options.crf is not None):
            uncertain = uncertain_fraction(maps.entropy, options.crf_entropy_threshold)
        verdict = self._verdict(frame, uncertain, options, terms)
        if verdict.decision != 'ran':
            return Refinement(maps.labels, maps.confidence, verdict, uncertain)
        crf = cast('CrfOptions', options.crf)
        watch = Stopwatch()
        try:
            labels, confidence = self._run(frame, crf)
        except Exception as err:  # whatever a back end throws, the network's labels are there
            if not terms.may_fail:
                raise
            failed = replace(verdict, decision='failed', error=f'{type(err).__name__}: {err}')
            return Refinement(maps.labels, maps.confidence, failed, uncertain)
        watch.lap('crf')
        if terms.decision is None:
            self._gate.learn(self._job(frame, crf), watch.times()['crf'])
        return Refinement(labels, confidence, verdict, uncertain)

    def recall(
        self, uncertain: float, options: SegmenterOptions, size: tuple[int, int], stamp: float
    ) -> None:
        """Take in a frame that was judged before; see ``Segmenter.recall``."""
        self._gate.recall(uncertain, options, size, stamp)

    def _verdict(
        self, frame: Frame, uncertain: float | None, options: SegmenterOptions, terms: Terms
    ) -> Verdict:
        crf = options.crf
        if terms.decision == 'ran' and crf is None:
            msg = (
                "The decision to follow is 'ran', but the dense CRF is off; give the options that "
                'it ran with.'
            )
            raise ParameterError(msg)
        if terms.decision is not None:
            return Verdict(terms.decision)
        if crf is None or uncertain is None:
            return Verdict('off')
        return self._gate.decide(
            uncertain,
            self._job(frame, crf),
            options,
            deadline=terms.deadline,
            stamp=terms.stamp,
        )

    def _job(self, frame: Frame, crf: CrfOptions) -> CrfJob:
        return CrfJob(crf, frame.placement.image_size, self._classes)

    def _run(self, frame: Frame, crf: CrfOptions) -> tuple[UInt8Array, UInt8Array | None]:
        """Return refined labels, and the network's probability of them.

        The marginals of the CRF are no calibrated probabilities; those of the network are.
        """
        scores, placement = cast('Float32Array | DeviceScores', frame.scores), frame.placement
        labels = refine_scores(scores, placement, self._temperature, frame.image, crf)
        maps = frame.maps
        if maps.confidence is not None:
            changed = labels != maps.labels
            if len(maps.planes) == self._classes:
                chosen = _chosen(maps.planes, labels, changed)
            else:
                here = np.asarray(scores, np.float32)
                chosen = confidence_at(here, placement, labels, changed, self._temperature)
            maps.confidence[changed] = chosen
        return labels, maps.confidence


def _chosen(
    planes: Mapping[int, UInt8Array], labels: UInt8Array, where: npt.NDArray[np.bool_]
) -> UInt8Array:
    """Return the probabilities of labels at some pixels, in reading order, from class planes."""
    places = np.flatnonzero(where)
    chosen = labels.reshape(-1)[places]
    result = np.empty_like(chosen)
    for index, plane in planes.items():
        here = chosen == index
        result[here] = plane.reshape(-1)[places[here]]
    return result
