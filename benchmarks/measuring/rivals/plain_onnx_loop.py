# SPDX-License-Identifier: Apache-2.0
"""What a script around ONNX Runtime does with an image, without ROS: a peer of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime

from measuring.rivals.plain_numpy import plain_area, plain_finish, plain_fit
from seg_node.imaging import drivable_table, place

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.imaging import PixelMaps

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['PlainLoop']

LEAST_PROBABILITY, MOST_ENTROPY = 0.5, 0.5


class PlainLoop:
    """Scales with OpenCV, runs the network on one thread, does the rest in numpy."""

    def __init__(self, bundle: Bundle) -> None:
        """Open the network of a bundle."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(bundle.path / 'model.onnx'), options, providers=['CPUExecutionProvider']
        )
        self._manifest = bundle.manifest
        self._drivable = drivable_table(bundle.manifest.taxonomy)

    def __call__(self, image: UInt8Array) -> tuple[PixelMaps, UInt8Array]:
        """Return labels, confidence and entropy of an (H, W, 3) uint8 RGB image, and the area."""
        placement = place(image.shape[:2], self._manifest.input)
        batch = plain_fit(image, placement, self._manifest.input)
        (scores,) = self._session.run(None, {'image': batch})
        maps = plain_finish(scores[0], placement, self._manifest.temperature)
        return maps, plain_area(maps, self._drivable, LEAST_PROBABILITY, MOST_ENTROPY)
