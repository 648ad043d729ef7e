# SPDX-License-Identifier: Apache-2.0
"""RGB image in, segmentation out: the object that node, replay, evaluation and demo share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seg_node.engines.base import Wanted
from seg_node.errors import ImageError
from seg_node.imaging import finish, probabilities
from seg_node.pipeline.drivable import DrivableStage, Evidence
from seg_node.pipeline.mounting import Mounting
from seg_node.pipeline.options import SegmenterOptions
from seg_node.pipeline.refinement import Frame, Refiner, Terms
from seg_node.pipeline.segmentation import Outputs, Segmentation
from seg_node.pipeline.smoothing import Smoother
from seg_node.pipeline.stopwatch import Stopwatch
from seg_node.pipeline.together import Request

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt
    from typing_extensions import Self

    from seg_node.engines.base import Engine, Inferred
    from seg_node.pipeline.refinement import Refinement
    from seg_node.pipeline.segmentation import CrfDecision
    from seg_node.pipeline.together import Ahead

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Segmenter']

DEFAULT_OPTIONS = SegmenterOptions()
ALL_OUTPUTS = Outputs()
SCORES_ALONE = Wanted(confidence=False, entropy=False, scores=True)
CHANNELS = 3


class Segmenter:
    """Runs one engine on images of any size, one frame at a time, in one thread.

    Attributes:
        options: Settings; may be replaced between frames.
        mounting: Of the camera. Network, CRF and the drivable area see upright images; what goes
            in and comes out has the geometry of the camera's.
    """

    def __init__(
        self,
        engine: Engine,
        options: SegmenterOptions = DEFAULT_OPTIONS,
        mounting: Mounting | None = None,
    ) -> None:
        """Prepare for the bundle of an engine.

        Args:
            engine: An opened engine; ``close`` closes it.
            options: Thresholds and CRF.
            mounting: Of the camera; by default upright and with nothing in its view.
        """
        self.engine = engine
        self.options = options
        self.mounting = mounting or Mounting()
        self._manifest = engine.bundle.manifest
        self._smoother = Smoother(self._manifest.temperature)
        self._refiner = Refiner(self._manifest)
        self._drivable = DrivableStage(self._manifest)

    def __enter__(self) -> Self:
        """Return the segmenter; its engine is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the engine."""
        self.close()

    def close(self) -> None:
        """Close the engine; closing twice does no harm."""
        self.engine.close()

    def __call__(
        self,
        image: UInt8Array,
        outputs: Outputs = ALL_OUTPUTS,
        *,
        deadline: float | None = None,
        stamp: float | None = None,
        crf_decision: CrfDecision | None = None,
        crf_may_fail: bool = False,
        ahead: Ahead | None = None,
    ) -> Segmentation:
        """Segment one image.

        Args:
            image: (H, W, 3) uint8 RGB of any size.
            outputs: What is wanted beside the labels.
            deadline: When the frame must be done [s], as ``time.monotonic``; by default
                ``options.latency_budget`` from now.
            stamp: When the image was taken [s]. With it, smoothing, the hysteresis of the drivable
                area and that of the CRF's gate see a sequence; without it, the image is judged
                alone.
            crf_decision: What was decided about this frame before, for example by a node whose
                recording is played again; it is followed whatever the gate would say.
            crf_may_fail: Whether a failure of the CRF gives the network's labels with the
                decision ``'failed'`` instead of an error.
            ahead: What the engine has answered to the ``request`` for this image already.

        Returns:
            Images of the size of the input; all of them are the caller's own.

        Raises:
            ImageError: If the image has another shape or dtype, or not the size of the mask of
                the own vehicle.
            EngineError: If the network fails.
            CrfError: If the CRF is on and its back end is missing or fails, unless it may.
            ParameterError: If the CRF is off and ``crf_decision`` is that it ran.
            TaxonomyError: If the bundle lacks a class that is to be drivable.
        """
        watch = Stopwatch(None if ahead is None else ahead.begun)
        request = self.request(image, outputs, stamp) if ahead is None else ahead.request
        inferred = self._infer(request) if ahead is None else ahead.inferred
        watch.include(inferred.times)
        smoothing = None if stamp is None else self.options.smoothing
        wanted = self._wanted(outputs)
        network_labels = inferred.maps.labels
        if smoothing is not None:
            scores = np.asarray(inferred.scores, np.float32)
            scores = self._smoother(scores, request.image, inferred.placement, smoothing, stamp)
            inferred = self._finished(inferred, scores, wanted)
            watch.lap('smooth')
        self.mounting.clear(inferred.maps.entropy)  # else the gate would see it
        frame = Frame(request.image, inferred.scores, inferred.placement, inferred.maps)
        terms = Terms(
            self._deadline(watch, deadline), stamp, crf_decision, crf_may_fail, outputs.entropy
        )
        refined = self._refiner(frame, self.options, terms)
        watch.lap('crf')
        area = (
            self._area(inferred, refined, network_labels, stamp) if outputs.drivable_area else None
        )
        result = Segmentation(
            labels=refined.labels,
            confidence=refined.confidence if outputs.confidence else None,
            entropy=frame.maps.entropy if outputs.entropy else None,
            drivable_area=area,
            planes=frame.maps.planes,
            uncertain_fraction=refined.uncertain,
            crf=refined.verdict.decision,
            crf_predicted=refined.verdict.predicted,
            crf_error=refined.verdict.error,
            network_labels=frame.maps.labels,
        )
        result = self.mounting.restored(result)
        watch.lap('finish')
        return replace(
            result,
            times=watch.times(),
            probabilities=self._planes(inferred) if outputs.probabilities else None,
        )

    def request(
        self, image: UInt8Array, outputs: Outputs = ALL_OUTPUTS, stamp: float | None = None
    ) -> Request:
        """Return what the engine will be asked for an image, for ``infer_together``.

        Args:
            image: As for a call.
            outputs: As for a call.
            stamp: As for a call.

        Raises:
            ImageError: As for a call.
        """
        check_image(image)
        is_smoothed = stamp is not None and self.options.smoothing is not None
        wanted = SCORES_ALONE if is_smoothed else self._wanted(outputs)
        return Request(self.mounting.upright(image), wanted)

    def recall(self, uncertain: float, size: tuple[int, int], stamp: float) -> None:
        """Take in a frame that was segmented before, by a run that this one continues.

        Args:
            uncertain: Its share of uncertain pixels, 0 to 1.
            size: (height, width) of the incoming image [px].
            stamp: When the image was taken [s].
        """
        self._refiner.recall(uncertain, self.options, self.mounting.upright_size(size), stamp)

    def probabilities(self, image: UInt8Array) -> Float32Array:
        """Return the calibrated probability of every class at every pixel.

        Args:
            image: (H, W, 3) uint8 RGB of any size.

        Returns:
            (H, W, K) float32, a view of class planes; each pixel sums to 1, or 0 where it shows
            the own vehicle.

        Raises:
            ImageError: If the image has another shape or dtype.
            EngineError: If the network fails.
        """
        check_image(image)
        inferred = self._infer(Request(self.mounting.upright(image), SCORES_ALONE))
        return np.moveaxis(self._planes(inferred), 0, -1)

    def _planes(self, inferred: Inferred) -> Float32Array:
        """Return the probabilities of all classes, (K, H, W), as the camera's images are."""
        scores = np.asarray(inferred.scores, np.float32)
        planes = probabilities(scores, inferred.placement, self._manifest.temperature)
        return self.mounting.planes_back(planes)

    def _infer(self, request: Request) -> Inferred:
        (inferred,) = self.engine.segment([request.image], request.wanted)
        return inferred

    def _finished(self, inferred: Inferred, scores: Float32Array, wanted: Wanted) -> Inferred:
        """Return what other scores of the same image say."""
        maps = finish(
            scores,
            inferred.placement,
            temperature=self._manifest.temperature,
            confidence=wanted.confidence or wanted.drivable is not None,
            entropy=wanted.entropy or wanted.drivable is not None,
            planes=wanted.planes,
            threads=self.engine.threads,
        )
        return replace(inferred, maps=maps, scores=scores, drivable_area=None)

    def _wanted(self, outputs: Outputs) -> Wanted:
        """Return what the engine must give for these outputs.

        A CRF may change labels, and the drivable area with them: then it is computed here.
        """
        refining = self.options.crf is not None
        on_device = None if refining else self._drivable.on_device(self.options)
        here = outputs.drivable_area and on_device is None
        return Wanted(
            confidence=outputs.confidence or here,
            entropy=outputs.entropy or refining or here,
            planes=outputs.classes,
            drivable=on_device if outputs.drivable_area else None,
            scores=outputs.probabilities or refining,
        )

    def _deadline(self, watch: Stopwatch, deadline: float | None) -> float | None:
        budget = self.options.latency_budget
        if deadline is not None or budget is None:
            return deadline
        return watch.start + budget

    def _area(
        self,
        inferred: Inferred,
        refined: Refinement,
        network_labels: UInt8Array,
        stamp: float | None,
    ) -> UInt8Array:
        """Return the drivable area; every stage that changed labels must agree to it."""
        smoothed = inferred.maps.labels
        before = (network_labels,) if smoothed is network_labels else (network_labels, smoothed)
        evidence = Evidence(
            labels=refined.labels,
            confidence=refined.confidence,
            entropy=inferred.maps.entropy,
            area=inferred.drivable_area,
            others=tuple(labels for labels in before if labels is not refined.labels),
            own_vehicle=self.mounting.own_vehicle,
        )
        return self._drivable(evidence, self.options, stamp)


def check_image(image: UInt8Array) -> None:
    """Refuse an array that is not an RGB image.

    Raises:
        ImageError: If it is not (H, W, 3) uint8 with at least one pixel.
    """
    if image.ndim != CHANNELS or image.shape[2] != CHANNELS or image.dtype != np.uint8:
        msg = (
            f'Image is {image.shape} {image.dtype}; expected (H, W, 3) uint8 RGB. '
            'Decode camera messages with seg_node.imaging.rgb_pixels.'
        )
        raise ImageError(msg)
    if image.size == 0:
        msg = f'Image is empty: {image.shape}; expected at least one pixel.'
        raise ImageError(msg)
