# SPDX-License-Identifier: Apache-2.0
"""Frame rate of our node against the node a user writes from tutorials: same network, no CRF.

Both nodes live in this process and get the same 1280 x 720 frames of a procedural drive over the
same middleware. First the labels of both are compared, then the nodes take turns frame by frame. A
frame's time is that from publishing it until every watched output has been received. Measured
twice: with the label map, the drivable area and the confidence of each class watched (all that the
tutorial's node publishes), and with the first two alone, which is what a planner watches. Ours
computes what is watched; the tutorial's node computes and publishes everything, always.

    python benchmarks/bench_tutorial_node.py --check
"""

from __future__ import annotations

import argparse
from functools import partial
import json
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

    import numpy.typing as npt

    from seg_node.bundle import Bundle

BAR = 1.7
SIZE = (720, 1280)
FRAMES = 8
TIMEOUT_S = 30.0
EQUAL_LABELS = 0.999
"""Both sides round differently; a pixel on the border of two classes may fall either way."""


class Rig:
    """A camera and a sink around one node."""

    def __init__(
        self, executor: SingleThreadedExecutor, node: Any, outputs: Sequence[str]
    ) -> None:
        """Publish ``image`` and subscribe to the outputs in the node's namespace.

        Args:
            executor: Spins all nodes.
            node: The node under test.
            outputs: Relative topic names; the first one is the label map.
        """
        self.executor = executor
        self.node = node
        self.outputs = tuple(outputs)
        self.label: npt.NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        self.waiting: set[str] = set()
        self.ends = rclpy.create_node('ends', namespace=node.get_namespace())
        self.publisher = self.ends.create_publisher(Image, 'image', 1)
        for topic in outputs:
            self.ends.create_subscription(Image, topic, partial(self._received, topic), 1)
        executor.add_node(node)
        executor.add_node(self.ends)

    def _received(self, topic: str, message: Any) -> None:
        self.waiting.discard(topic)
        if topic == self.outputs[0]:
            size = (message.height, message.width)
            self.label = np.frombuffer(message.data, np.uint8).reshape(size).copy()

    def wait_until_connected(self) -> None:
        """Spin until the node listens to the camera and the sink to every output."""
        start = time.monotonic()
        names = [self.ends.resolve_topic_name(topic) for topic in self.outputs]
        while not self.publisher.get_subscription_count() or not all(
            self.ends.count_publishers(name) for name in names
        ):
            self.executor.spin_once(timeout_sec=0.1)
            if time.monotonic() - start > TIMEOUT_S:
                sys.exit(f'The node did not start within {TIMEOUT_S:g} s.')

    def close(self) -> None:
        """Take node and ends down."""
        for node in (self.node, self.ends):
            self.executor.remove_node(node)
            if isinstance(node, SegNode):
                node.stop(TIMEOUT_S)
            node.destroy_node()

    def frame(self, image: npt.NDArray[np.uint8]) -> float:
        """Return the seconds from publishing an image until every output has arrived."""
        stamp = self.ends.get_clock().now().to_msg()
        message = cv2_to_imgmsg(image, 'rgb8', Header(stamp=stamp, frame_id='camera'))
        self.waiting = set(self.outputs)
        start = time.perf_counter()
        self.publisher.publish(message)
        while self.waiting:
            self.executor.spin_once(timeout_sec=1.0)
            if time.perf_counter() - start > TIMEOUT_S:
                sys.exit(f'No {sorted(self.waiting)} within {TIMEOUT_S:g} s.')
        return time.perf_counter() - start


def ours(executor: SingleThreadedExecutor, bundle: Bundle, threads: int, *, classes: bool) -> Rig:
    """Return a rig around our node as it ships, with or without the classes watched."""
    values = {'bundle': str(bundle.path), 'engine': 'onnxruntime', 'threads': threads}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    space = f'ours_{"all" if classes else "two"}'
    node = SegNode(namespace=space, parameter_overrides=overrides)
    planes = class_topics(bundle.manifest.taxonomy).values() if classes else ()
    return Rig(executor, node, [MASK, DRIVABLE_AREA, *planes])


def tutorial(
    executor: SingleThreadedExecutor, bundle: Bundle, threads: int, *, classes: bool
) -> Rig:
    """Return a rig around the tutorial node with the same weights in torch."""
    torch.set_num_threads(threads)
    network = build_network(NetConfig.from_dict(bundle.manifest.architecture)).eval()
    load_weights(network, bundle.weights_path)
    space = f'tutorial_{"all" if classes else "two"}'
    node = TutorialNode(network, bundle.manifest, namespace=space)
    planes = range(len(bundle.manifest.taxonomy)) if classes else ()
    return Rig(executor, node, ['label', 'drivable', *(f'confidence_{k}' for k in planes)])


def compare_labels(a: Rig, b: Rig, images: Sequence[npt.NDArray[np.uint8]]) -> float:
    """Return the share of equal labels over the images, after running both nodes on each."""
    shares = []
    for image in images:
        a.frame(image)
        b.frame(image)
        shares.append(float((a.label == b.label).mean()))
    return statistics.mean(shares)


def compare(
    images: Sequence[npt.NDArray[np.uint8]],
    bundle: Bundle,
    rounds: int,
    threads: int,
    *,
    classes: bool,
) -> dict[str, Any]:
    """Compare the labels of both nodes, then time them in turns.

    Args:
        images: (H, W, 3) uint8 RGB frames.
        bundle: Whose network both run.
        rounds: How often each node gets each image.
        threads: Of both networks.
        classes: Whether the confidence of each class is watched.
    """
    executor = SingleThreadedExecutor()
    rigs = {
        'seg_node': ours(executor, bundle, threads, classes=classes),
        'tutorial': tutorial(executor, bundle, threads, classes=classes),
    }
    for rig in rigs.values():
        rig.wait_until_connected()
    equal = compare_labels(rigs['seg_node'], rigs['tutorial'], images)
    if equal < EQUAL_LABELS:
        sys.exit(f'Labels agree on {equal:.4%} of pixels; expected {EQUAL_LABELS:.1%}: no timing.')
    times: dict[str, list[float]] = {name: [] for name in rigs}
    for image in [*images] * rounds:
        for name, rig in rigs.items():
            times[name].append(rig.frame(image))
    for rig in rigs.values():
        rig.close()
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        'equal_labels': equal,
        'frames_per_second': {name: 1.0 / value for name, value in medians.items()},
        'median_ms': {name: 1e3 * value for name, value in medians.items()},
        'ratio': medians['tutorial'] / medians['seg_node'],
    }


def measure(bundle: Bundle, rounds: int, threads: int) -> dict[str, Any]:
    """Measure with all outputs watched and with two."""
    drive = Drive(FRAMES, size=SIZE)
    images = [drive[index].image for index in range(FRAMES)]
    return {
        'watched': {
            'all': compare(images, bundle, rounds, threads, classes=True),
            'mask and drivable area': compare(images, bundle, rounds, threads, classes=False),
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
    use_shared_memory_profile()
    keep_large_blocks()
    cv2.setNumThreads(1)
    rclpy.init()
    result = measure(open_bundle(args.bundle), args.rounds, args.threads)
    rclpy.try_shutdown()
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    ratios = [one['ratio'] for one in result['watched'].values()]
    return int(args.check and min(ratios) < BAR)


if __name__ == '__main__':
    sys.exit(main())
