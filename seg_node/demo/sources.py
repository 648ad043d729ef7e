# SPDX-License-Identifier: Apache-2.0
"""What the demo plays: a procedural drive, a video, a folder of images or a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from math import ceil
from typing import Any, Literal, TYPE_CHECKING

import cv2

from seg_node.datasets.procedural import Drive
from seg_node.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Frame', 'Source', 'open_source', 'procedural_source']

IMAGE_SUFFIXES = frozenset({'.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp'})
RECORDING_SUFFIXES = frozenset({'.bag', '.db3', '.mcap'})
RECORDING_PROOF = 'metadata.yaml'
# A frame may come so much before it is due, in periods: times in files are rounded.
SLACK = 0.01
# Where a video does not say how fast it was taken [Hz].
USUAL_RATE = 25.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture to play.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 true class ids, 255 unlabelled; None where nobody knows.
    """

    image: UInt8Array
    labels: UInt8Array | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Pictures, and where they come from.

    Attributes:
        kind: What it is.
        words: The same for people, for example ``'procedural drive, seed 0'``.
        frames: The pictures in order; read once.
        total: How many there are at most; None if that is not known.
        taxonomy: Of the true labels; None without them.
        skipped: Names of files that could not be decoded, filled while ``frames`` is read.
    """

    kind: Literal['procedural', 'video', 'folder', 'recording']
    words: str
    frames: Iterator[Frame]
    total: int | None = None
    taxonomy: Taxonomy | None = None
    skipped: list[str] = field(default_factory=list)


def open_source(path: Path, *, rate: float, topic: str | None = None) -> Source:
    """Open what a user named.

    Args:
        path: Video file, folder of images of any size, or recording (rosbag2 folder, .mcap, .db3).
        rate: At which it will be played [Hz]. A video or recording is thinned out to this rate, so
            that it passes at its own speed; a folder is played whole.
        topic: Camera topic of a recording; needed only where it has several cameras.

    Raises:
        DemoError: If it is none of these, or cannot be read.
        BagError: If a recording cannot be read, or its camera is not clear.
    """
    if not path.exists():
        msg = f'There is no input {str(path)!r}; {EXPECTED}'
        raise DemoError(msg)
    if (path / RECORDING_PROOF).is_file() or path.suffix in RECORDING_SUFFIXES:
        return recording_source(path, rate, topic)
    return folder_source(path) if path.is_dir() else video_source(path, rate)


EXPECTED = 'expected a video file, a folder of images, or a recording (rosbag2 folder, .mcap).'


def procedural_source(frames: int, *, seed: int, size: tuple[int, int], rate: float) -> Source:
    """Return a drive through a made-up town, with its exact labels.

    Args:
        frames: How many pictures [count].
        seed: Same seed, same drive.
        size: Height and width [px].
        rate: At which it will be played [Hz]; the car moves on by 1 / rate between pictures.
    """
    drive = Drive(frames, seed=seed, size=size, rate=rate)
    samples = (drive[index] for index in range(len(drive)))
    return Source(
        'procedural',
        f'procedural drive, seed {seed}',
        (Frame(sample.image, sample.labels) for sample in samples),
        frames,
        drive.taxonomy,
    )


def folder_source(folder: Path) -> Source:
    """Return the images of a folder, in the order of their names."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        kinds = ', '.join(sorted(IMAGE_SUFFIXES))
        msg = f'Folder {str(folder)!r} has no images ({kinds}) and is no recording; {EXPECTED}'
        raise DemoError(msg)
    skipped: list[str] = []
    words = f'images of {folder.name or folder}'
    return Source('folder', words, image_frames(files, skipped), len(files), skipped=skipped)


def image_frames(files: Iterable[Path], skipped: list[str]) -> Iterator[Frame]:
    """Yield the images; the names of those that cannot be decoded are appended to ``skipped``."""
    for file in files:
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            skipped.append(file.name)
        else:
            yield Frame(rgb(image))


def video_source(file: Path, rate: float) -> Source:
    """Return the frames of a video file, thinned out to ``rate`` [Hz]."""
    capture = cv2.VideoCapture(str(file))
    if not capture.isOpened():
        msg = f'OpenCV cannot read {str(file)!r} as a video; {EXPECTED}'
        raise DemoError(msg)
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps < 1000 else USUAL_RATE  # noqa: PLR2004  # nonsense in the file's header
    frames = max(0, capture.get(cv2.CAP_PROP_FRAME_COUNT))
    total = ceil(frames * min(1.0, rate / fps)) or None
    return Source('video', f'video {file.name}', thinned(video_frames(capture, fps), rate), total)


def video_frames(capture: Any, fps: float) -> Iterator[tuple[float, UInt8Array]]:
    """Yield time [s] and (H, W, 3) uint8 RGB picture of each frame."""
    for index in count():
        good, image = capture.read()
        if not good:
            capture.release()
            return
        yield index / fps, rgb(image)


def recording_source(bag: Path, rate: float, topic: str | None) -> Source:
    """Return the camera frames of a recording, thinned out to ``rate`` [Hz]."""
    try:
        reader = import_module('seg_node.recordings.reader')
    except ModuleNotFoundError as err:
        msg = (
            f'Recording {str(bag)!r} needs {err.name!r} to be read: '
            'pip install rosbags, or give a video file or a folder of images.'
        )
        raise DemoError(msg) from err
    topic = reader.camera_topic(bag) if topic is None else topic
    stamped = ((stamp / 1e9, image) for stamp, image in reader.frames(bag, topic))
    return Source('recording', f'recording {bag.name}, {topic}', thinned(stamped, rate))


def thinned(stamped: Iterable[tuple[float, UInt8Array]], rate: float) -> Iterator[Frame]:
    """Yield the first frame, then each that comes when the next is due at ``rate`` [Hz].

    Args:
        stamped: Time [s] and picture, in order. Where time jumps back, as in a recording that
            was looped, the next frame is due at once.
        rate: Of what is left [Hz]; a slower camera passes unchanged.
    """
    due = last = None
    for now, image in stamped:
        if due is None or last is None or now < last:
            due = now
        if now >= due - SLACK / rate:
            yield Frame(image)
            due = max(due + 1 / rate, now)
        last = now


def rgb(image: Any) -> UInt8Array:
    """Return OpenCV's BGR picture as RGB."""
    pixels: UInt8Array = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return pixels
