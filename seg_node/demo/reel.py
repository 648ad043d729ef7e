# SPDX-License-Identifier: Apache-2.0
"""Frames on disk, ready to be played without any work."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
import shutil
from typing import TYPE_CHECKING

import numpy as np

from seg_node.errors import DemoError
from seg_node.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from .sources import Frame, Source

__all__ = ['Reel', 'store']

# Bytes on disk per pixel: image 3, truth 1, and the four maps that the recorder stores.
BYTES_PER_PIXEL = 8
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Reel:
    """Stored frames.

    Attributes:
        images: Folder of ``<name>.npy``, (H, W, 3) uint8 RGB.
        truths: Folder of ``<name>.npy``, (H, W) uint8 labels, by the same names; may be empty.
        frames: How many there are [count].
        sizes: The different (height, width) [px].
    """

    images: Path
    truths: Path
    frames: int
    sizes: frozenset[tuple[int, int]]


def store(source: Source, folder: Path, limit: int) -> Reel:
    """Write the first frames of a source below a folder.

    Args:
        source: Read as far as needed.
        folder: Two folders are made in it.
        limit: At most so many frames [count].

    Raises:
        DemoError: If there is no frame, or not enough room on the disk.
    """
    images, truths = folder / 'images', folder / 'truths'
    for one in (images, truths):
        one.mkdir(parents=True)
    total = limit if source.total is None else min(limit, source.total)
    what = 'rendering the drive' if source.kind == 'procedural' else 'reading the input'
    sizes = set()
    count = 0
    for frame in progress(islice(source.frames, limit), what=what, total=total, unit='frame'):
        if count == 0:
            check_room(frame, folder, total)
        np.save(images / f'{count:06d}.npy', frame.image)
        if frame.labels is not None:
            np.save(truths / f'{count:06d}.npy', frame.labels)
        sizes.add((frame.image.shape[0], frame.image.shape[1]))
        count += 1
    if not count:
        msg = f'Not one frame of the {source.words} could be read; give another --input.'
        raise DemoError(msg)
    return Reel(images, truths, count, frozenset(sizes))


def check_room(first: Frame, folder: Path, frames: int) -> None:
    """Refuse to fill the disk.

    Raises:
        DemoError: If so many frames like the first do not fit, with what the node makes of them.
    """
    height, width = first.image.shape[:2]
    needed = height * width * BYTES_PER_PIXEL * frames
    free = shutil.disk_usage(folder).free
    if needed > free:
        msg = (
            f'{frames} frames of {height} x {width} (height x width) need {needed // MIB} MiB in '
            f'{str(folder.parent)!r}, which has {free // MIB} MiB left. Play fewer (--frames), or '
            'set TMPDIR to a folder on a larger disk.'
        )
        raise DemoError(msg)
