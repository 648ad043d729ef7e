# SPDX-License-Identifier: Apache-2.0
"""The node as a process of its own, and somebody who listens to it."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from seg_node.processes import polite_signals
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rclpy.node import Node

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0
CAMERA = Path(__file__).parents[2] / 'camera_process.py'


class Listener:
    """Receives masks in a thread of its own, as a consumer in another process would."""

    def __init__(self, on_mask: Callable[[Image], None]) -> None:
        """Subscribe to mask and diagnostics."""
        self.figures: dict[str, str] = {}
        self.last = time.monotonic()
        self._on_mask = on_mask
        self._node = rclpy.create_node('listener')
        self._node.create_subscription(
            Image, 'segmentation/mask', self._receive, QoSProfile(depth=50)
        )
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 5)
        self._thread = Thread(target=spin, args=(self._node,), daemon=True)
        self._thread.start()

    def _receive(self, message: Image) -> None:
        self.last = time.monotonic()
        self._on_mask(message)

    def _diagnose(self, message: DiagnosticArray) -> None:
        self.figures = {pair.key: pair.value for pair in message.status[0].values}

    def wait_for_camera(self) -> None:
        """Return when a camera is there."""
        while not self._node.count_publishers('image'):
            time.sleep(0.05)
        time.sleep(1.0)

    def wait_until_heard(self) -> None:
        """Return when the node says that somebody listens to it."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.figures.get('watched') != 'True':
            assert time.monotonic() < deadline, (
                f'the node does not see its listener: {self.figures}'
            )
            time.sleep(0.05)

    def also(self, topic: str) -> None:
        """Subscribe to another image and forget what comes."""
        self._node.create_subscription(Image, topic, lambda _: None, QoSProfile(depth=1))

    def join(self) -> None:
        """Wait for the thread to end, after ROS was shut down."""
        self._thread.join(END_TIMEOUT_S)

    def wait_for_silence(self, seconds: float) -> None:
        """Return when no mask has come for a while."""
        while time.monotonic() - self.last < seconds:
            time.sleep(0.05)


def spin(node: Node) -> None:
    """Serve a node until ROS goes down; for a thread."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except ExternalShutdownException:
        return


@contextmanager
def listening(on_mask: Callable[[Image], None]) -> Iterator[Listener]:
    """Call a function with each mask."""
    use_shared_memory_profile()
    keep_large_blocks()
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    rclpy.init()
    listener = Listener(on_mask)
    try:
        yield listener
    finally:
        rclpy.shutdown()
        listener.join()


@contextmanager
def running_node(parameters: Mapping[str, object]) -> Iterator[subprocess.Popen[str]]:
    """Start the node, wait until it is active, and end it afterwards.

    Raises:
        RuntimeError: If it does not become active; the text is what it said.
    """
    words = [
        f'{name}:={str(value).lower() if isinstance(value, bool) else value}'
        for name, value in parameters.items()
    ]
    command = [sys.executable, '-m', 'seg_node.ros.main', '--ros-args']
    command += [part for word in words for part in ('-p', word)]
    with polite_signals():
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            wait_until_active(process)
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a node to end, and see to it."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_until_active(process: subprocess.Popen[str]) -> None:
    """Read what the node says until it is active; then go on reading in a thread."""
    assert process.stdout is not None
    said: deque[str] = deque(maxlen=30)
    for line in process.stdout:
        said.append(line)
        if 'inactive -> active' in line:
            Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
            return
        if 'Could not' in line:
            break
    msg = 'The node did not become active:\n' + ''.join(said)
    raise RuntimeError(msg)


def camera(frames: str, rate: float, count: int, *more: str) -> subprocess.Popen[bytes]:
    """Start the camera process; see ``camera_process``."""
    words = ['--frames', frames, '--rate', str(rate), '--count', str(count), *more]
    return subprocess.Popen([sys.executable, str(CAMERA), *words])


__all__: list[Any] = ['Listener', 'camera', 'listening', 'running_node', 'spin']
