# SPDX-License-Identifier: Apache-2.0
"""A node under test with a camera and listeners around it, over real DDS."""

from __future__ import annotations

import itertools
import os
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from seg_node.ros.node import SegNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

NUMBERS = itertools.count()
TIMEOUT_S = 30.0
CAMERA_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE_QOS = QoSProfile(depth=50)
LATCHED_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
STEPS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1, 'rgba8': 4, 'bgra8': 4}


class Rig:
    """A ``SegNode`` spinning in a thread of its own, and a client that is spun by the test."""

    def __init__(
        self,
        parameters: Mapping[str, object],
        camera: str = 'image',
        arguments: Sequence[str] = (),
    ) -> None:
        """Start both in a fresh context, domain and namespace; arguments are those of ROS."""
        number = next(NUMBERS)
        self.namespace = f'/t{os.getpid()}_{number}'
        self.context = Context()
        domain = 1 + (os.getpid() * 13 + number) % 100
        rclpy.init(context=self.context, domain_id=domain)
        self.node = SegNode(
            namespace=self.namespace,
            context=self.context,
            cli_args=['--ros-args', *arguments],
            parameter_overrides=[Parameter(name, value=one) for name, one in parameters.items()],
        )
        self.client = Node('client', namespace=self.namespace, context=self.context)
        self.camera = self.client.create_publisher(Image, camera, CAMERA_QOS)
        self.heard: dict[str, list[Any]] = {}
        self._stamp = itertools.count(1)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.client)
        self._closing: Future[None] = Future()
        self._thread = Thread(target=self._spin_node, daemon=True)
        self._thread.start()
        if self.node.parameters.autostart:
            self.until(lambda: self.node.state == 'active', 'the node is active')

    def _spin_node(self) -> None:
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self.node)
        executor.spin_until_future_complete(self._closing)
        executor.remove_node(self.node)

    def close(self) -> None:
        """End both."""
        self._executor.remove_node(self.client)
        # First let the callback at hand end: it may still publish, which needs the context.
        self._closing.set_result(None)
        self._thread.join(TIMEOUT_S)
        self.node.stop(TIMEOUT_S)
        self.context.try_shutdown()
        self.node.destroy_node()
        self.client.destroy_node()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Spin the client until the condition holds.

        Raises:
            AssertionError: If it does not in time.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f'Not within {TIMEOUT_S} s: {what}.'
            self._executor.spin_once(timeout_sec=0.02)

    def listen(self, topic: str, kind: type = Image, *, latched: bool = False) -> list[Any]:
        """Subscribe; messages are appended to the list that is returned."""
        messages: list[Any] = self.heard.setdefault(topic, [])
        qos = LATCHED_QOS if latched else RELIABLE_QOS
        self.client.create_subscription(kind, topic, messages.append, qos)
        if not latched:
            self.until(lambda: self._is_heard(topic), f'the node sees a listener of {topic}')
        return messages

    def _is_heard(self, topic: str) -> bool:
        """Say whether the node sees a listener."""
        outputs = [
            camera.outputs
            for camera in self.node.cameras
            if camera.outputs is not None and topic.startswith(camera.topic(''))
        ]
        return bool(self.node.count_subscribers(f'{self.namespace}/{topic}')) and (
            not outputs or any(one.wanted() for one in outputs)
        )

    def stop_listening(self, topic: str) -> None:
        """Unsubscribe and wait until the node has noticed."""
        for subscription in list(self.client.subscriptions):
            if subscription.topic_name.endswith(topic):
                self.client.destroy_subscription(subscription)
        name = f'{self.namespace}/{topic}'
        self.until(lambda: not self.node.count_subscribers(name), f'nobody listens to {topic}')

    def image(self, pixels: npt.NDArray[Any], encoding: str = 'rgb8', **fields: Any) -> Image:
        """Return a message with a stamp of its own; ``fields`` overrule what would be right."""
        message = Image(encoding=encoding, height=pixels.shape[0], width=pixels.shape[1])
        message.header.frame_id = 'front'
        message.header.stamp.sec = next(self._stamp)
        message.header.stamp.nanosec = 123456789
        message.step = pixels.nbytes // max(len(pixels), 1)
        message.data.frombytes(np.ascontiguousarray(pixels).tobytes())
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    def image_of_now(self, pixels: npt.NDArray[Any]) -> Image:
        """Return a message whose stamp is no reason for a warning."""
        header = Header(stamp=self.node.get_clock().now().to_msg(), frame_id='front')
        return self.image(pixels, header=header)

    def send(self, message: Any, publisher: Any = None) -> Any:
        """Publish once somebody is there; return the message."""
        publisher = publisher or self.camera
        self.until(publisher.get_subscription_count, 'the node subscribes to the camera')
        publisher.publish(message)
        return message

    def answer(self, topic: str, message: Any) -> Any:
        """Wait for the output that carries the header of ``message``."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = [one for one in self.heard[topic] if one.header == message.header]
            return bool(found)

        self.until(there, f'{topic} answers frame {message.header.stamp.sec}')
        return found[0]

    @property
    def runner(self) -> Any:
        """The node's open model; tests replace parts of it."""
        return self.node.runner

    @property
    def outputs(self) -> Any:
        """Output topics of the first camera."""
        return self.node.cameras[0].outputs

    @property
    def health(self) -> Any:
        """What is counted of the first camera."""
        return self.node.cameras[0].health

    def dropped(self, reason: str) -> int:
        """Return how many frames the node dropped for a reason."""
        return self.health.report().dropped.get(reason, 0)

    def until_dropped(self, reason: str, count: int = 1) -> None:
        """Wait until the node has dropped so many frames for a reason."""
        self.until(lambda: self.dropped(reason) == count, f'{count} dropped as {reason}')

    def until_processed(self, count: int) -> None:
        """Wait until the node has counted so many frames as done, just after their masks."""
        self.until(lambda: self.health.report().processed == count, f'{count} processed')

    def until_received(self, count: int) -> None:
        """Wait until the node has received so many frames."""
        self.until(lambda: self.health.report().received == count, f'{count} received')

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Call a service of the node and return the response."""
        client: Any = self.client.create_client(kind, f'{self.namespace}/{name}')
        self.until(client.service_is_ready, f'service {name}')
        future = client.call_async(request)
        self.until(future.done, f'an answer of {name}')
        self.client.destroy_client(client)
        return future.result()


def pixels_of(message: Image) -> npt.NDArray[np.uint8]:
    """Return the pixels of an output, and check that its rows are not padded."""
    channels = STEPS[message.encoding]
    assert message.step == message.width * channels
    shape = (message.height, message.width) + ((channels,) if channels > 1 else ())
    return np.frombuffer(message.data, np.uint8).reshape(shape)


__all__ = ['CameraInfo', 'CompressedImage', 'Rig', 'pixels_of']
