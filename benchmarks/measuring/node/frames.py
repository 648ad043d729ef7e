# SPDX-License-Identifier: Apache-2.0
"""The frames that cameras of benchmarks send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring.crf.frames import fitted
from seg_node.datasets import open_dataset, spread
from seg_node.datasets.procedural import Drive

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ['FRAMES', 'PROCEDURAL', 'read_images']

SIZE = (720, 1280)
FRAMES = 8
PROCEDURAL = 'procedural drive'


def read_images(data: str, size: tuple[int, int] = SIZE) -> list[npt.NDArray[np.uint8]]:
    """Return the frames that the camera sends.

    Args:
        data: What ``open_dataset`` understands, or ``PROCEDURAL``.
        size: (height, width) [px].
    """
    if data == PROCEDURAL:
        drive = Drive(FRAMES, size=size)
        return [drive[index].image for index in range(FRAMES)]
    dataset = spread(open_dataset(data, split='val'), FRAMES)
    return [fitted(dataset[index].image, size, index) for index in range(FRAMES)]
