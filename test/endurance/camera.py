# SPDX-License-Identifier: Apache-2.0
"""A camera in a process of its own, that can be changed, stopped and killed while it runs.

``python test/endurance/camera.py --name front`` publishes pictures on ``image``. A line of JSON on
stdin changes what it does from the next image on: ``rate`` [Hz], ``size`` [height, width],
``encoding``, ``jump`` [s], which is added to the stamps and to ``/clock``, and ``say``, which is
answered on stdout with ``{"sent": images so far, "began": when the first one was sent that
somebody was there for [s]}``. Closing stdin ends it.

Each header proves itself: ``frame_id`` repeats the stamp and tells when the image was sent.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
import json
from queue import Empty, SimpleQueue
import sys
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['frame_id', 'sent_ns']

NANO = 1_000_000_000
CHANNELS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1, 'bgra8': 4, 'yuv422_yuy2': 2, 'nv12': 1}
ROWS = {'nv12': 1.5}
BLOCK = 16  # [px]
PICTURES = 4


def frame_id(name: str, stamp_ns: int, sent: int) -> str:
    """Return what the header of an image says besides its stamp."""
    return f'{name}|{stamp_ns}|{sent}'


def sent_ns(header: Any) -> int:
    """Return when an image was sent, by its header [ns, wall time].

    Raises:
        ValueError: If the header is not one that a camera has made.
    """
    stamp_ns = header.stamp.sec * NANO + header.stamp.nanosec
    _, stamp, sent = header.frame_id.split('|')
    if int(stamp) != stamp_ns:
        msg = f'frame_id {header.frame_id!r} does not belong to the stamp {stamp_ns}'
        raise ValueError(msg)
    return int(sent)


@dataclass(slots=True)
class Settings:
    """What the camera does at present."""

    rate: float
    size: tuple[int, int]
    encoding: str
    jump: float = 0.0
    made: list[Image] = field(default_factory=list)

    def change(self, words: dict[str, Any]) -> None:
        """Take over what a line on stdin says."""
        for name, value in words.items():
            setattr(self, name, value)
        if {'size', 'encoding'} & set(words) or not self.made:
            self.made = [message(number, self.size, self.encoding) for number in range(PICTURES)]


def message(number: int, size: Sequence[int], encoding: str) -> Image:
    """Return one picture of coloured blocks."""
    height, width = size
    rows = int(height * ROWS.get(encoding, 1))
    step = width * CHANNELS[encoding]
    rng = np.random.default_rng(number)
    blocks = rng.integers(0, 256, (rows // BLOCK + 1, step // BLOCK + 1), np.uint8)
    pixels = np.kron(blocks, np.ones((BLOCK, BLOCK), np.uint8))[:rows, :step]
    made = Image(height=height, width=width, encoding=encoding, step=step)
    made.data.frombytes(np.ascontiguousarray(pixels).tobytes())
    return made


def words_of_parent() -> SimpleQueue[dict[str, Any] | None]:
    """Return a queue of what comes on stdin; None at its end."""
    words: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            words.put(json.loads(line))
        words.put(None)

    Thread(target=listen, daemon=True).start()
    return words


def run(name: str, settings: Settings) -> None:
    """Publish until stdin is closed."""
    node = rclpy.create_node(f'camera_{name}')
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    images = node.create_publisher(Image, 'image', qos)
    clock = node.create_publisher(Clock, '/clock', QoSProfile(depth=10))
    words = words_of_parent()
    due, sent, began = time.monotonic(), 0, 0.0
    while True:
        pause = max(0.0, due - time.monotonic()) if settings.rate else None
        try:
            said = words.get(timeout=pause)
        except Empty:
            due = max(due + 1 / settings.rate, time.monotonic())
            if not began and images.get_subscription_count():
                began = time.time()
            stamp, image = stamped(name, settings, sent)
            clock.publish(stamp)
            images.publish(image)
            sent += 1
            continue
        if said is None:
            return
        if said.pop('say', False):
            sys.stdout.write(json.dumps({'sent': sent, 'began': began}) + '\n')
            sys.stdout.flush()
        settings.change(said)


def stamped(name: str, settings: Settings, number: int) -> tuple[Clock, Image]:
    """Return the time that it is for the camera, and the image of that time."""
    now = time.time_ns()
    told = now + int(settings.jump * NANO)
    stamp = Clock()
    stamp.clock.sec, stamp.clock.nanosec = divmod(told, NANO)
    image = settings.made[number % PICTURES]
    image.header.stamp = stamp.clock
    image.header.frame_id = frame_id(name, told, now)
    return stamp, image


def main() -> int:
    """Run the camera and return the exit status."""
    parser = argparse.ArgumentParser(description='Publish pictures as a camera does.')
    parser.add_argument('--name', default='front')
    parser.add_argument('--rate', type=float, default=30.0, help='[Hz]')
    parser.add_argument('--size', type=int, nargs=2, default=(90, 120), help='height width')
    parser.add_argument('--encoding', default='rgb8', choices=CHANNELS)
    args = parser.parse_args()
    use_shared_memory_profile()
    keep_large_blocks()
    rclpy.init()
    settings = Settings(args.rate, tuple(args.size), args.encoding)
    settings.change({})
    run(args.name, settings)
    rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
