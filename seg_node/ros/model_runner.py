# SPDX-License-Identifier: Apache-2.0
"""The open model of a configured node, and the parameters it runs with. Free of ROS."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.bundle import open_bundle
from seg_node.crf import preset
from seg_node.engines.registry import open_engine
from seg_node.errors import EngineError
from seg_node.pipeline import Outputs, Segmenter, SegmenterOptions

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.pipeline import Segmentation

    from .parameters import Parameters

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['ModelRunner', 'segmenter_options']


CLOSE_TIMEOUT_S = 1.0


class ModelRunner:
    """Owns bundle, engine and segmenter; two threads may ask it, one after the other is served."""

    def __init__(self, parameters: Parameters) -> None:
        """Open the model and run it once, so that the first frame is as fast as the others.

        Raises:
            BundleError: If the bundle is missing, damaged or of another format.
            EngineError: If the engine cannot run it.
        """
        cv2.setNumThreads(parameters.opencv_threads)
        self._lock = Lock()
        self.bundle = open_bundle(parameters.bundle)
        self.engine = open_engine(
            parameters.engine,
            self.bundle,
            threads=parameters.threads,
            precision=parameters.precision,
        )
        self._segmenter = Segmenter(self.engine, segmenter_options(parameters))
        spec = self.bundle.manifest.input
        self._segmenter(np.zeros((spec.height, spec.width, 3), np.uint8))

    def run(
        self,
        image: UInt8Array,
        outputs: Outputs,
        parameters: Parameters,
        arrived: float | None = None,
    ) -> Segmentation:
        """Segment one image with the present parameters.

        Args:
            image: (H, W, 3) uint8 RGB.
            outputs: What to compute.
            parameters: Thresholds and CRF; a change takes effect with this frame.
            arrived: When the image arrived, on the monotonic clock [s]; the latency budget
                counts from there.
        """
        budget = parameters.latency_budget
        deadline = arrived + budget if budget and arrived is not None else None
        with self._lock:
            self._segmenter.options = segmenter_options(parameters)
            return self._segmenter(image, outputs, deadline=deadline)

    def described(self) -> dict[str, str]:
        """Return what runs here, in words, for status and diagnostics."""
        return {
            'bundle': f'{self.bundle.manifest.name} {self.bundle.digest}',
            'engine': self.engine.name,
            'device': self.engine.device,
            'precision': self.engine.precision,
        }

    def close(self) -> None:
        """Free the model.

        Raises:
            EngineError: If an inference hangs in it.
        """
        if not self._lock.acquire(timeout=CLOSE_TIMEOUT_S):
            msg = 'The engine is still at work and cannot be freed. Restart the node.'
            raise EngineError(msg)
        try:
            self.engine.close()
        finally:
            self._lock.release()


def segmenter_options(parameters: Parameters) -> SegmenterOptions:
    """Return the part of the parameters that the segmenter takes."""
    return SegmenterOptions(
        drivable_min_probability=parameters.drivable_min_probability or None,
        drivable_max_entropy=parameters.drivable_max_entropy,
        crf=preset(parameters.crf_preset) if parameters.crf_enabled else None,
        crf_entropy_threshold=parameters.crf_entropy_threshold,
        crf_min_uncertain_fraction=parameters.crf_min_uncertain_fraction,
    )
