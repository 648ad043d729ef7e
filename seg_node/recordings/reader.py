# SPDX-License-Identifier: Apache-2.0
"""Camera frames of a recording (rosbag2 as mcap or sqlite3, rosbag1), one at a time, without ROS.

Needs the ``replay`` extra (rosbags).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, TYPE_CHECKING

from rosbags.highlevel import AnyReader
from rosbags.typesys import get_typestore, Stores

from seg_node.errors import BagError, ImageError
from seg_node.imaging import decode_compressed, rgb_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from rosbags.interfaces import Connection

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['camera_topic', 'frames', 'image_topics']

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
DECODERS: dict[str, Callable[[Any], UInt8Array]] = {RAW: rgb_pixels, COMPRESSED: decode_compressed}
# Images that no camera took: our own outputs, and depth in an image's clothes.
OUTPUT_PART = '/segmentation/'
DEPTH_SUFFIX = '/compressedDepth'


def image_topics(bag: Path) -> dict[str, str]:
    """Return the topics that carry pictures, name to message type, in sorted order.

    Raises:
        BagError: If the recording cannot be read.
    """
    with opened(bag) as reader:
        return {c.topic: c.msgtype for c in image_connections(reader)}


def camera_topic(bag: Path) -> str:
    """Return the topic of the only camera in a recording.

    A camera's compressed topic beside its raw one does not count as a second camera; neither do
    the outputs of a segmentation node.

    Raises:
        BagError: If the recording cannot be read, or has no camera or several.
    """
    topics = image_topics(bag)
    cameras = [
        topic
        for topic in topics
        if OUTPUT_PART not in topic
        and not topic.endswith(DEPTH_SUFFIX)
        and topic.removesuffix('/compressed') not in topics.keys() - {topic}
    ]
    if len(cameras) == 1:
        return cameras[0]
    listed = ', '.join(cameras or topics) or 'none'
    msg = (
        f'Recording {str(bag)!r} has {len(cameras)} camera topics, expected exactly one. '
        f'Name the topic; those with images are: {listed}.'
    )
    raise BagError(msg)


def frames(bag: Path, topic: str | None = None) -> Iterator[tuple[int, UInt8Array]]:
    """Yield the frames of one camera, in the order of the recording.

    Args:
        bag: Folder with metadata.yaml, or a single .mcap, .db3 or .bag file.
        topic: Raw or compressed image topic; by default that of the only camera.

    Yields:
        Stamp [ns] from the header (time of the recording where the header has none), and the
        (H, W, 3) uint8 RGB image. One frame is in memory at a time.

    Raises:
        BagError: If the recording cannot be read, or lacks the topic.
        ImageError: If a frame cannot be decoded; says which.
    """
    topic = camera_topic(bag) if topic is None else topic
    for connection, time_ns, message in messages(bag, topic):
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec or time_ns
        yield stamp_ns, decode(message, connection, stamp_ns)


def messages(bag: Path, topic: str) -> Iterator[tuple[Connection, int, Any]]:
    """Yield connection, time of the recording [ns] and message of an image topic."""
    with opened(bag) as reader:
        chosen = [c for c in image_connections(reader) if c.topic == topic]
        if not chosen:
            known = ', '.join(sorted({c.topic for c in image_connections(reader)})) or 'none'
            msg = (
                f'Recording {str(bag)!r} has no image topic {topic!r}; those with images are: '
                f'{known}.'
            )
            raise BagError(msg)
        for connection, time_ns, raw in reader.messages(chosen):
            yield connection, time_ns, reader.deserialize(raw, connection.msgtype)


def decode(message: Any, connection: Connection, stamp_ns: int) -> UInt8Array:
    """Return the (H, W, 3) uint8 RGB picture; an ImageError names the frame."""
    try:
        return DECODERS[connection.msgtype](message)
    except ImageError as err:
        msg = f'Frame of {connection.topic!r} with stamp {stamp_ns} ns: {err}'
        raise ImageError(msg) from err


def image_connections(reader: AnyReader) -> list[Connection]:
    """Return the connections with pictures, sorted by topic; empty topics are left out."""
    found = [c for c in reader.connections if c.msgtype in DECODERS and c.msgcount]
    return sorted(found, key=lambda connection: connection.topic)


@contextmanager
def opened(bag: Path) -> Iterator[AnyReader]:
    """Open a recording; what rosbags raises becomes a BagError that names the recording."""
    try:
        # Bags of releases before Iron carry no message definitions; those of images never changed.
        store = get_typestore(Stores.ROS2_HUMBLE)
        with AnyReader([bag], default_typestore=store) as reader:
            yield reader
    except BagError:
        raise
    except Exception as err:  # damage shows as errors of many kinds, without a common base class
        msg = (
            f'Recording {str(bag)!r} cannot be read: {str(err) or type(err).__name__}. Expected a '
            'rosbag2 folder with metadata.yaml, or an .mcap, .db3 or .bag file. If it is one, it '
            'is damaged: copy it again, or repair it with "ros2 bag reindex" or "mcap recover".'
        )
        raise BagError(msg) from err
