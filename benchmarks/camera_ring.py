# SPDX-License-Identifier: Apache-2.0
"""Several cameras in a process of its own, triggered together, for ``bench_cameras``.

``python benchmarks/camera_ring.py --frames FILE --rate 10 --topics front/image left/image``
publishes the pictures in an ``.npy`` file, (N, H, W, 3) uint8 RGB, over and over, best effort,
with the shipped profile, until it is ended. The stamp is the time at which an image is sent. Once
a second it prints the time on the monotonic clock [s] and how many images each camera has sent.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import signal
import sys
import time
from typing import NoReturn, TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from camera_process import messages
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

NANO = 1_000_000_000


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Publish until SIGTERM comes."""
    parser = argparse.ArgumentParser(description='Publish pictures as several cameras do.')
    parser.add_argument('--frames', type=Path, required=True)
    parser.add_argument('--rate', type=float, required=True, help='of each camera [Hz]')
    parser.add_argument('--topics', nargs='+', required=True)
    args = parser.parse_args(argv)
    use_shared_memory_profile()
    keep_large_blocks()
    # The default of rclpy takes the context down in the middle of a publication.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    node = rclpy.create_node('cameras')
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    publishers = [node.create_publisher(Image, topic, qos) for topic in args.topics]
    made = messages(np.load(args.frames))
    number, due, told = 0, time.monotonic(), time.monotonic()
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + 1 / args.rate, time.monotonic())
        message = made[number % len(made)]
        for publisher in publishers:
            stamp = message.header.stamp
            stamp.sec, stamp.nanosec = divmod(time.time_ns(), NANO)
            publisher.publish(message)
        number += 1
        if time.monotonic() - told >= 1.0:
            told = time.monotonic()
            sys.stdout.write(f'{told:.6f} {number}\n')
            sys.stdout.flush()


if __name__ == '__main__':
    main()
