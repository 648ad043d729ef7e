# SPDX-License-Identifier: Apache-2.0
"""A camera in a process of its own, for ``bench_transport`` and ``bench_memory``.

``python benchmarks/camera_process.py --frames FILE --rate 30 --count 1800`` publishes the pictures
in an ``.npy`` file, (N, H, W, 3) uint8 RGB, over and over, best effort, with the shipped profile.
The stamp tells the number of the frame: see ``stamp_of``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

FRAME_ID = 'benchmark camera'
START_S = 1000
LINGER_S = 0.5


def stamp_of(number: int) -> tuple[int, int]:
    """Return seconds and nanoseconds of the stamp of a frame."""
    return START_S + number, (number * 7919) % 1_000_000_000


def number_of(header: Any) -> int:
    """Return the number of the frame that a header belongs to; -1 if the header was changed."""
    number = int(header.stamp.sec) - START_S
    stamp = (header.stamp.sec, header.stamp.nanosec)
    return number if stamp == stamp_of(number) and header.frame_id == FRAME_ID else -1


def messages(frames: npt.NDArray[np.uint8]) -> list[Image]:
    """Return one message per picture."""
    made = []
    for pixels in frames:
        height, width = pixels.shape[:2]
        message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
        message.header.frame_id = FRAME_ID
        message.data.frombytes(pixels.tobytes())
        made.append(message)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Publish the frames once somebody listens, and return the exit status."""
    parser = argparse.ArgumentParser(description='Publish pictures as a camera does.')
    parser.add_argument('--frames', type=Path, required=True)
    parser.add_argument('--rate', type=float, required=True, help='[Hz]')
    parser.add_argument('--count', type=int, required=True)
    parser.add_argument('--at-once', action='store_true', help='do not wait for a listener')
    args = parser.parse_args(argv)
    use_shared_memory_profile()
    keep_large_blocks()
    rclpy.init()
    node = rclpy.create_node('camera')
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(Image, 'image', qos)
    made = messages(np.load(args.frames))
    while not args.at_once and not publisher.get_subscription_count():
        time.sleep(0.02)
    time.sleep(LINGER_S)
    start = time.monotonic()
    for number in range(args.count):
        message = made[number % len(made)]
        message.header.stamp.sec, message.header.stamp.nanosec = stamp_of(number)
        time.sleep(max(0.0, start + number / args.rate - time.monotonic()))
        publisher.publish(message)
    time.sleep(LINGER_S)
    rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
