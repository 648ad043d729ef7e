# SPDX-License-Identifier: Apache-2.0
"""Small recordings, written by rosbags."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
WRITTEN_LATER_NS = 5_000_000


def write_recording(
    folder: Path,
    topics: Mapping[str, Sequence[tuple[int, UInt8Array]]],
    *,
    storage: str = 'mcap',
    encoding: str = 'rgb8',
) -> Path:
    """Write a rosbag2 and return its folder.

    Args:
        folder: Must not exist.
        topics: Topic to stamps [ns] and (H, W, 3) uint8 RGB images; a topic that ends in
            ``/compressed`` carries PNGs. The time of the recording is the stamp plus 5 ms.
        storage: ``'mcap'`` or ``'sqlite3'``.
        encoding: What raw messages say their pixels are.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: PLC0415  # not everywhere
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    store = get_typestore(Stores.ROS2_HUMBLE)
    plugin = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}[storage]
    with Writer(folder, version=8, storage_plugin=plugin) as writer:
        for topic, frames in topics.items():
            kind = COMPRESSED if topic.endswith('/compressed') else RAW
            connection = writer.add_connection(topic, kind, typestore=store)
            for stamp, image in frames:
                header = header_of(store.types, stamp)
                fields = png(image) if kind == COMPRESSED else raw(image, encoding)
                data = store.serialize_cdr(store.types[kind](header, *fields), kind)
                writer.write(connection, stamp + WRITTEN_LATER_NS, data)
    return folder


def header_of(types: Mapping[str, Any], stamp: int) -> Any:
    """Return a header with the stamp [ns]."""
    time = types['builtin_interfaces/msg/Time'](stamp // 10**9, stamp % 10**9)
    return types['std_msgs/msg/Header'](time, 'camera')


def raw(image: UInt8Array, encoding: str) -> tuple[Any, ...]:
    """Return the fields of an Image after its header."""
    height, width = image.shape[:2]
    return height, width, encoding, 0, 3 * width, np.ascontiguousarray(image).ravel()


def png(image: UInt8Array) -> tuple[Any, ...]:
    """Return the fields of a CompressedImage after its header."""
    _, coded = cv2.imencode('.png', np.ascontiguousarray(image[:, :, ::-1]))
    return 'png', coded.ravel()


def read_bag(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """Return the messages of each topic with their times, in order.

    Types that the recording does not define itself are not known.
    """
    from rosbags.highlevel import AnyReader  # noqa: PLC0415  # not everywhere

    found: dict[str, list[tuple[int, Any]]] = {}
    with AnyReader([folder]) as reader:
        for connection, time, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            found.setdefault(connection.topic, []).append((time, message))
    return found
