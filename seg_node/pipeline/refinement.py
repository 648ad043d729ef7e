# SPDX-License-Identifier: Apache-2.0
"""The dense CRF as a stage of the pipeline: it changes labels, and only labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.crf import refine
from seg_node.imaging import probabilities
from seg_node.pipeline.gate import CrfGate, uncertain_fraction
from seg_node.pipeline.stopwatch import Stopwatch

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.crf import CrfOptions
    from seg_node.imaging import PixelMaps, Placement
    from seg_node.pipeline.options import SegmenterOptions
    from seg_node.pipeline.segmentation import CrfDecision

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Frame', 'Refinement', 'Refiner']

LEVELS = 255


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a frame after inference.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        scores: (K, h, w) float32 scores of the network.
        placement: Where the image lies in the network's input.
        maps: Labels, confidence and entropy of the network at the image's size.
    """

    image: UInt8Array
    scores: Float32Array
    placement: Placement
    maps: PixelMaps


@dataclass(frozen=True, slots=True)
class Refinement:
    """Labels after the CRF stage, whatever it decided.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, 255 x the network's probability of those labels.
        decision: What was decided about this frame.
        uncertain: Share of uncertain pixels, or ``None`` if the CRF is off.
    """

    labels: UInt8Array
    confidence: UInt8Array | None
    decision: CrfDecision
    uncertain: float | None


class Refiner:
    """Asks the gate about each frame and refines those that need it and have the time."""

    def __init__(self, manifest: Manifest) -> None:
        """Remember the bundle's temperature and number of classes."""
        self._temperature = manifest.temperature
        self._classes = len(manifest.taxonomy)
        self._gate = CrfGate()

    def __call__(
        self, frame: Frame, options: SegmenterOptions, deadline: float | None
    ) -> Refinement:
        """Refine a frame, or pass its labels on with the reason.

        Args:
            frame: After inference; its entropy is present if the CRF is on.
            options: CRF and gate.
            deadline: When the frame must be done [s], as ``time.monotonic``.

        Raises:
            CrfError: If the CRF is on and its library is missing.
        """
        maps, crf = frame.maps, options.crf
        if crf is None or maps.entropy is None:
            return Refinement(maps.labels, maps.confidence, 'off', None)
        uncertain = uncertain_fraction(maps.entropy, options.crf_entropy_threshold)
        work = maps.labels.size * self._classes * crf.iterations
        decision = self._gate.decide(uncertain, work, options, deadline)
        if decision != 'ran':
            return Refinement(maps.labels, maps.confidence, decision, uncertain)
        watch = Stopwatch()
        labels, confidence = self._run(frame, crf)
        watch.lap('crf')
        self._gate.learn(watch.times()['crf'], work)
        return Refinement(labels, confidence, decision, uncertain)

    def _run(self, frame: Frame, crf: CrfOptions) -> tuple[UInt8Array, UInt8Array]:
        prior = probabilities(frame.scores, frame.placement, self._temperature)
        labels = refine(prior, frame.image, crf).argmax(axis=0)
        # The CRF's marginals are no calibrated probabilities; the network's are.
        chosen = np.take_along_axis(prior, labels[None], axis=0)[0]
        return labels.astype(np.uint8), np.rint(chosen * LEVELS).astype(np.uint8)
