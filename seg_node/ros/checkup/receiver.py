# SPDX-License-Identifier: Apache-2.0
"""Receives what ``sender`` sends, with the settings that the node has but for a queue of five.

Events: ``ready``, ``received`` with ``number`` and ``delay`` [s]. It goes away with its parent.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import rclpy
from sensor_msgs.msg import Image

from seg_node.ros.drives.child import run_child
from seg_node.ros.drives.parent import parent_word, tell
from seg_node.ros.drives.player import CAMERA_QOS

from .sender import TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['main']

POLL_S = 0.1


def report(message: Image) -> None:
    """Tell the parent of one image."""
    stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
    delay = time.time() - stamp
    whole = len(message.data) == message.step * message.height
    if whole:
        tell('received', number=int(message.header.frame_id), delay=delay)


def main(argv: Sequence[str] | None = None) -> int:
    """Receive until the parent is gone, and return the exit status."""
    return run_child(receive, sys.argv[1:] if argv is None else argv)


def receive() -> int:
    """Report images until the parent is gone, and return the exit status."""
    stop = parent_word()
    node = rclpy.create_node('seg_doctor_receiver')
    node.create_subscription(Image, TOPIC, report, CAMERA_QOS)
    tell('ready')
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=POLL_S)
    return 0


if __name__ == '__main__':
    sys.exit(main())
