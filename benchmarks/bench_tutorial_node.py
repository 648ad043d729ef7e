# SPDX-License-Identifier: Apache-2.0
"""Frame rate of our node against the node a user writes from tutorials, same network.

Both nodes live in one process, camera and consumer in another, and get the same 1280 x 720 frames
over the same middleware: eight that are spread over the split ``val`` of ``--data``, cut to this
shape and enlarged, or of a procedural drive. First the labels of both are compared, then the nodes
take turns frame by frame. A frame's time is that from publishing it until every watched
output has been received. Measured twice: with the label map, the drivable area and the confidence
of each class watched (all that the tutorial's node publishes), and with the first two alone, which
is what a planner watches. Ours computes what is watched, the tutorial's node everything, always.

    python benchmarks/bench_tutorial_node.py --check

With ``--crf`` both refine their labels with a dense CRF of the same, classic parameters, the
tutorial's node with pydensecrf: first on every frame; then ours only on frames that its gate finds
uncertain. All outputs are watched. That is done with the bundle as it is, and with its network
exported for 1232 x 688, which takes five times the work. Each side has two threads, as our node
has by itself, if ``--threads`` does not say otherwise (pydensecrf has one whatever it says), and
the frames are those of CamVid where SEG_NODE_CAMVID names its folder.

    python benchmarks/bench_tutorial_node.py --crf --data camvid:/data/camvid --check
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
import json
import multiprocessing
import os
from pathlib import Path
import statistics
import sys
from tempfile import TemporaryDirectory
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

from crf_frames import fitted
from larger_network import at_size, filled_network, giga_macs
from machine import machine
from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset, spread
from seg_node.datasets.procedural import Drive
from seg_node.interface.topics import class_topics, DRIVABLE_AREA, MASK
from seg_node.processes import free_domain
from seg_node.ros.node import SegNode
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile
from tutorial_node import cv2_to_imgmsg, TutorialNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    import numpy.typing as npt

    from seg_node.bundle import Bundle

BAR = 1.7
CRF_BARS = {'as it is': 9.0, 'of 12 GMAC': 5.0}
LARGER = (688, 1232)
CRF_ON = {'crf.enabled': True, 'crf.preset': 'classic'}
ALWAYS = {'crf.min_uncertain_fraction': 0.0}
SIZE = (720, 1280)
FRAMES = 8
PROCEDURAL = 'procedural drive'
TIMEOUT_S = 300.0
PROCESSES = multiprocessing.get_context('spawn')
EQUAL_LABELS = 0.999
"""Both sides round differently; a pixel on the border of two classes may fall either way."""
EQUAL_REFINED = 0.993
"""What ``bench_crf.py`` demands of the mode ``balanced``."""


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


def read_images(data: str, size: tuple[int, int] = SIZE) -> list[npt.NDArray[np.uint8]]:
    """Return the frames that the camera sends.

    Args:
        data: What ``open_dataset`` understands, or ``PROCEDURAL``.
        size: (height, width) [px].
    """
    if data == PROCEDURAL:
        drive = Drive(FRAMES, size=size)
        return [drive[index].image for index in range(FRAMES)]
    dataset = spread(open_dataset(data, split='val'), FRAMES)
    return [fitted(dataset[index].image, size, index) for index in range(FRAMES)]


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


def ours(
    bundle: Bundle, threads: int, parameters: Mapping[str, Any], *, planes: bool
) -> tuple[Any, list[str]]:
    """Return our node as it ships, but for some parameters, and its watched outputs."""
    shipped = {
        'bundle': str(bundle.path),
        'engine': 'onnxruntime',
        'precision': 'fp32',  # as the tutorial's node; by itself ours may take int8
        'threads': threads,
    }
    values = {**shipped, **parameters}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = SegNode(namespace='seg_node', parameter_overrides=overrides)
    topics = class_topics(bundle.manifest.taxonomy).values() if planes else ()
    return node, [MASK, DRIVABLE_AREA, *topics]


def tutorial(bundle: Bundle, threads: int, *, planes: bool, crf: bool) -> tuple[Any, list[str]]:
    """Return the tutorial node with the same weights in torch, and its watched outputs."""
    torch.set_num_threads(threads)
    node = TutorialNode(filled_network(bundle), bundle.manifest, crf=crf, namespace='tutorial')
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


@dataclass(frozen=True, slots=True)
class Course:
    """What both nodes have to run.

    Attributes:
        data: Where the frames are from, as for ``read_images``.
        rounds: How often each node gets each frame.
        threads: Of both networks, and of our CRF.
    """

    data: str
    rounds: int
    threads: int

    def to_dict(self) -> dict[str, Any]:
        """Return the frames without the folder they lie in, and the threads."""
        return {'frames': self.data.partition('/')[0].rstrip(':'), 'threads': self.threads}


def compare(
    bundle: Bundle,
    course: Course,
    *,
    planes: bool,
    crf: Mapping[str, Any] | None = None,
    precision: str = 'fp32',
    least_equal: float = EQUAL_LABELS,
) -> dict[str, Any]:
    """Compare the labels of both nodes, then time them in turns.

    Args:
        bundle: Whose network both run.
        course: Frames, rounds and threads.
        planes: Whether the confidence of each class is watched.
        crf: Parameters of our CRF; the tutorial's refines every frame. None for no CRF in either.
        precision: Of our network; the tutorial's is in torch, fp32.
        least_equal: Share of labels that must be equal.
    """
    os.environ['ROS_DOMAIN_ID'] = str(free_domain(os.getpid()))
    prepare()
    nodes = {
        'seg_node': ours(
            bundle, course.threads, {'precision': precision, **(crf or {})}, planes=planes
        ),
        'tutorial': tutorial(bundle, course.threads, planes=planes, crf=crf is not None),
    }
    executor = SingleThreadedExecutor()
    for node, _ in nodes.values():
        executor.add_node(node)
    here, there = PROCESSES.Pipe()
    spaces = {space: outputs for space, (_, outputs) in nodes.items()}
    other = PROCESSES.Process(target=ends_process, args=(there, spaces, course.data), daemon=True)
    other.start()
    reply(here, executor)
    take_turns(here, executor, list(spaces), 1, least_equal)  # warms up; ends if labels differ
    equal, times, cpu = take_turns(here, executor, list(spaces), course.rounds, least_equal)
    here.send(None)
    other.join()
    decisions = nodes['seg_node'][0].cameras[0].health.report().crf
    nodes['seg_node'][0].stop(TIMEOUT_S)
    rclpy.try_shutdown()
    medians = {space: statistics.median(values) for space, values in times.items()}
    work = {space: statistics.median(values) for space, values in cpu.items()}
    return {
        'equal_labels': equal,
        'frames_per_second': {space: 1.0 / value for space, value in medians.items()},
        'median_ms': {space: 1e3 * value for space, value in medians.items()},
        'ratio': medians['tutorial'] / medians['seg_node'],
        'cpu_ms': {space: 1e3 * value for space, value in work.items()},
        'cpu_ratio': work['tutorial'] / work['seg_node'],
        'frames_by_crf_decision': decisions,
    }


def take_turns(
    connection: Connection,
    executor: SingleThreadedExecutor,
    spaces: Sequence[str],
    rounds: int,
    least_equal: float,
) -> tuple[float, dict[str, list[float]], dict[str, list[float]]]:
    """Give each frame to one node after the other.

    Returns:
        The share of equal labels, and for each node the seconds per frame by the clock and of
        processor time. The latter is that of this process, where no other node is at work.
    """
    times: dict[str, list[float]] = {space: [] for space in spaces}
    cpu: dict[str, list[float]] = {space: [] for space in spaces}
    equal = []
    for turn in range(FRAMES * rounds):
        labels = []
        for space in spaces:
            before = time.process_time()
            connection.send((space, turn % FRAMES))
            seconds, label = reply(connection, executor)
            times[space].append(seconds)
            cpu[space].append(time.process_time() - before)
            labels.append(np.frombuffer(label, np.uint8))
        equal.append(float((labels[0] == labels[1]).mean()))
    share = statistics.mean(equal)
    if share < least_equal:
        sys.exit(f'Labels agree on {share:.4%} of pixels; expected {least_equal:.1%}: no timing.')
    return share, times, cpu


def measure(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure with all outputs watched and with two."""
    return {
        'watched': {
            'all': compare(bundle, course, planes=True),
            'mask and drivable area': compare(bundle, course, planes=False),
        },
        **course.to_dict(),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }


