# SPDX-License-Identifier: Apache-2.0
"""The frames that cameras send: a drive, at every size that is measured."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.demo.sources import open_source, procedural_source
from seg_node.errors import DemoError
from seg_node.progress import progress

from .options import SIZES

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.demo.sources import Source

    from .options import BenchmarkOptions

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['fitted', 'store_drive']

RATE_HZ = 8.0
"""Of videos and recordings frames are taken at this rate, so that they differ."""
RENDERED = SIZES['720p']


def store_drive(options: BenchmarkOptions, sizes: dict[str, tuple[int, int]], folder: Path) -> str:
    """Write each frame at each size as ``<folder>/<name of the size>/<number>.npy``.

    Args:
        options: Which drive, and how many frames of it.
        sizes: Name to (height, width) [px].
        folder: One folder for each size is made in it.

    Returns:
        What the drive is, in words.

    Raises:
        DemoError: If not one frame can be read.
        BagError: If a recording cannot be read.
    """
    source = source_of(options)
    for name in sizes:
        (folder / name).mkdir()
    frames = islice(source.frames, options.frames)
    written = 0
    for frame in progress(frames, what='preparing the drive', total=options.frames, unit='frame'):
        for name, size in sizes.items():
            np.save(folder / name / f'{written:06d}.npy', fitted(frame.image, size))
        written += 1
    if not written:
        msg = f'Not one frame of the {source.words} could be read; give another drive.'
        raise DemoError(msg)
    return f'{source.words}, {written} frames'


def source_of(options: BenchmarkOptions) -> Source:
    """Open the drive that the options name."""
    if options.drive is not None:
        return open_source(options.drive, rate=RATE_HZ, topic=options.topic)
    return procedural_source(options.frames, seed=0, size=RENDERED, rate=RATE_HZ)


def fitted(pixels: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Return the middle of an image or a label map, scaled to a size.

    Args:
        pixels: (H, W, 3) or, for labels, (H, W) uint8.
        size: (height, width) [px].
    """
    height, width = pixels.shape[:2]
    rows = min(height, round(width * size[0] / size[1]))
    columns = min(width, round(height * size[1] / size[0]))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = pixels[top : top + rows, left : left + columns]
    smooth = cv2.INTER_AREA if rows > size[0] else cv2.INTER_LINEAR
    kind = smooth if middle.ndim > len(size) else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(middle, size[::-1], interpolation=kind), np.uint8)
