# SPDX-License-Identifier: Apache-2.0
"""A video of a drive with the colours of the classes laid over it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
import re
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.drawing import drivable_picture, ENTROPY_MAP, heat, VideoFile, VideoPage
from seg_node.imaging import overlay
from seg_node.pipeline import Outputs
from seg_node.recordings.reader import Recording

from .behind import Behind

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.pipeline import Segmentation
    from seg_node.replay.record import FrameRecord
    from seg_node.replay.sink import SinkContext

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['OverlayVideo', 'open_sink', 'video_name']

FOLDER = 'overlay'
TILES = ('image', 'entropy', 'drivable area')
ALPHA = 0.55
HALF = 0.5  # down to here, two neighbours are enough
SLOWEST, FASTEST, USUAL = 1.0, 60.0, 10.0  # [Hz]
SECOND_NS = 1_000_000_000
MILLI = 1e3
NOT_IN_NAMES = re.compile('[^A-Za-z0-9_.-]+')


def open_sink(context: SinkContext) -> OverlayVideo:
    """Return a sink that writes ``overlay/<bag>.mp4``."""
    return OverlayVideo(context)


@dataclass(frozen=True, slots=True)
class Job:
    """What the arguments of ``OverlayVideo.frame`` are, less the message."""

    record: FrameRecord
    image: UInt8Array
    segmentation: Segmentation


class OverlayVideo:
    """Writes one video for each camera of a bag, with an even rate: the mean one of the drive.

    Attributes:
        outputs: What the segmenter has to compute.
    """

    outputs = Outputs(confidence=False)

    def __init__(self, context: SinkContext) -> None:
        """Prepare the folder."""
        self._context = context
        self._folder = context.out / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        recording = Recording(context.bag, context.damage)
        self._rates = {camera: mean_rate(recording, camera) for camera in context.topics}
        self._reels: dict[str, _Reel] = {}
        self._stack = ExitStack()
        self._files = self._stack.enter_context(ExitStack())  # left after the thread has ended
        self._behind = self._stack.enter_context(Behind(self._draw))

    def frame(
        self,
        record: FrameRecord,
        image: UInt8Array,
        segmentation: Segmentation,
        message: Any,  # noqa: ARG002 - part of the contract
    ) -> None:
        """Hand a frame to the thread that draws."""
        self._behind(Job(record, image, segmentation))

    def close(self) -> None:
        """Wait for the thread and finish the videos."""
        self._stack.close()

    def _draw(self, job: Job) -> None:
        camera = job.record.topic
        if camera not in self._reels:
            self._reels[camera] = self._reel(job)
        self._reels[camera].write(job)

    def _reel(self, job: Job) -> _Reel:
        context, camera = self._context, job.record.topic
        height, width = job.image.shape[:2]
        title = f'{context.name} {camera}, bundle {context.manifest.name}'
        page = VideoPage(context.manifest.taxonomy, height / width, title, TILES)
        name = video_name(context.name, camera, context.topics)
        reel = _Reel(page, self._folder / name, self._rates[camera], job.record.stamp_ns)
        self._files.callback(reel.close)
        return reel


class _Reel:
    """The video of one camera."""

    def __init__(self, page: VideoPage, path: Path, rate: float, begun_ns: int) -> None:
        """Open the file."""
        self._page = page
        self._file = VideoFile(path, page.ground, rate)
        self._begun_ns = begun_ns

    def write(self, job: Job) -> None:
        """Draw a frame."""
        result, large, small = job.segmentation, self._page.main_size, self._page.tile_size
        image, tile = within(job.image, large), within(job.image, small)
        entropy, area = result.entropy, result.drivable_area
        tiles = (
            tile,
            None if entropy is None else heat(within(entropy, small), ENTROPY_MAP),
            None if area is None else drivable_picture(tile, within(area, small, exact=True)),
        )
        labels = within(result.labels, large, exact=True)
        main = overlay(image, labels, self._page.classes, ALPHA)
        self._file.write(self._page.frame(main, tiles, self._words(job)))

    def _words(self, job: Job) -> str:
        seconds = (job.record.stamp_ns - self._begun_ns) / SECOND_NS
        refined = 'CRF     ' if job.segmentation.crf == 'ran' else ''
        entropy = f'entropy {100 * job.record.entropy:.1f} %'
        total = job.record.times.get('total')
        spent = '' if total is None else f'     {MILLI * total:.0f} ms'
        return f'{refined}{seconds:4.1f} s     {entropy}{spent}'

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def within(picture: UInt8Array, size: tuple[int, int], *, exact: bool = False) -> UInt8Array:
    """Return a picture made small enough for a box, before anything costly is done to it.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        size: Height and width of the box [px].
        exact: Whether its values are ids that must not be mixed.
    """
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    if scale >= 1.0:
        return picture
    way = cv2.INTER_AREA if scale < HALF else cv2.INTER_LINEAR
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    found = cv2.resize(picture, new, interpolation=cv2.INTER_NEAREST if exact else way)
    return np.asarray(found, np.uint8)


def mean_rate(recording: Recording, camera: str) -> float:
    """Return the images per second of a camera over the whole recording [Hz]."""
    topic = recording.topics[camera]
    seconds = (topic.stop_ns - topic.start_ns) / SECOND_NS
    if topic.messages < 2 or seconds <= 0:  # noqa: PLR2004 - one picture has no rate
        return USUAL
    return min(max((topic.messages - 1) / seconds, SLOWEST), FASTEST)


def video_name(bag: str, camera: str, cameras: tuple[str, ...]) -> str:
    """Return the name of a video's file: that of the bag, and of the camera if there are several.

    Example:
        >>> video_name('drive', '/front/image_raw', ('/front/image_raw', '/rear/image_raw'))
        'drive-front_image_raw.mp4'
    """
    if len(cameras) == 1:
        return f'{bag}.mp4'
    return f'{bag}-{NOT_IN_NAMES.sub("_", camera.strip("/"))}.mp4'