def measure_crf(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure with the dense CRF on every frame, and with ours gated."""
    with TemporaryDirectory() as folder:
        bundles = {
            'as it is': bundle,
            'of 12 GMAC': at_size(bundle, LARGER, Path(folder) / 'larger'),
        }
        networks = {name: crf_of(one, course) for name, one in bundles.items()}
    return {
        'networks': networks,
        **course.to_dict(),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }


def crf_of(bundle: Bundle, course: Course) -> dict[str, Any]:
    """Measure one network with the dense CRF."""
    spec = bundle.manifest.input
    gated = {**CRF_ON, 'crf.threads': course.threads}
    always = {**gated, **ALWAYS}
    return {
        'network_gmac': giga_macs(filled_network(bundle), (spec.height, spec.width)),
        'crf on every frame': compare(
            bundle, course, planes=True, crf=always, least_equal=EQUAL_REFINED
        ),
        # frames that are left out keep their labels, so any share may be equal
        'gated': compare(bundle, course, planes=True, crf=gated, least_equal=0.0),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and judge with ``--check``."""
    args = parse(argv)
    what = measure_crf if args.crf else measure
    result = what(open_bundle(args.bundle), course_of(args))
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and not bars_met(result))


def course_of(args: argparse.Namespace) -> Course:
    """Return what was asked for; the bars of the CRF are for real frames and one thread."""
    camvid = os.environ.get('SEG_NODE_CAMVID') if args.crf else None
    data = args.data or (f'camvid:{camvid}' if camvid else PROCEDURAL)
    return Course(data, args.rounds or (2 if args.crf else 5), args.threads)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--data', help='for example camvid:/data/camvid')
    parser.add_argument('--rounds', type=int, help='for each frame; 5, or 2 with the CRF')
    parser.add_argument('--threads', type=int, default=2, help='of both sides')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--crf', action='store_true', help='with the dense CRF in both nodes')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    return parser.parse_args(argv)


def bars_met(result: Mapping[str, Any]) -> bool:
    """Print each bar that is missed, and return whether there is none."""
    if 'watched' in result:
        found = {f'{name} watched': (one['ratio'], BAR) for name, one in result['watched'].items()}
    else:
        found = {
            f'CRF on every frame, network {name}': (one['crf on every frame']['ratio'], bar)
            for (name, bar), one in zip(CRF_BARS.items(), result['networks'].values(), strict=True)
        }
    missed = {what: pair for what, pair in found.items() if pair[0] < pair[1]}
    for what, (ratio, bar) in missed.items():
        print(f'MISSED {what}: {ratio:.2f} (bar {bar})')
    return not missed


if __name__ == '__main__':
    sys.exit(main())
