# SPDX-License-Identifier: Apache-2.0
"""Pictures from folders and videos, one at a time. Needs no rosbags."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['IMAGE_SUFFIXES', 'Frame', 'Video', 'image_files', 'image_frames', 'open_video', 'thin']

IMAGE_SUFFIXES = frozenset({'.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp'})
# A frame may come so much before it is due, in periods: times in files are rounded.
SLACK = 0.01
# Where a video does not say how fast it was taken [Hz].
USUAL_RATE = 25.0
MOST_RATE = 1000.0  # more is nonsense in the file's header


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 true class ids, 255 unlabelled; None where nobody knows.
    """

    image: UInt8Array
    labels: UInt8Array | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """An open video file.

    Attributes:
        rate: At which it was taken [Hz].
        total: Frames that it claims to have; 0 if it does not say.
        frames: Time [s] and (H, W, 3) uint8 RGB picture of each frame; read once.
    """

    rate: float
    total: int
    frames: Iterator[tuple[float, UInt8Array]]


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, in the order of their names."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)


def image_frames(files: Iterable[Path], skipped: list[str]) -> Iterator[Frame]:
    """Yield the images; the names of those that cannot be decoded are appended to ``skipped``."""
    for file in files:
        try:
            image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        except cv2.error:  # absurd sizes
            image = None
        if image is None:
            skipped.append(file.name)
        else:
            yield Frame(rgb(image))


def open_video(file: Path) -> Video | None:
    """Return a video; None if OpenCV cannot read the file as one."""
    capture = cv2.VideoCapture(str(file))
    if not capture.isOpened():
        return None
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 0 < rate < MOST_RATE else USUAL_RATE
    total = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    return Video(rate, total, video_frames(capture, rate))


def video_frames(capture: Any, rate: float) -> Iterator[tuple[float, UInt8Array]]:
    """Yield time [s] and (H, W, 3) uint8 RGB picture of each frame."""
    for index in count():
        good, image = capture.read()
        if not good:
            capture.release()
            return
        yield index / rate, rgb(image)


def thin(stamped: Iterable[tuple[float, UInt8Array]], rate: float) -> Iterator[UInt8Array]:
    """Yield the first picture, then each that comes when the next is due at ``rate`` [Hz].

    Args:
        stamped: Time [s] and picture, in order. Where time jumps back, as in a recording that
            was looped, the next picture is due at once.
        rate: Of what is left [Hz]; a slower camera passes unchanged.
    """
    due = last = None
    for now, image in stamped:
        if due is None or last is None or now < last:
            due = now
        if now >= due - SLACK / rate:
            yield image
            due = max(due + 1 / rate, now)
        last = now


def rgb(image: Any) -> UInt8Array:
    """Return OpenCV's BGR picture as RGB."""
    pixels: UInt8Array = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return pixels
