# SPDX-License-Identifier: Apache-2.0
"""The open model of a configured node, and the parameters it runs with. Free of ROS."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.bundle import open_bundle
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby.engine import StandbyEngine, StandbyOptions
from seg_node.engines.standby.standing import Patience
from seg_node.errors import EngineError
from seg_node.imaging.drivable import drivable_table
from seg_node.interface import crf_words, engine_words
from seg_node.pipeline import (
    CrfChoice,
    infer_together,
    Segmenter,
    SegmenterOptions,
    SmoothingOptions,
    with_crf,
)
from seg_node.pipeline.crf_choice import crf_warning
from seg_node.ros.parameters.smoothing import SMOOTHING_OFF
from seg_node.ros.parameters.table import image_size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.pipeline import Mounting, Outputs, Segmentation
    from seg_node.pipeline.smoothing import SmoothingMethod
    from seg_node.pipeline.together import Ahead, Request
    from seg_node.ros.parameters.table import Parameters

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Job', 'ModelRunner', 'segmenter_options']


CLOSE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """An image to be segmented.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        outputs: What to compute.
        camera: Name of the camera it is from.
        arrived: When it arrived, on the monotonic clock [s]; the latency budget counts from there.
        reserve: What is needed of that budget after the segmentation [s].
        stamp: When it was taken [s]; None for an image that is no part of a sequence.
    """

    image: UInt8Array
    outputs: Outputs
    camera: str = ''
    arrived: float | None = None
    reserve: float = 0.0
    stamp: float | None = None


class ModelRunner:
    """Owns bundle, engine and segmenters; two threads may ask it, one after the other is served.

    All cameras share one engine. Each has a segmenter of its own, because that remembers the
    frames before.
    """

    def __init__(self, parameters: Parameters, mountings: Mapping[str, Mounting]) -> None:
        """Open the model and run it once, so that the first frame is as fast as the others.

        Args:
            parameters: Present values.
            mountings: Of each camera, by name.

        Raises:
            BundleError: If the bundle is missing, damaged or of another format.
            EngineError: If the engine cannot run it.
            CrfError: If the CRF is on, and its preset or its back end is missing.
        """
        cv2.setNumThreads(parameters.opencv_threads)
        self._lock = Lock()
        self.bundle = open_bundle(parameters.bundle)
        self.engine = open_for_serving(
            parameters.engine,
            self.bundle,
            threads=parameters.threads,
            precision=parameters.precision,
            options=_standby_options(parameters, next(iter(mountings.values()))),
        )
        self._group = 1
        self._segmenters = {
            name: Segmenter(self.engine, mounting=mounting) for name, mounting in mountings.items()
        }
        try:
            self._adopt(parameters)
            self._warm_up()
            if isinstance(self.engine, StandbyEngine):
                self.engine.start()
        except BaseException:
            self.engine.close()
            raise

    def _warm_up(self) -> None:
        """Run everything once, the CRF too if it is on."""
        spec = self.bundle.manifest.input
        black = np.zeros((spec.height, spec.width, 3), np.uint8)
        segmenter = Segmenter(self.engine, next(iter(self._segmenters.values())).options)
        refining = segmenter.options.crf is not None
        segmenter(black, crf_decision='ran' if refining else 'off')

    def _adopt(self, parameters: Parameters) -> None:
        """Use these parameters from now on."""
        options = self.options_of(parameters)
        self._crf_words = crf_words(options)
        for segmenter in self._segmenters.values():
            segmenter.options = options
        self._parameters = parameters

    def options_of(self, parameters: Parameters) -> SegmenterOptions:
        """Return what these parameters mean for this bundle.

        Raises:
            CrfError: If the bundle lacks the preset that they name.
        """
        return segmenter_options(parameters, self.bundle.manifest)

    def warning(self, parameters: Parameters) -> str:
        """Return what a user should know about these parameters with this bundle; mostly empty."""
        return crf_warning(_crf_choice(parameters), self.bundle.manifest)

    def run(
        self, jobs: Sequence[Job], parameters: Parameters, *, patience: float = -1.0
    ) -> list[Segmentation]:
        """Segment images of different cameras, in one run, with the present parameters.

        Args:
            jobs: One for each image.
            parameters: Thresholds and CRF; a change takes effect with these images.
            patience: How long to wait for the other thread's images [s]; for ever if negative.

        Raises:
            ImageError: If an image cannot be segmented; then none was.
            EngineError: If it fails, or the other thread's images take longer.
        """
        deadline = _deadline(jobs, parameters.latency_budget)
        with self._held(patience):
            if parameters is not self._parameters:
                self._adopt(parameters)
            if len(jobs) == 1:
                return [self._segmented(jobs[0], deadline)]
            requests = [self._request(job) for job in jobs]
            answers = infer_together(self.engine, requests)
            return [
                self._segmented(job, deadline, ahead)
                for job, ahead in zip(jobs, answers, strict=True)
            ]

    @contextmanager
    def _held(self, patience: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=patience):
            msg = f'The engine has been at work with another frame for {patience:g} s.'
            raise EngineError(msg)
        try:
            yield
        finally:
            self._lock.release()

    def _request(self, job: Job) -> Request:
        return self._segmenters[job.camera].request(job.image, job.outputs, job.stamp)

    def _segmented(
        self, job: Job, deadline: float | None, ahead: Ahead | None = None
    ) -> Segmentation:
        segmenter = self._segmenters[job.camera]
        return segmenter(
            job.image,
            job.outputs,
            deadline=deadline,
            stamp=job.stamp,
            crf_may_fail=True,
            ahead=ahead,
        )

    def takes_together(self, count: int) -> bool:
        """Return whether so many images shall share a run.

        An engine takes memory for each number of images and prepares it, so a number must have
        come twice, one after the other, before it is worth it.
        """
        if count <= 1 or not self.engine.takes_batches:
            return False
        has_come_before, self._group = count == self._group, count
        return has_come_before

    def slop(self, parameters: Parameters) -> float:
        """Return how far the stamps of images may differ that are to go together [s].

        There is nothing to wait for where the engine takes one image after the other anyway.
        """
        return parameters.batch_slop if self.engine.takes_batches else 0.0

    def described(self) -> dict[str, str]:
        """Return what runs here, in words, for status and diagnostics.

        Asked in the thread that ran a frame, it is what that frame was answered by.
        """
        words = engine_words(self.bundle, self.engine)
        return {**words, **self._batch_words(words['engine']), **self._crf_words}

    def _batch_words(self, engine: str) -> dict[str, str]:
        """Return what becomes of the wish to batch; nothing where nobody wishes it."""
        slop = self._parameters.batch_slop
        if not slop or len(self._segmenters) == 1:
            return {}
        together = f'images whose stamps differ by up to {slop:g} s go through the engine together'
        alone = f'no: the engine {engine} takes one image after the other'
        return {'batch': together if self.engine.takes_batches else alone}

    @property
    def gpu(self) -> str:
        """What the GPU is doing where it does not answer frames yet, in a few words; or empty."""
        engine = self.engine
        return engine.gpu if isinstance(engine, StandbyEngine) and engine.gpu != 'in use' else ''

    @property
    def gpu_trouble(self) -> str:
        """Why the GPU that was chosen is not in use; empty if nothing is wrong."""
        return self.engine.trouble if isinstance(self.engine, StandbyEngine) else ''

    def close(self) -> None:
        """Free the model.

        Raises:
            EngineError: If an inference hangs in it.
        """
        if not self._lock.acquire(timeout=CLOSE_TIMEOUT_S):
            msg = (
                'The engine is still at work, as for a snapshot, and cannot be freed. Try it '
                'again; if it hangs, restart the node.'
            )
            raise EngineError(msg)
        try:
            self.engine.close()
        finally:
            self._lock.release()


def _deadline(jobs: Sequence[Job], budget: float) -> float | None:
    """Return when images of one run must be done [s]; None for never.

    They are published one after the other once the last one is done, so that the first one that
    came waits for the CRF of all.
    """
    arrivals = [job.arrived for job in jobs if job.arrived is not None]
    if not budget or not arrivals:
        return None
    return min(arrivals) + budget - sum(job.reserve for job in jobs)


def _standby_options(parameters: Parameters, mounting: Mounting) -> StandbyOptions:
    size = image_size_of(parameters.gpu_image_size)
    return StandbyOptions(
        on_gpu_failure='fail' if parameters.on_gpu_failure == 'fail' else 'fallback',
        image_size=None if size is None else mounting.upright_size(size),
        patience=Patience(
            build=parameters.gpu_build_timeout,
            pause=parameters.gpu_retry_delay,
            frame=parameters.gpu_frame_timeout,
        ),
    )


def segmenter_options(parameters: Parameters, manifest: Manifest) -> SegmenterOptions:
    """Return the part of the parameters that the segmenter takes.

    Args:
        parameters: Present values.
        manifest: Of the bundle, which may carry a preset of the CRF.

    Raises:
        CrfError: If the bundle lacks the preset that they name.
        TaxonomyError: If it lacks a class that they call drivable.
    """
    names = tuple(name for name in parameters.drivable_classes if name)
    drivable_table(manifest.taxonomy, names)  # refuses unknown ones before a frame comes
    options = SegmenterOptions(
        drivable_classes=names,
        drivable_min_probability=parameters.drivable_min_probability or None,
        drivable_max_entropy=parameters.drivable_max_entropy,
        drivable_hysteresis=parameters.drivable_hysteresis,
        drivable_max_hole=parameters.drivable_max_hole,
        drivable_reachable=parameters.drivable_reachable,
        drivable_ego_width=parameters.drivable_ego_width,
        drivable_ego_height=parameters.drivable_ego_height,
        smoothing=_smoothing(parameters),
    )
    return with_crf(options, _crf_choice(parameters), manifest)


def _smoothing(parameters: Parameters) -> SmoothingOptions | None:
    if parameters.smoothing_method == SMOOTHING_OFF:
        return None
    method: SmoothingMethod = 'flow' if parameters.smoothing_method == 'flow' else 'average'
    return SmoothingOptions(method, parameters.smoothing_history)


def _crf_choice(parameters: Parameters) -> CrfChoice:
    threshold, fraction = parameters.crf_entropy_threshold, parameters.crf_min_uncertain_fraction
    return CrfChoice(
        enabled=parameters.crf_enabled,
        preset=parameters.crf_preset,
        mode=parameters.crf_mode,
        resolution=parameters.crf_resolution,
        backend=parameters.crf_backend,
        threads=parameters.crf_threads,
        entropy_threshold=None if threshold < 0.0 else threshold,
        min_uncertain_fraction=None if fraction < 0.0 else fraction,
        hysteresis=parameters.crf_hysteresis,
    )
