# SPDX-License-Identifier: Apache-2.0
"""Tiny data sets on disk, made from numbers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
import zlib

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

SIZE = (6, 8)


def write_picture(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write RGB or grey pixels; the folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    assert cv2.imwrite(str(path), bgr)


def ramp(seed: int) -> npt.NDArray[np.uint8]:
    """Return an (H, W, 3) image whose channels differ from each other and from other seeds."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def stripes(classes: int, shift: int = 0) -> npt.NDArray[np.uint8]:
    """Return an (H, W) label map in which every id below ``classes`` occurs."""
    flat = (np.arange(SIZE[0] * SIZE[1]) + shift) % classes
    return flat.reshape(SIZE).astype(np.uint8)


def absurd_png() -> bytes:
    """Return a PNG that announces 100,000 x 100,000 pixels."""
    coded = bytearray(cv2.imencode('.png', np.zeros(SIZE, np.uint8))[1].tobytes())
    coded[16:24] = struct.pack('>II', 100_000, 100_000)
    coded[29:33] = struct.pack('>I', zlib.crc32(coded[12:29]))
    return bytes(coded)


@pytest.fixture
def add_pair() -> Callable[..., None]:
    """Return a function that writes an image and its labels below two folders."""

    def write(images: Path, labels: Path, name: str, classes: int, *, seed: int = 0) -> None:
        write_picture(images / name, ramp(seed))
        write_picture((labels / name).with_suffix('.png'), stripes(classes, seed))

    return write
