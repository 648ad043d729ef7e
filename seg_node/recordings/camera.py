# SPDX-License-Identifier: Apache-2.0
"""A camera that is recorded: frames with regular stamps, camera info and, if known, the truth.

Needs the ``replay`` extra (rosbags).
"""

from __future__ import annotations

from dataclasses import dataclass
import json
from typing import Any, Literal, TYPE_CHECKING

from seg_node.errors import ParameterError

from .messages import (
    camera_info_message,
    COMPRESSED_IMAGE,
    compressed_message,
    header_message,
    IMAGE,
    image_message,
    INFO,
    jpeg_or_png,
    string_message,
)
from .writer import quality_of_service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seg_node.taxonomy import Taxonomy

    from .images import Frame
    from .writer import BagWriter

__all__ = ['Camera', 'record']

SECOND_NS = 1_000_000_000
RAW_SUFFIX, COMPRESSED_SUFFIX = '', '/compressed'
STRING = 'std_msgs/msg/String'


@dataclass(frozen=True, slots=True)
class Camera:
    """What is written of a camera, and under which names.

    Attributes:
        topic: Of the image; a coded image goes to this name + ``/compressed``.
        frame_id: Coordinate frame of the headers.
        rate: Frames per second [Hz].
        start_ns: Stamp of the first frame [ns].
        codec: ``'jpeg'`` or ``'png'`` for coded images; None for raw ones.
        classes: Of the true labels, which go to ``truth_topic`` as mono8; None without truth.

    Raises:
        ParameterError: If the topic's name or a number is not possible.
    """

    topic: str = '/camera/image_raw'
    frame_id: str = 'camera'
    rate: float = 10.0
    start_ns: int = 1_700_000_000 * SECOND_NS
    codec: Literal['jpeg', 'png'] | None = None
    classes: Taxonomy | None = None

    def __post_init__(self) -> None:
        """Refuse what no recording can have."""
        if not self.topic.startswith('/') or self.topic.endswith(('/', COMPRESSED_SUFFIX)):
            msg = (
                f'Camera topic {self.topic!r} is not possible; expected an absolute name without '
                f'{COMPRESSED_SUFFIX!r}, for example /front/image_raw.'
            )
            raise ParameterError(msg)
        if self.start_ns <= 0:
            msg = f'The first stamp is {self.start_ns} ns; a stamp must be above 0 to count.'
            raise ParameterError(msg)

    @property
    def namespace(self) -> str:
        """What stands in front of the camera's last name; empty at the root."""
        return self.topic.rpartition('/')[0]

    @property
    def image_topic(self) -> str:
        """Topic of the images."""
        return self.topic + (COMPRESSED_SUFFIX if self.codec else RAW_SUFFIX)

    @property
    def truth_topic(self) -> str:
        """Topic of the true labels, among those of a segmentation: it is no camera."""
        return f'{self.namespace}/segmentation/truth'

    def stamp_ns(self, index: int) -> int:
        """Return the stamp of a frame [ns]."""
        return self.start_ns + round(index * SECOND_NS / self.rate)


def record(writer: BagWriter, camera: Camera, frames: Iterable[Frame]) -> int:
    """Write the frames, each at the time of its stamp.

    Args:
        writer: An empty recording.
        camera: Names and times.
        frames: In order; those with labels have labels of the image's size.

    Returns:
        How many there were.

    Raises:
        BagError: If the disk is full.
        ImageError: If a picture cannot be coded.
    """
    tracks = _tracks(writer, camera)
    count = 0
    for index, frame in enumerate(frames):
        stamp = camera.stamp_ns(index)
        if index == 0 and camera.classes is not None:
            text = json.dumps(camera.classes.to_dict())
            writer.write(tracks['classes'], stamp, string_message(writer.types, text))
        header = header_message(writer.types, stamp, camera.frame_id)
        writer.write(tracks['image'], stamp, _picture(writer, camera, header, frame))
        info = camera_info_message(writer.types, header, frame.image.shape[:2])
        writer.write(tracks['info'], stamp, info)
        if frame.labels is not None and camera.classes is not None:
            labels = image_message(writer.types, header, frame.labels)
            writer.write(tracks['truth'], stamp, labels)
        count += 1
    return count


def _picture(writer: BagWriter, camera: Camera, header: Any, frame: Frame) -> Any:
    if camera.codec is None:
        return image_message(writer.types, header, frame.image)
    words, data = jpeg_or_png(frame.image, camera.codec)
    return compressed_message(writer.types, header, words, data)


def _tracks(writer: BagWriter, camera: Camera) -> dict[str, Any]:
    """Add the topics; drivers offer their images as reliable, as do ours."""
    each, latched = [quality_of_service(depth=10)], [quality_of_service(latched=True)]
    kind = COMPRESSED_IMAGE if camera.codec else IMAGE
    tracks = {
        'image': writer.add(camera.image_topic, kind, each),
        'info': writer.add(f'{camera.namespace}/camera_info', INFO, each),
    }
    if camera.classes is not None:
        tracks['truth'] = writer.add(camera.truth_topic, IMAGE, each)
        tracks['classes'] = writer.add(f'{camera.truth_topic}/classes', STRING, latched)
    return tracks
