# SPDX-License-Identifier: Apache-2.0
"""Arrays into ROS messages."""

from __future__ import annotations

import array
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from seg_node.interface import CODED_FORMAT, coded_labels, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from rclpy.publisher import Publisher

    from seg_node.taxonomy import Taxonomy

__all__ = [
    'ImageSender',
    'diagnostics',
    'label_info_message',
    'png_message',
    'runs_message',
    'text_message',
]

NO_PIXELS = array.array('B')


class ImageSender:
    """Publishes arrays as images, again and again with one message and without a copy of them.

    rclpy reads pixels from any buffer, but the setter of the message copies all that is no
    ``array.array``. So they take the place of what the setter would have stored.
    """

    def __init__(self, encoding: str) -> None:
        """Remember the encoding, ``'mono8'`` or ``'rgb8'``."""
        self._message = Image(encoding=encoding, is_bigendian=0)

    def send(
        self, publisher: Publisher[Image], pixels: npt.NDArray[np.uint8], header: Any
    ) -> None:
        """Publish an image; it may be changed as soon as this returns.

        Args:
            publisher: Of the topic.
            pixels: (H, W) or (H, W, 3) uint8.
            header: Of the camera image; used as it is.
        """
        message = self._message
        message.header = header
        message.height, message.width = pixels.shape[:2]
        message.step = pixels.nbytes // max(pixels.shape[0], 1)
        message._data = np.ascontiguousarray(pixels)  # noqa: SLF001  # see above
        try:
            publisher.publish(message)  # has serialised when it returns
        finally:
            message._data = NO_PIXELS  # noqa: SLF001  # else their memory is not free for the next


def png_message(labels: npt.NDArray[np.uint8], header: Any) -> CompressedImage:
    """Return a label map, (H, W) uint8, as a lossless PNG."""
    message = CompressedImage(header=header, format=CODED_FORMAT)
    message.data = array.array('B', coded_labels(labels).tobytes())
    return message


def runs_message(runs: npt.NDArray[np.uint8], size: tuple[int, int], header: Any) -> Image:
    """Return a label map as runs: an Image of its height and width whose data are the records.

    Args:
        runs: (5 N,) uint8, as from ``autoware_runs``.
        size: Height and width of the label map [px].
        header: Of the camera image.
    """
    height, width = size
    message = Image(header=header, height=height, width=width, encoding='mono8', step=width)
    message.data = array.array('B', runs.tobytes())
    return message


def text_message(text: str) -> String:
    """Return a text."""
    return String(data=text)


def label_info_message(taxonomy: Taxonomy, stamp: Any) -> Any | None:
    """Return vision_msgs/LabelInfo of classes; None where that message is not installed."""
    try:
        from vision_msgs.msg import LabelInfo, VisionClass  # noqa: PLC0415  # optional
    except ImportError:
        return None
    message = LabelInfo()
    message.header.stamp = stamp
    message.class_map = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(taxonomy.names)
    ]
    return message


def diagnostics(
    header: Any, name: str, level: bytes, summary: str, values: Mapping[str, object]
) -> DiagnosticArray:
    """Return an array of one status.

    Args:
        header: Used as it is.
        name: Of the component, for example ``'seg_node: frame'``.
        level: ``DiagnosticStatus.OK``, ``WARN`` or ``ERROR``.
        summary: One line for people.
        values: Details; a float is written with six digits.
    """
    pairs = [KeyValue(key=key, value=text_of(value)) for key, value in values.items()]
    status = DiagnosticStatus(level=level, name=name, message=summary, values=pairs)
    return DiagnosticArray(header=header, status=[status])
