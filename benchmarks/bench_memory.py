# SPDX-License-Identifier: Apache-2.0
"""Memory over time, and how soon the first mask comes.

The node runs as a process of its own and is fed 640 x 360 images of changing content until 2,000
masks have come back; the other images are subscribed to as well. Its anonymous memory (RssAnon in
/proc) after 2,000 masks may be at most 5 % above that after 200. Before that, the time from the
start of the process to the first mask is measured, with a camera that is already running.

    python benchmarks/bench_memory.py --check
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import sys
import tempfile
from threading import Event
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.machine import machine
from measuring.node.running import camera, listening, running_node
from seg_node.bundle import open_bundle
from seg_node.processes import anonymous_memory_mb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensor_msgs.msg import Image

SIZE = (360, 640)
EARLY, LATE = 200, 2000
GROWTH_BAR = 0.05
START_BAR_S = 3.0
TOPICS = ('confidence', 'entropy', 'drivable_area', 'color', 'overlay')


def write_frames(folder: str) -> str:
    """Write pictures of changing content and return the file."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (16, SIZE[0] // 20, SIZE[1] // 20, 3), np.uint8)
    file = str(Path(folder) / 'frames.npy')
    np.save(file, np.stack([cv2.resize(one, SIZE[::-1]) for one in coarse]).astype(np.uint8))
    return file


def measure_start(file: str, parameters: dict[str, object]) -> float:
    """Return the time from the start of the process to the first mask [s]."""
    first = Event()
    with listening(lambda _: first.set()) as listener:
        player = camera(file, 15.0, 15 * 60, '--at-once')
        try:
            listener.wait_for_camera()
            begun = time.monotonic()
            with running_node(parameters):
                assert first.wait(60.0), 'no mask came within a minute'
                return time.monotonic() - begun
        finally:
            player.kill()
            player.wait()


def measure_memory(file: str, parameters: dict[str, object], rate: float) -> dict[str, float]:
    """Return the anonymous memory after some numbers of masks [MB]."""
    count = 0
    reached = {EARLY: Event(), LATE: Event()}

    def on_mask(_: Image) -> None:
        nonlocal count
        count += 1
        if count in reached:
            reached[count].set()

    with listening(on_mask) as listener, running_node(parameters) as process:
        listener.wait_until_heard()
        for name in TOPICS:
            listener.also(f'segmentation/{name}')
        player = camera(file, rate, sys.maxsize)
        memory = {}
        try:
            for number, event in reached.items():
                assert event.wait(3600.0), f'only {count} of {number} masks came within an hour'
                memory[f'after_{number}_mb'] = anonymous_memory_mb(process.pid)
        finally:
            player.kill()
            player.wait()
    return memory


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--engine', default='onnxruntime')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rate', type=float, default=30.0, help='of the camera [Hz]')
    parser.add_argument('--starts', type=int, default=3)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    args = parser.parse_args(argv)
    parameters: dict[str, object] = {
        'bundle': args.bundle,
        'engine': args.engine,
        'threads': args.threads,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = write_frames(folder)
        starts = [measure_start(file, parameters) for _ in range(args.starts)]
        memory = measure_memory(file, parameters, args.rate)
    growth = memory[f'after_{LATE}_mb'] / memory[f'after_{EARLY}_mb'] - 1
    result: dict[str, Any] = {
        'benchmark': 'memory',
        'bundle': open_bundle(args.bundle).digest,
        'starts_s': starts,
        'start_median_s': statistics.median(starts),
        'start_bar_s': START_BAR_S,
        **memory,
        'growth': growth,
        'growth_bar': GROWTH_BAR,
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    missed = growth > GROWTH_BAR or result['start_median_s'] > START_BAR_S
    return int(args.check and missed)


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    starts = ', '.join(f'{one:.2f}' for one in result['starts_s'])
    print(f'start to first mask [s]: {starts} (bar {START_BAR_S:g})')
    for number in (EARLY, LATE):
        print(f'RssAnon after {number:5d} masks: {result[f"after_{number}_mb"]:.1f} MB')
    print(f'growth: {result["growth"]:+.2%} (bar {GROWTH_BAR:.0%})')
    print(f'bundle {result["bundle"]}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
