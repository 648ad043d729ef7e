# SPDX-License-Identifier: Apache-2.0
"""Our node and the one from tutorials in one process, taking turns frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
import multiprocessing
import os
import statistics
import sys
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
import torch

from measuring.larger_network import filled_network
from measuring.node.ends import ends_process, prepare, TIMEOUT_S
from measuring.node.frames import FRAMES
from measuring.rivals.tutorial_node import TutorialNode
from seg_node.interface.topics import class_topics, DRIVABLE_AREA, MASK
from seg_node.processes import free_domain
from seg_node.ros.node import SegNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    from seg_node.bundle import Bundle

__all__ = ['EQUAL_LABELS', 'Course', 'compare']

PROCESSES = multiprocessing.get_context('spawn')
EQUAL_LABELS = 0.999
"""Both sides round differently; a pixel on the border of two classes may fall either way."""


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
