# SPDX-License-Identifier: Apache-2.0
"""What the demo plays: a procedural drive, a video, a folder of images or a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from math import ceil
from typing import Literal, TYPE_CHECKING

from seg_node.datasets.procedural import Drive
from seg_node.errors import DemoError
from seg_node.recordings.images import (
    Frame,
    image_files,
    image_frames,
    IMAGE_SUFFIXES,
    open_video,
    thin,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Frame', 'Source', 'open_source', 'procedural_source']

RECORDING_SUFFIXES = frozenset({'.bag', '.db3', '.mcap'})
RECORDING_PROOF = 'metadata.yaml'


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
    files = image_files(folder)
    if not files:
        kinds = ', '.join(sorted(IMAGE_SUFFIXES))
        msg = f'Folder {str(folder)!r} has no images ({kinds}) and is no recording; {EXPECTED}'
        raise DemoError(msg)
    skipped: list[str] = []
    words = f'images of {folder.name or folder}'
    return Source('folder', words, image_frames(files, skipped), len(files), skipped=skipped)


def video_source(file: Path, rate: float) -> Source:
    """Return the frames of a video file, thinned out to ``rate`` [Hz]."""
    video = open_video(file)
    if video is None:
        msg = f'OpenCV cannot read {str(file)!r} as a video; {EXPECTED}'
        raise DemoError(msg)
    total = ceil(video.total * min(1.0, rate / video.rate)) or None
    return Source('video', f'video {file.name}', thinned(video.frames, rate), total)


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
    """Yield the pictures that are due at ``rate`` [Hz], as ``recordings.images.thin`` does."""
    return (Frame(image) for image in thin(stamped, rate))
