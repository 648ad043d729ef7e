# SPDX-License-Identifier: Apache-2.0
"""Sends numbered images of 1920 x 1080 as a camera does, best effort at 15 Hz.

``python -m seg_node.ros.checkup.sender --images 30`` keeps to the settings of the shell; with
``--profile`` it takes the shipped DDS profile, as the node does. Events: ``ready`` when somebody
listens, ``done`` with ``sent``.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import rclpy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from seg_node.ros.drives.child import run_child
from seg_node.ros.drives.parent import tell
from seg_node.ros.drives.player import CAMERA_QOS, LINGER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.publisher import Publisher

__all__ = ['TOPIC', 'main']

TOPIC = 'seg_doctor/image'
HEIGHT, WIDTH = 1080, 1920
RATE = 15.0  # [Hz] so that a busy receiver is not taken for bad settings
LISTENER_S = 10.0
WARM_UP = 3  # images that nobody counts: the first may be lost while both sides meet
SETTLE_S = 0.3  # both sides have to know of each other


def send(publisher: Publisher[Image], count: int) -> None:
    """Publish numbered images; the frame id is the number, the stamp the time of sending.

    Those with negative numbers come first, to warm up.
    """
    step = 3 * WIDTH
    message = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=step)
    message.data.frombytes(bytes(HEIGHT * step))
    start = time.monotonic()
    for number in range(-WARM_UP, count):
        time.sleep(max(0.0, start + (number + WARM_UP) / RATE - time.monotonic()))
        now = time.time_ns()
        message.header.frame_id = str(number)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 1_000_000_000)
        publisher.publish(message)


def wait_for_listener(publisher: Publisher[Image]) -> None:
    """Return when somebody listens.

    Raises:
        SystemExit: If nobody does in time.
    """
    deadline = time.monotonic() + LISTENER_S
    while not publisher.get_subscription_count():
        if time.monotonic() > deadline:
            sys.exit(
                f'sender: nobody listened within {LISTENER_S:g} s: two processes of this '
                'shell do not find each other.'
            )
        time.sleep(0.02)
    time.sleep(SETTLE_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Send and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog='sender', description='Send large images.')
    parser.add_argument('--images', type=int, default=30, help='how many')
    parser.add_argument('--profile', action='store_true', help='take the shipped DDS profile')
    args = parser.parse_args(remove_ros_args(['sender', *argv])[1:])
    return run_child(
        lambda: send_to_listener(args.images), argv, profile=args.profile, malloc=False
    )


def send_to_listener(images: int) -> int:
    """Send images once somebody listens, and return the exit status."""
    node = rclpy.create_node('seg_doctor_sender')
    publisher = node.create_publisher(Image, TOPIC, CAMERA_QOS)
    wait_for_listener(publisher)
    tell('ready')
    send(publisher, images)
    tell('done', sent=images)
    time.sleep(LINGER_S)
    return 0


if __name__ == '__main__':
    sys.exit(main())
