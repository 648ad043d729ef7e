# SPDX-License-Identifier: Apache-2.0
"""Frame rate of our node against the node a user writes from tutorials: same network, no CRF.

Both nodes live in one process, camera and consumer in another, and get the same 1280 x 720 frames
of a procedural drive over the same middleware. First the labels of both are compared, then the
nodes take turns frame by frame. A frame's time is that from publishing it until every watched
output has been received. Measured twice: with the label map, the drivable area and the confidence
of each class watched (all that the tutorial's node publishes), and with the first two alone, which
is what a planner watches. Ours computes what is watched, the tutorial's node everything, always.

    python benchmarks/bench_tutorial_node.py --check
"""

from __future__ import annotations

import argparse
from functools import partial
import json
import multiprocessing
from pathlib import Path
import statistics
import sys
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
import torch

from machine import machine
from seg_node.bundle import open_bundle
from seg_node.datasets.procedural import Drive
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_weights
from seg_node.ros.node import SegNode
from seg_node.ros.topics import class_topics, DRIVABLE_AREA, MASK
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile
from tutorial_node import cv2_to_imgmsg, TutorialNode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    import numpy.typing as npt

    from seg_node.bundle import Bundle

BAR = 1.7
SIZE = (720, 1280)
FRAMES = 8
TIMEOUT_S = 60.0
PROCESSES = multiprocessing.get_context('spawn')
EQUAL_LABELS = 0.999
"""Both sides round differently; a pixel on the border of two classes may fall either way."""


class Ends:
    """Camera and consumer of one node; lives in a process of its own, as on a vehicle."""

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


def ends_process(connection: Connection, spaces: dict[str, list[str]]) -> None:
    """Serve frames until told to end: (name of the node, index of the frame) to (time, labels).

    Args:
        connection: To the process of the nodes.
        spaces: Outputs of each node by namespace.
    """
    drive = Drive(FRAMES, size=SIZE)
    images = [drive[index].image for index in range(FRAMES)]
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


def ours(bundle: Bundle, threads: int, *, planes: bool) -> tuple[Any, list[str]]:
    """Return our node as it ships, and its watched outputs."""
    values = {'bundle': str(bundle.path), 'engine': 'onnxruntime', 'threads': threads}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = SegNode(namespace='seg_node', parameter_overrides=overrides)
    topics = class_topics(bundle.manifest.taxonomy).values() if planes else ()
    return node, [MASK, DRIVABLE_AREA, *topics]


def tutorial(bundle: Bundle, threads: int, *, planes: bool) -> tuple[Any, list[str]]:
    """Return the tutorial node with the same weights in torch, and its watched outputs."""
    torch.set_num_threads(threads)
    network = build_network(NetConfig.from_dict(bundle.manifest.architecture)).eval()
    load_weights(network, bundle.weights_path)
    node = TutorialNode(network, bundle.manifest, namespace='tutorial')
    classes = range(len(bundle.manifest.taxonomy)) if planes else ()
    return node, ['label', 'drivable', *(f'confidence_{index}' for index in classes)]


def reply(connection: Connection, executor: SingleThreadedExecutor) -> Any:
    """Spin the nodes until the other process answers."""
    start = time.monotonic()
    while not connection.poll():
        executor.spin_once(timeout_sec=0.01)
        if time.monotonic() - start > TIMEOUT_S:
            sys.exit(f'No answer within {TIMEOUT_S:g} s.')
    return connection.recv()


def compare(bundle: Bundle, rounds: int, threads: int, *, planes: bool) -> dict[str, Any]:
    """Compare the labels of both nodes, then time them in turns.

    Args:
        bundle: Whose network both run.
        rounds: How often each node gets each frame.
        threads: Of both networks.
        planes: Whether the confidence of each class is watched.
    """
    prepare()
    nodes = {
        'seg_node': ours(bundle, threads, planes=planes),
        'tutorial': tutorial(bundle, threads, planes=planes),
    }
    executor = SingleThreadedExecutor()
    for node, _ in nodes.values():
        executor.add_node(node)
    here, there = PROCESSES.Pipe()
    spaces = {space: outputs for space, (_, outputs) in nodes.items()}
    other = PROCESSES.Process(target=ends_process, args=(there, spaces), daemon=True)
    other.start()
    reply(here, executor)
    take_turns(here, executor, list(spaces), 1)  # warms up, and ends here if labels differ
    equal, times = take_turns(here, executor, list(spaces), rounds)
    here.send(None)
    other.join()
    nodes['seg_node'][0].stop(TIMEOUT_S)
    rclpy.try_shutdown()
    medians = {space: statistics.median(values) for space, values in times.items()}
    return {
        'equal_labels': equal,
        'frames_per_second': {space: 1.0 / value for space, value in medians.items()},
        'median_ms': {space: 1e3 * value for space, value in medians.items()},
        'ratio': medians['tutorial'] / medians['seg_node'],
    }


def take_turns(
    connection: Connection, executor: SingleThreadedExecutor, spaces: Sequence[str], rounds: int
) -> tuple[float, dict[str, list[float]]]:
    """Give each frame to one node after the other.

    Returns:
        The share of equal labels, and the seconds per frame of each node.
    """
    times: dict[str, list[float]] = {space: [] for space in spaces}
    equal = []
    for turn in range(FRAMES * rounds):
        labels = []
        for space in spaces:
            connection.send((space, turn % FRAMES))
            seconds, label = reply(connection, executor)
            times[space].append(seconds)
            labels.append(np.frombuffer(label, np.uint8))
        equal.append(float((labels[0] == labels[1]).mean()))
    share = statistics.mean(equal)
    if share < EQUAL_LABELS:
        sys.exit(f'Labels agree on {share:.4%} of pixels; expected {EQUAL_LABELS:.1%}: no timing.')
    return share, times


def measure(bundle: Bundle, rounds: int, threads: int) -> dict[str, Any]:
    """Measure with all outputs watched and with two."""
    return {
        'watched': {
            'all': compare(bundle, rounds, threads, planes=True),
            'mask and drivable area': compare(bundle, rounds, threads, planes=False),
        },
        'threads': threads,
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }


def main() -> int:
    """Measure, print, and judge with ``--check``."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=2, help='of both networks')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--check', action='store_true', help=f'fail below {BAR} x')
    args = parser.parse_args()
    result = measure(open_bundle(args.bundle), args.rounds, args.threads)
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    ratios = [one['ratio'] for one in result['watched'].values()]
    return int(args.check and min(ratios) < BAR)


if __name__ == '__main__':
    sys.exit(main())
