# SPDX-License-Identifier: Apache-2.0
"""The answer to a frame that failed: a drivable area of nothing, and a status that says why."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np

from seg_node.errors import ImageError
from seg_node.imaging.buffers import byte_view, check_size
from seg_node.imaging.headers import read_header
from seg_node.interface.topics import DRIVABLE_AREA, STATUS
from seg_node.ros.outputs.messages import diagnostics

if TYPE_CHECKING:
    from seg_node.ros.outputs.publishers import Publishers

__all__ = ['answer_failure', 'stated_size']


def answer_failure(publishers: Publishers, message: Any, name: str, why: str) -> None:
    """Send what somebody subscribes to about a frame that failed.

    Args:
        publishers: Of its camera.
        message: As it came; the answers carry its header.
        name: Of the status.
        why: It failed.
    """
    wanted = publishers.wanted().topics
    size = stated_size(message)
    if size is not None and DRIVABLE_AREA in wanted:
        nothing = np.zeros(size, np.uint8)
        publishers.publish_image(DRIVABLE_AREA, nothing, message.header)
    if STATUS in wanted:
        area = 'empty, because the frame failed' if size else 'none: the size is not known'
        values = {'failed': why, 'drivable_area': area}
        publishers.publish_status(
            diagnostics(message.header, name, DiagnosticStatus.ERROR, 'failed', values)
        )


def stated_size(message: Any) -> tuple[int, int] | None:
    """Return (height, width) of an image as its message states them; None if it does not.

    Args:
        message: sensor_msgs Image or CompressedImage, maybe one that cannot be decoded.
    """
    try:
        if hasattr(message, 'format'):
            header = read_header(bytes(byte_view(message.data)))
            size = (header.height, header.width)
        else:
            size = (message.height, message.width)
        check_size(*size)
    except ImageError:
        return None
    return size
