# SPDX-License-Identifier: Apache-2.0
"""Node, camera and consumer in three processes, and what the consumer has to say about it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
import itertools
import os
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from endurance.age import Status
from endurance.camera import sent_ns
from endurance.process import CameraProcess, NodeProcess, tail
from seg_node.processes import environment, free_domain
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ['AGAIN_S', 'Consumer', 'Mask', 'Stage']

AGAIN_S = 2.0
"""After a fault masks have to come out again within this time."""
START_S = 60.0
MASK = 'segmentation/mask'
STATUS = 'segmentation/status'
SETTLE_S = 0.3
"""What is on its way arrives, and the node tells of it."""
NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Mask:
    """What is kept of a mask.

    Attributes:
        sent: When its image was sent [s, wall time].
        came: When the mask arrived [s, wall time].
        camera: Name of the camera.
        size: Height and width [px].
    """

    sent: float
    came: float
    camera: str
    size: tuple[int, int]


@dataclass(slots=True)
class Heard:
    """What a consumer has received, written by its thread.

    Attributes:
        masks: All, in the order of arrival.
        faults: Headers that no camera has sent, and those that came twice.
        figures: The last of each node on ``/diagnostics``.
        statuses: What the node said of each frame.
    """

    masks: list[Mask] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)


class Consumer:
    """Listens to a node, in a context of its own."""

    def __init__(self, domain: int, *, twins: bool = False) -> None:
        """Subscribe to mask and diagnostics.

        Args:
            domain: Of DDS.
            twins: Whether a mask may come twice, since there are two nodes.
        """
        use_shared_memory_profile()
        keep_large_blocks()
        self.heard = Heard()
        self.twins = twins
        self._seen: deque[str] = deque(maxlen=500)
        self._clients: dict[str, Any] = {}
        self._jobs: deque[Callable[[], None]] = deque()
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node('consumer', context=self.context)
        self.node.create_subscription(Image, MASK, self._on_mask, QoSProfile(depth=50))
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 5)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            while self.context.ok():
                while self._jobs:
                    self._jobs.popleft()()
                self._executor.spin_once(timeout_sec=1.0)
        except ExternalShutdownException:
            return

    def do(self, job: Callable[[], Any]) -> Any:
        """Return what a function returns in the thread that spins: rclpy is not made for two."""
        future: Future[Any] = Future()
        self._jobs.append(lambda: future.set_result(job()))
        self._executor.wake()
        return future.result(timeout=10.0)

    def also(self, topic: str, kind: type = Image) -> None:
        """Listen to another output; a status is kept, anything else is forgotten."""
        callback: Any = self._on_status if topic == STATUS else self._check
        qos = QoSProfile(depth=50)
        self.do(lambda: self.node.create_subscription(kind, topic, callback, qos))

    def _check(self, message: Any) -> int:
        """Return when the image of a message was sent [ns]; note a header that is not right."""
        try:
            return sent_ns(message.header)
        except ValueError as err:
            self.heard.faults.append(str(err))
            return 0

    def _on_mask(self, message: Image) -> None:
        came, heard = time.time(), self.heard
        sent = self._check(message)
        name = message.header.frame_id
        if name in self._seen and not self.twins:
            heard.faults.append(f'twice: {name}')
        self._seen.append(name)
        if message.step != message.width or len(message.data) != message.width * message.height:
            heard.faults.append(f'{message.width} x {message.height}, {len(message.data)} bytes')
        size = (message.height, message.width)
        heard.masks.append(Mask(sent * 1e-9, came, name.partition('|')[0], size))

    def _on_status(self, message: DiagnosticArray) -> None:
        self._check(message)
        values = {one.key: one.value for one in message.status[0].values}
        self.heard.statuses.append(Status.of(values))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.heard.figures[status.name] = {
                **{one.key: one.value for one in status.values},
                'message': status.message,
            }

    def call(self, kind: type, name: str, request: Any, patience: float = 10.0) -> Any:
        """Call a service and return the response.

        Raises:
            TimeoutError: If there is none.
        """
        if name not in self._clients:
            self._clients[name] = self.do(lambda: self.node.create_client(kind, name))
        client, deadline = self._clients[name], time.monotonic() + patience
        while not client.service_is_ready():
            _wait(deadline, f'there is no service {name}')
        future = self.do(lambda: client.call_async(request))
        while not future.done():
            _wait(deadline, f'{name} has not answered')
        return future.result()

    def close(self) -> None:
        """End it."""
        self.context.try_shutdown()
        self._thread.join(10.0)
        self.node.destroy_node()


def _wait(deadline: float, what: str) -> None:
    """Wait a little.

    Raises:
        TimeoutError: If it is too late.
    """
    if time.monotonic() > deadline:
        raise TimeoutError(what)
    time.sleep(0.001)


class Stage:
    """Starts and ends the three, and waits for masks."""

    def __init__(self, folder: Path, parameters: Mapping[str, object], **options: Any) -> None:
        """Prepare.

        Args:
            folder: For logs.
            parameters: Of the node.
            options: Of ``NodeProcess``.
        """
        self.folder = folder
        self.parameters = {'threads': 1, 'diagnostics_period': 0.1, **parameters}
        self.options = options
        self.domain = free_domain(os.getpid() * 7 + next(NUMBERS))
        self.environment = environment(self.domain)
        self.processes: list[NodeProcess | CameraProcess] = []
        self.consumer = Consumer(self.domain)
        self._came_before = 0
        self.node: NodeProcess
        self.camera: CameraProcess

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            process.close()
        self.consumer.close()

    def start_node(self, **more: object) -> NodeProcess:
        """Start a node; ``more`` are further parameters."""
        self._came_before = len(self.consumer.heard.masks)
        log = self.folder / f'node{len(self.processes)}.log'
        parameters = {**self.parameters, **more}
        self.node = NodeProcess(log, self.environment, parameters, **self.options)
        self.processes.append(self.node)
        return self.node

    def start_camera(self, **words: object) -> CameraProcess:
        """Start a camera; ``words`` are its arguments."""
        log = self.folder / f'camera{len(self.processes)}.log'
        arguments: list[str] = []
        for name, value in words.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            arguments += [f'--{name}', *map(str, values)]
        self.camera = CameraProcess(log, self.environment, *arguments)
        self.processes.append(self.camera)
        return self.camera

    def until(self, condition: Callable[[], object], what: str, within: float = START_S) -> float:
        """Wait until the condition holds and return how long that took [s].

        Raises:
            AssertionError: If it does not in time; with the end of the node's log.
        """
        begun = time.monotonic()
        while not condition():
            waited = time.monotonic() - begun
            assert waited < within, (
                f'Not within {within:g} s: {what}. {self.figures}\n{tail(self.node.said())}'
            )
            time.sleep(0.005)
        return time.monotonic() - begun

    def until_active(self) -> float:
        """Wait until the node is active and return how long that took [s]."""
        return self.until(lambda: self.node.active, 'the node is active')

    def until_masks(self, within: float = AGAIN_S, count: int = 3, **wanted: object) -> float:
        """Wait for masks of images that are sent from now on; return how long that took [s].

        Args:
            within: Time that is allowed [s].
            count: How many.
            wanted: What their attributes have to be, for example ``size``.
        """
        now = time.time()

        def there() -> bool:
            newest = self.consumer.heard.masks[-count:]
            return len(newest) == count and all(
                mask.sent >= now
                and all(getattr(mask, name) == value for name, value in wanted.items())
                for mask in newest
            )

        return self.until(there, f'{count} masks {wanted or ""}', within)

    @property
    def figures(self) -> dict[str, str]:
        """What the node said last on ``/diagnostics``."""
        return self.consumer.heard.figures.get('seg_node', {})

    def count(self, name: str) -> int:
        """Return one of the node's counts; 0 if it has none of that name."""
        return int(self.figures.get(name, 0))

    def open(self) -> int:
        """Return how many frames the node has received and not accounted for."""
        dropped = sum(
            int(value) for name, value in self.figures.items() if name.startswith('dropped_')
        )
        return self.count('received') - self.count('processed') - dropped

    def only(self, node: NodeProcess) -> None:
        """Go on with the one node that is left of several with the same name, and its counts.

        The camera pauses meanwhile. Masks that have come may be of either node; those that come
        from now on have to be counted by this one.

        Raises:
            AssertionError: If the node has not accounted for every frame that it has received.
        """
        self.node, rate = node, self.camera.rate
        self.camera.set(rate=0.0)
        time.sleep(SETTLE_S)
        self.consumer.heard.figures.clear()  # they may be the other's
        self.until(lambda: self.figures and self.open() == 0, 'every frame is accounted for', 5.0)
        self._came_before = len(self.consumer.heard.masks) - self.count('processed')
        self.consumer.twins = False
        self.camera.set(rate=rate)

    def check_counts(self) -> None:
        """Pause the camera and check that the node has accounted for every frame; go on then.

        Raises:
            AssertionError: If it has not, if it counts other masks than have come, or if something
                came under a header that nobody has sent.
        """
        rate = self.camera.rate
        self.camera.set(rate=0.0)
        time.sleep(SETTLE_S)
        self.until(lambda: self.open() == 0, 'every frame is accounted for', 5.0)
        came = len(self.consumer.heard.masks) - self._came_before
        assert self.count('processed') == came, f'{self.figures}, {came} masks have come'
        assert not self.consumer.heard.faults, self.consumer.heard.faults[:5]
        self.camera.set(rate=rate)
