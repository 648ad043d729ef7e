# SPDX-License-Identifier: Apache-2.0
"""Camera and consumer of nodes under test, in a process of their own, as on a vehicle."""

from __future__ import annotations

from functools import partial
import time
from typing import Any, TYPE_CHECKING

import cv2
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from measuring.node.frames import read_images
from measuring.rivals.tutorial_node import cv2_to_imgmsg
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    import numpy as np
    import numpy.typing as npt

__all__ = ['TIMEOUT_S', 'Ends', 'ends_process', 'prepare']

TIMEOUT_S = 300.0


class Ends:
    """Camera and consumer of one node."""

    def __init__(self, space: str, outputs: Sequence[str]) -> None:
        """Publish ``image`` and subscribe to the outputs in a namespace.

        Args:
            space: Namespace of the node under test.
            outputs: Relative topic names; the first one is the label map.
        """
        self.node = rclpy.create_node('ends', namespace=space)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.outputs = tuple(outputs)
        self.label = b''
        self.waiting: set[str] = set()
        self.publisher = self.node.create_publisher(Image, 'image', 1)
        for topic in outputs:
            self.node.create_subscription(Image, topic, partial(self._received, topic), 1)

    def _received(self, topic: str, message: Any) -> None:
        self.waiting.discard(topic)
        if topic == self.outputs[0]:
            self.label = bytes(message.data)

    def connected(self) -> bool:
        """Return whether the node listens to the camera and publishes every output."""
        names = [self.node.resolve_topic_name(topic) for topic in self.outputs]
        listened = self.publisher.get_subscription_count() > 0
        return listened and all(self.node.count_publishers(name) for name in names)

    def frame(self, image: npt.NDArray[np.uint8]) -> tuple[float, bytes]:
        """Return the seconds from publishing an image to its last output, and the label map."""
        stamp = self.node.get_clock().now().to_msg()
        message = cv2_to_imgmsg(image, 'rgb8', Header(stamp=stamp, frame_id='camera'))
        self.waiting = set(self.outputs)
        start = time.perf_counter()
        self.publisher.publish(message)
        while self.waiting and time.perf_counter() - start < TIMEOUT_S:
            self.executor.spin_once(timeout_sec=0.1)
        seconds = time.perf_counter() - start
        return (float('inf') if self.waiting else seconds), self.label


def ends_process(connection: Connection, spaces: dict[str, list[str]], data: str) -> None:
    """Serve frames until told to end: (name of the node, index of the frame) to (time, labels).

    Args:
        connection: To the process of the nodes.
        spaces: Outputs of each node by namespace.
        data: As for ``read_images``.
    """
    images = read_images(data)
    prepare()
    ends = {space: Ends(space, outputs) for space, outputs in spaces.items()}
    while not all(one.connected() for one in ends.values()):
        time.sleep(0.1)
    connection.send('ready')
    while (request := connection.recv()) is not None:
        space, index = request
        connection.send(ends[space].frame(images[index]))
    rclpy.try_shutdown()


def prepare() -> None:
    """Set what both processes need for large images, and start the middleware."""
    use_shared_memory_profile()
    keep_large_blocks()
    cv2.setNumThreads(1)
    rclpy.init()
