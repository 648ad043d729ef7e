# SPDX-License-Identifier: Apache-2.0
"""Cameras and consumers of a node whose speed is measured, in one process beside it.

``python -m seg_node.ros.drives.traffic --frames FOLDER --outputs segmentation/mask ... --ros-args
-r __ns:=/bench`` holds the pictures of a folder in memory, ``*.npy`` of (H, W, 3) uint8 RGB, and
publishes them as ``image``, best effort, one after the other and over and over. It subscribes to
the outputs; a frame is answered when all of them have come. With ``--cameras front left`` each
camera has these topics below its name. With ``--node-here`` the node is in this process too, in a
thread of its own; its parameters are those behind ``--ros-args``.

Words of the parent process (``parent.py``) and the event that follows each:

* ``each N``: N frames, the next one when the last is answered or lost -> ``played``
* ``play HZ SECONDS``: frames at a rate, of each camera -> ``played``
* ``engine``: nothing is sent -> ``engine``, with ``engine``, ``device`` and ``precision`` that the
  node says on ``/diagnostics`` it runs on; without them if it does not say

``played`` has ``sent`` and ``answered`` [count], ``span_s`` from the first frame to the last
answer, ``latencies_s`` of the answered frames in the order of the answers, ``late_s``, the most
that a frame was sent later than it was due, and ``cpu_s`` of this process. ``ready`` comes once
the node listens and publishes all outputs. It goes away when the parent does.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
import sys
from threading import Thread
import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from seg_node.interface.topics import DIAGNOSTICS

from .child import run_child
from .parent import tell
from .player import CAMERA_QOS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ['Run', 'Traffic', 'main']

# Deep enough for this process to be busy with another camera's answers for a while.
RELIABLE_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE
)
# A frame that is not answered within this time after the last answer was lost [s].
LOST_S = 1.0
# The same for the only frame on its way, which may be a process's first [s].
STUCK_S = 5.0
NANO = 1_000_000_000
ENGINE = 'engine', 'device', 'precision'


@dataclass(slots=True)
class Run:
    """What happened while frames were played.

    Attributes:
        sent: Frames of all cameras.
        latencies: Of the answered frames, from sending to the last output [s].
        late: The most that a frame was sent later than it was due [s].
        began: When the first frame was due, on the monotonic clock [s].
        ended: When the last answer came.
        cpu: Processor time of this process when it began [s].
    """

    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    late: float = 0.0
    began: float = field(default_factory=time.monotonic)
    ended: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=time.process_time)

    def to_dict(self) -> dict[str, object]:
        """Return the details of the event ``played``."""
        return {
            'sent': self.sent,
            'answered': len(self.latencies),
            'span_s': self.ended - self.began,
            'latencies_s': self.latencies,
            'late_s': self.late,
            'cpu_s': time.process_time() - self.cpu,
        }


class Traffic:
    """Publishes frames and waits for what comes back; all in one thread."""

    def __init__(
        self,
        frames: Sequence[Image],
        cameras: Sequence[str],
        outputs: Sequence[str],
        quality: QoSProfile = CAMERA_QOS,
    ) -> None:
        """Create the topics.

        Args:
            frames: What cameras send; their headers are overwritten.
            cameras: Names; an empty one is the only camera, without a name.
            outputs: Relative names of the topics that answer a frame.
            quality: Of the cameras' topics.
        """
        self._node = rclpy.create_node('traffic')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._frames = frames
        self._numbers = count()
        self._run = Run()
        self._waiting: dict[int, tuple[float, set[str]]] = {}
        prefixes = [f'{name}/' if name else '' for name in cameras]
        self._answers = [[f'{prefix}{topic}' for topic in outputs] for prefix in prefixes]
        self._cameras = [
            self._node.create_publisher(Image, f'{prefix}image', quality) for prefix in prefixes
        ]
        for topic in (one for answers in self._answers for one in answers):
            self._node.create_subscription(
                Image, topic, partial(self._received, topic), RELIABLE_QOS
            )

    def connected(self) -> bool:
        """Tell whether the node listens to all cameras and publishes all outputs."""
        names = (self._node.resolve_topic_name(one) for each in self._answers for one in each)
        return all(one.get_subscription_count() for one in self._cameras) and all(
            self._node.count_publishers(name) for name in names
        )

    def one_by_one(self, frames: int) -> Run:
        """Send frames, each when the last one was answered or is lost."""
        self._run = Run()
        for number in range(frames):
            self._send(number % len(self._cameras))
            self._wait(STUCK_S)
        return self._end()

    def at_rate(self, rate: float, seconds: float) -> Run:
        """Send frames of each camera at a rate [Hz]; cameras take turns.

        A frame that is late is sent at once, and the next ones when they are due: ``late`` says
        whether the rate was that of a camera.
        """
        between = 1.0 / (rate * len(self._cameras))
        run = self._run = Run()
        for number in range(max(1, round(seconds / between))):
            due = run.began + number * between
            while (left := due - time.monotonic()) > 0.0:
                self._executor.spin_once(timeout_sec=left)
            run.late = max(run.late, -left)
            self._send(number % len(self._cameras))
        run.ended = time.monotonic()
        self._wait(LOST_S)
        return self._end()

    def engine(self) -> dict[str, str]:
        """Return what the node says it runs on; empty if it does not say."""
        found: dict[str, str] = {}

        def note(message: DiagnosticArray) -> None:
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                found.update({key: values[key] for key in ENGINE if key in values})

        subscription = self._node.create_subscription(DiagnosticArray, DIAGNOSTICS, note, 1)
        deadline = time.monotonic() + STUCK_S
        while not found and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)
        self._node.destroy_subscription(subscription)
        return found

    def _end(self) -> Run:
        self._waiting.clear()  # lost
        return self._run

    def _wait(self, patience: float) -> None:
        """Take answers until nothing is missing, or none came for ``patience`` [s]."""
        last = time.monotonic()
        while self._waiting and time.monotonic() < max(last, self._run.ended) + patience:
            self._executor.spin_once(timeout_sec=0.1)

    def _send(self, camera: int) -> None:
        number = next(self._numbers)
        message = self._frames[number // len(self._cameras) % len(self._frames)]
        stamp = time.time_ns()
        while stamp in self._waiting:
            stamp += 1
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, NANO)
        self._waiting[stamp] = time.monotonic(), set(self._answers[camera])
        self._run.sent += 1
        self._cameras[camera].publish(message)

    def _received(self, topic: str, message: Image) -> None:
        now = time.monotonic()
        stamp = message.header.stamp.sec * NANO + message.header.stamp.nanosec
        if stamp not in self._waiting:
            return  # of an earlier run
        sent, missing = self._waiting[stamp]
        missing.discard(topic)
        if not missing:
            del self._waiting[stamp]
            self._run.latencies.append(now - sent)
            self._run.ended = now


def image_message(file: Path) -> Image:
    """Return a picture, ``.npy`` of (H, W, 3) uint8 RGB, as a message."""
    pixels = np.load(file)
    height, width = pixels.shape[:2]
    message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
    message.header.frame_id = 'camera'
    message.data.frombytes(pixels.tobytes())
    return message


@contextmanager
def node_here() -> Iterator[None]:
    """Run the segmentation node in a thread of this process."""
    from seg_node.ros.node import SegNode  # noqa: PLC0415 - not where the node has its own process

    node = SegNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = Thread(target=spin, name='node', daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join(LOST_S)
        node.stop(STUCK_S)
        node.free_model(STUCK_S)
        node.destroy_node()


def serve(args: argparse.Namespace) -> int:
    """Wait for the node, then obey the parent until it is gone; return the exit status."""
    files = sorted(args.frames.glob('*.npy'))
    if not files:
        sys.exit(f'traffic: there are no *.npy images in {str(args.frames)!r}.')
    quality = RELIABLE_QOS if args.reliable else CAMERA_QOS
    images = [image_message(file) for file in files]
    traffic = Traffic(images, args.cameras, args.outputs, quality)
    deadline = time.monotonic() + args.timeout
    while not traffic.connected():
        if time.monotonic() > deadline:
            sys.exit(f'traffic: the node was not there within {args.timeout:g} s.')
        time.sleep(0.02)
    tell('ready')
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == 'engine':
            tell('engine', **traffic.engine())
        elif word == 'each':
            tell('played', **traffic.one_by_one(int(numbers[0])).to_dict())
        else:
            tell('played', **traffic.at_rate(*map(float, numbers)).to_dict())
    return 0


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, less the part that belongs to ROS."""
    parser = argparse.ArgumentParser(prog='traffic', description='Cameras and consumers.')
    parser.add_argument('--frames', type=Path, required=True, help='folder of *.npy RGB images')
    parser.add_argument('--outputs', nargs='+', required=True, help='topics that answer a frame')
    parser.add_argument('--cameras', nargs='+', default=[''], help='names (one without a name)')
    parser.add_argument('--reliable', action='store_true', help='cameras, for nodes that insist')
    parser.add_argument('--node-here', action='store_true', help='run the node in this process')
    parser.add_argument('--timeout', type=float, default=60.0, help='wait for the node [s]')
    return parser.parse_args(remove_ros_args(['traffic', *argv])[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the parent process and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = arguments(argv)
    return run_child(lambda: serve_here(args), argv)


def serve_here(args: argparse.Namespace) -> int:
    """Serve, with a node in this process if one is asked for."""
    if not args.node_here:
        return serve(args)
    with node_here():
        return serve(args)


if __name__ == '__main__':
    sys.exit(main())
