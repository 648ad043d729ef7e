# SPDX-License-Identifier: Apache-2.0
"""Watches a camera topic for a while.

``python -m seg_node.ros.checkup.watcher --topic /front/image_raw --seconds 3`` subscribes as the
node does and tells one event, ``watched``: the ``types`` of the topic, its ``publishers`` (node,
QoS, GID), the ``subscribers``, the ``host`` part of a GID of this machine, the ``messages`` that
came (``stamp`` and ``now`` [s], size, encoding, step, length), and the ``faults`` for which the
node would refuse some of them, with how many.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, TYPE_CHECKING

import rclpy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image

from seg_node.errors import ImageError
from seg_node.imaging import decode_compressed, rgb_pixels
from seg_node.ros.drives.child import run_child
from seg_node.ros.drives.parent import parent_word, tell
from seg_node.ros.drives.player import CAMERA_QOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.node import Node
    from rclpy.topic_endpoint_info import TopicEndpointInfo

__all__ = ['main']

KINDS: dict[str, type] = {
    'sensor_msgs/msg/Image': Image,
    'sensor_msgs/msg/CompressedImage': CompressedImage,
}
FIELDS = ('height', 'width', 'encoding', 'is_bigendian', 'step', 'format')
DISCOVERY_S = 6.0  # at most; Fast DDS announces a process every three seconds
HOST = slice(2, 4)  # bytes of a GID of Fast DDS that name the machine


def described(endpoint: TopicEndpointInfo) -> dict[str, Any]:
    """Return what the middleware knows of a publisher or a subscriber."""
    qos = endpoint.qos_profile
    return {
        'node': f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}',
        'type': endpoint.topic_type,
        'reliability': qos.reliability.name,
        'durability': qos.durability.name,
        'gid': list(endpoint.endpoint_gid),
    }


def types_of(node: Node, topic: str, patience: float) -> list[str]:
    """Return the types of a topic as soon as somebody publishes it; empty if nobody does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if node.count_publishers(topic):
            return sorted({one.topic_type for one in node.get_publishers_info_by_topic(topic)})
        rclpy.spin_once(node, timeout_sec=0.05)
    return []


class Notes:
    """Keeps the fields of each message, but not its pixels; decodes the first of each layout."""

    def __init__(self) -> None:
        """Begin with none."""
        self.messages: list[dict[str, Any]] = []
        self.faults: dict[str, int] = {}
        self._layouts: dict[tuple[object, ...], str] = {}

    def take(self, message: Any) -> None:
        """Note one message."""
        now = time.time()
        stamp = message.header.stamp
        fields = {name: getattr(message, name) for name in FIELDS if hasattr(message, name)}
        length = len(message.data)
        self._judge(message, (*fields.values(), () if 'format' in fields else length))
        self.messages.append(
            {
                'now': now,
                'stamp': stamp.sec + 1e-9 * stamp.nanosec,
                'frame_id': message.header.frame_id,
                'length': length,
                **fields,
            }
        )

    def _judge(self, message: Any, layout: tuple[object, ...]) -> None:
        """Count what the node would say against it."""
        if layout not in self._layouts:
            self._layouts[layout] = fault_of(message)
        fault = self._layouts[layout]
        if fault:
            self.faults[fault] = self.faults.get(fault, 0) + 1


def fault_of(message: Any) -> str:
    """Return why the node cannot decode a message; empty if it can."""
    decode = decode_compressed if hasattr(message, 'format') else rgb_pixels
    try:
        decode(message)
    except ImageError as err:
        return str(err)
    return ''


def watch(node: Node, topic: str, seconds: float) -> dict[str, Any]:
    """Return all that was seen."""
    types = types_of(node, topic, DISCOVERY_S)
    notes = Notes()
    kind = KINDS.get(types[0]) if types else None
    if kind is not None:
        node.create_subscription(kind, topic, notes.take, CAMERA_QOS)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rclpy.spin_once(node, timeout_sec=0.05)
    own = node.create_publisher(Image, '~/self', CAMERA_QOS)
    (here,) = node.get_publishers_info_by_topic(own.topic_name)
    return {
        'types': types,
        'publishers': [described(one) for one in node.get_publishers_info_by_topic(topic)],
        'subscribers': [
            described(one)
            for one in node.get_subscriptions_info_by_topic(topic)
            if one.node_name != node.get_name()
        ],
        'host': list(here.endpoint_gid)[HOST],
        'messages': notes.messages,
        'faults': notes.faults,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Watch and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog='watcher', description='Watch a camera topic.')
    parser.add_argument('--topic', required=True, help='absolute name')
    parser.add_argument('--seconds', type=float, default=3.0, help='how long [s]')
    args = parser.parse_args(remove_ros_args(['watcher', *argv])[1:])
    return run_child(lambda: report(args.topic, args.seconds), argv)


def report(topic: str, seconds: float) -> int:
    """Watch, tell the parent, and return the exit status."""
    parent_word()
    node = rclpy.create_node('seg_doctor_watcher')
    tell('watched', **watch(node, topic, seconds))
    return 0


if __name__ == '__main__':
    sys.exit(main())
