# SPDX-License-Identifier: Apache-2.0
"""Arrays and plain values as messages of a recording."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Types = Mapping[str, Any]

__all__ = [
    'COMPRESSED_IMAGE',
    'IMAGE',
    'INFO',
    'camera_info_message',
    'compressed_message',
    'diagnostics_message',
    'header_message',
    'image_message',
    'jpeg_or_png',
    'label_info_message',
    'runs_message',
    'string_message',
]

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
INFO = 'sensor_msgs/msg/CameraInfo'
JPEG_QUALITY = 95
CHANNELS = 3
SECOND_NS = 1_000_000_000


def header_message(types: Types, stamp_ns: int, frame_id: str) -> Any:
    """Return a header.

    Args:
        types: Classes of messages by name, as ``BagWriter.types``.
        stamp_ns: When the image was taken [ns].
        frame_id: Coordinate frame.
    """
    time = types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, SECOND_NS))
    return types['std_msgs/msg/Header'](time, frame_id)


def image_message(types: Types, header: Any, pixels: UInt8Array) -> Any:
    """Return (H, W) uint8 as mono8, or (H, W, 3) uint8 as rgb8."""
    height, width = pixels.shape[:2]
    encoding = 'rgb8' if pixels.ndim == CHANNELS else 'mono8'
    data = np.ascontiguousarray(pixels).reshape(-1)
    return types[IMAGE](
        header, height, width, encoding, 0, data.size // height if height else 0, data
    )


def runs_message(types: Types, header: Any, size: tuple[int, int], runs: UInt8Array) -> Any:
    """Return a label map as runs: an image of its height and width whose data are the records.

    Args:
        types: Classes of messages by name.
        header: Of the image.
        size: Height and width of the label map [px].
        runs: (5 N,) uint8, as from ``run_lengths``.
    """
    return types[IMAGE](header, *size, 'mono8', 0, size[1], runs)


def compressed_message(types: Types, header: Any, words: str, data: UInt8Array) -> Any:
    """Return a coded image.

    Args:
        types: Classes of messages by name.
        header: Of the image.
        words: What the format field says, for example ``'rgb8; jpeg compressed bgr8'``.
        data: (N,) uint8, the bytes of the file.
    """
    return types[COMPRESSED_IMAGE](header, words, data)


def jpeg_or_png(pixels: UInt8Array, codec: str) -> tuple[str, UInt8Array]:
    """Return a picture as image_transport's compressed plug-in writes it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        codec: ``'jpeg'`` (quality 95) or ``'png'`` (lossless).

    Returns:
        Text of the format field, and (N,) uint8 bytes of the file.

    Raises:
        ImageError: If the picture is too large for the codec.
    """
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if codec == 'jpeg' else []
    try:
        _, coded = cv2.imencode(f'.{codec}', bgr, options)
    except cv2.error as err:
        height, width = pixels.shape[:2]
        msg = f'A picture of {height} x {width} (height x width) is too large for {codec}.'
        raise ImageError(msg) from err
    return f'rgb8; {codec} compressed bgr8', np.asarray(coded, np.uint8).reshape(-1)


def camera_info_message(types: Types, header: Any, size: tuple[int, int]) -> Any:
    """Return the camera info of a camera that nobody calibrated: all but the size is zero.

    Args:
        types: Classes of messages by name.
        header: Of the image.
        size: Height and width [px].
    """
    nothing = np.zeros(0)
    region = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, do_rectify=False)
    matrices = (np.zeros(9), np.zeros(9), np.zeros(12))
    return types[INFO](header, *size, '', nothing, *matrices, 0, 0, region)


def string_message(types: Types, text: str) -> Any:
    """Return a text."""
    return types['std_msgs/msg/String'](text)


def diagnostics_message(
    types: Types, header: Any, name: str, summary: str, values: Mapping[str, str]
) -> Any:
    """Return an array of one status, of level OK.

    Args:
        types: Classes of messages by name.
        header: Used as it is.
        name: Of the component.
        summary: One line for people.
        values: Details.
    """
    pair = types['diagnostic_msgs/msg/KeyValue']
    pairs = [pair(key, value) for key, value in values.items()]
    status = types['diagnostic_msgs/msg/DiagnosticStatus'](0, name, summary, '', pairs)
    return types['diagnostic_msgs/msg/DiagnosticArray'](header, [status])


def label_info_message(types: Types, header: Any, names: Mapping[int, str]) -> Any:
    """Return the class names by id, as vision_msgs has them."""
    one = types['vision_msgs/msg/VisionClass']
    classes = [one(index, name) for index, name in names.items()]
    return types['vision_msgs/msg/LabelInfo'](header, classes, 0.0)
