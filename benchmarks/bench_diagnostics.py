# SPDX-License-Identifier: Apache-2.0
"""What it costs that the node knows how it is: per frame, per message, and per look.

A frame is counted, timed by stage and watched; a message on /diagnostics is made while masks come
out, while nobody listens, and while there is no camera, with windows that are full; a look is that
of the watchdog and of the alarm for silent cameras. Processor time of the calling thread, medians.

    python benchmarks/bench_diagnostics.py --check
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from measuring.machine import machine
from seg_node.ros.node import SegNode
from seg_node.ros.vitals.health import Health
from seg_node.ros.vitals.percentiles import SAMPLES
from seg_node.ros.vitals.watchdog import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STAGES = [
    'wait',
    'decode',
    'fit',
    'infer',
    'finish',
    'crf',
    'total',
    'publish',
    'arrival_to_publish',
]
TIMES = {stage: 0.001 * (1 + index) for index, stage in enumerate(STAGES)}
FRAMES, MESSAGES = 2000, 200
FRAME_BAR_US = 100.0
MESSAGE_BAR_MS = 10.0
"""One such message each second is 1 % of a core."""


def cost(action: Callable[[], object], repeats: int) -> float:
    """Return the processor time of one call, the median of many [s]."""
    taken = []
    for _ in range(repeats):
        begun = time.thread_time_ns()
        action()
        taken.append((time.thread_time_ns() - begun) * 1e-9)
    return statistics.median(taken)


def count_frame(health: Health, watch: Watch) -> None:
    """Do what the node does for each frame to know how it is."""
    health.received()
    watch.begin('front')
    for stage in ('decode', 'segment', 'publish'):
        watch.enter(stage)
    watch.end()
    health.processed(TIMES, 'ran', age=0.05)


def fill(health: Health) -> None:
    """Fill its windows."""
    for _ in range(SAMPLES):
        count_frame(health, Watch())


def measure() -> dict[str, float]:
    """Return what is measured, by name and unit."""
    health = Health()
    found = {'frame_us': 1e6 * cost(lambda: count_frame(health, Watch()), FRAMES)}
    rclpy.init()
    node = SegNode(
        parameter_overrides=[
            Parameter('engine', value='fake'),
            Parameter('autostart', value=False),
        ]
    )
    other = rclpy.create_node('other')
    node.start()
    (camera,) = node.cameras
    fill(camera.health)
    found['message_without_a_camera_ms'] = 1e3 * cost(node.diagnosis.message, MESSAGES)
    other.create_publisher(Image, 'image', 1)
    fill(camera.health)
    found['message_unwatched_ms'] = 1e3 * cost(node.diagnosis.message, MESSAGES)
    other.create_subscription(Image, 'segmentation/mask', print, 1)
    while camera.outputs is None or not camera.outputs.wanted():
        time.sleep(0.01)
    fill(camera.health)
    found['message_ms'] = 1e3 * cost(node.diagnosis.message, MESSAGES)
    found['look_ms'] = 1e3 * cost(node.lookout.look, MESSAGES)
    node.stop(1.0)
    node.destroy_node()
    other.destroy_node()
    rclpy.shutdown()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print JSON, and return 1 if a bar is missed and ``--check`` is given."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='fail above the bars')
    given = parser.parse_args(argv)
    found = measure()
    sys.stdout.write(json.dumps({**found, 'machine': machine()}, indent=2) + '\n')
    slow = [
        name for name, value in found.items() if name.endswith('ms') and value > MESSAGE_BAR_MS
    ]
    slow += ['frame_us'] if found['frame_us'] > FRAME_BAR_US else []
    if slow and given.check:
        sys.stderr.write(f'Too slow: {", ".join(slow)}.\n')
    return 1 if slow and given.check else 0


if __name__ == '__main__':
    sys.exit(main())
