# SPDX-License-Identifier: Apache-2.0
"""Video files that really play: each is read back before it counts as written."""

from __future__ import annotations

from contextlib import contextmanager
import itertools
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import VideoError
from seg_node.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CODECS', 'VideoFile', 'write_video']

# In the order in which they are tried. H.264 plays everywhere, but few OpenCV builds write it;
# MPEG-4 part 2 plays in VLC, mpv, Totem and QuickTime; VP9 also in browsers, but takes a hundred
# times as long to write; Motion JPEG is in every OpenCV, and large.
CODECS = (('avc1', '.mp4'), ('mp4v', '.mp4'), ('vp09', '.mp4'), ('MJPG', '.avi'))

TRIAL = 3  # pictures


def write_video(
    path: Path, pictures: Callable[[], Iterable[UInt8Array]], rate: float, total: int
) -> tuple[Path, str]:
    """Write a video with the first codec that works here.

    Args:
        path: Where it goes; the suffix follows the codec.
        pictures: Called once per attempt; gives (H, W, 3) uint8 RGB pictures of one even size.
        rate: Pictures per second [Hz].
        total: How many pictures there are.

    Returns:
        The file, and the codec's four letters.

    Raises:
        VideoError: If no codec works.
    """
    for codec, suffix in CODECS:
        file = path.with_suffix(suffix)
        written = write_with(codec, file, pictures, rate, total)
        if written and readable(file) == written:
            return file, codec
        file.unlink(missing_ok=True)
    raise VideoError(nothing_plays())


def nothing_plays() -> str:
    """Say that no codec works."""
    tried = ', '.join(codec for codec, _ in CODECS)
    return (
        f'OpenCV {cv2.__version__} can write no video that plays (tried {tried}). '
        'Install opencv-python-headless, which brings its own codecs.'
    )


class VideoFile:
    """A video that is written while its pictures come, with a codec that was tried before.

    Attributes:
        path: The file.
        codec: Its four letters.
    """

    def __init__(self, path: Path, picture: UInt8Array, rate: float) -> None:
        """Find a codec and open the file.

        Args:
            path: Where it goes; the suffix follows the codec.
            picture: The first one, (H, W, 3) uint8 RGB of an even size; it is not written.
            rate: Pictures per second [Hz].

        Raises:
            VideoError: If no codec works.
        """
        self.codec, suffix = working_codec(picture.shape, rate)
        self.path = path.with_suffix(suffix)
        self._writer = open_writer(self.codec, self.path, picture, rate)
        self._count = 0

    def write(self, picture: UInt8Array) -> None:
        """Add a picture of the first one's size."""
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        self._count += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            VideoError: If it does not play, for example because the disk is full.
        """
        self._writer.release()
        found = readable(self.path)
        if found != self._count:
            msg = (
                f'Video {str(self.path)!r} plays {found} of {self._count} pictures. Free space '
                'there and write it again.'
            )
            raise VideoError(msg)


def working_codec(shape: tuple[int, ...], rate: float) -> tuple[str, str]:
    """Return codec and suffix of the first that plays a few pictures of a size.

    Raises:
        VideoError: If none does.
    """
    black = np.zeros(shape, np.uint8)
    with TemporaryDirectory(prefix='seg_video_') as scratch:
        for codec, suffix in CODECS:
            file = Path(scratch) / f'trial{suffix}'
            writer = open_writer(codec, file, black, rate)
            if not writer.isOpened():
                continue
            for _ in range(TRIAL):
                writer.write(black)
            writer.release()
            if readable(file) == TRIAL:
                return codec, suffix
    raise VideoError(nothing_plays())


def write_with(
    codec: str, file: Path, pictures: Callable[[], Iterable[UInt8Array]], rate: float, total: int
) -> int:
    """Write with one codec and return how many pictures were written; 0 if it is not there."""
    frames = iter(pictures())
    first = next(frames, None)
    if first is None:
        return 0
    writer = open_writer(codec, file, first, rate)
    if not writer.isOpened():
        return 0
    every = itertools.chain([first], frames)
    count = 0
    for picture in progress(every, what='writing the video', total=total, unit='frame'):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        count += 1
    writer.release()
    return count


def open_writer(codec: str, file: Path, picture: UInt8Array, rate: float) -> Any:
    """Open a writer for pictures of this size; what a missing codec prints is swallowed."""
    size = (picture.shape[1], picture.shape[0])
    with quiet_stderr():
        return cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), rate, size)


def readable(file: Path) -> int:
    """Return how many pictures OpenCV reads from a video file."""
    capture = cv2.VideoCapture(str(file))
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send what libraries print on stderr to nowhere; Python's own errors are not touched."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
