# SPDX-License-Identifier: Apache-2.0
"""The parts of ``bench_node``: each returns what it found, and what is judged of it."""

from __future__ import annotations

import os
from statistics import median
import subprocess
import sys
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.larger_network import at_size, filled_network, giga_macs
from measuring.node.running import running_node
from measuring.node.runs import Rival, taking_turns
from measuring.node.side_by_side import compare, Course, EQUAL_LABELS
from measuring.rivals.plain_onnx_loop import PlainLoop
from measuring.timing import alternate
from seg_node.benchmark.run import percentile
from seg_node.interface.topics import class_topics, CONFIDENCE, DRIVABLE_AREA, MASK
from seg_node.pipeline import open_segmenter
from seg_node.processes import (
    anonymous_memory_mb,
    cpu_seconds,
    Crew,
    environment,
    free_domain,
    NODE,
    ros_arguments,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seg_node.bundle import Bundle

    Bars = list[tuple[str, float, float]]
    Part = Callable[[Bundle, argparse.Namespace], tuple[dict[str, Any], Bars]]

__all__ = ['PARTS']

THREE = (MASK, CONFIDENCE, DRIVABLE_AREA)
TWO = (MASK, DRIVABLE_AREA)
TUTORIAL_THREE = ('label', 'confidence_0', 'drivable')
PLAIN_THREE = ('publisher', '--images', '3', '--size', '1080', '1920')
PLAIN_TOPICS = tuple(f'plain_{index}' for index in range(3))
LARGER = (688, 1232)
SHARE_AROUND = 0.25
FASTER, FASTER_LARGER, FASTER_INT8 = 2.5, 1.9, 1.5
EQUAL_INT8 = 0.97
"""Share of labels that an 8-bit network must have in common with the tutorial's float one."""
PLANES_BAR = 1.5
UNWATCHED_BAR_MS = 0.2
IMAGES = 21
NO_CLASS_TOPICS = {'outputs.class_confidence': ['none']}
FAKE_HZ = 30.0
IMPORT_BAR_S, START_BAR_S, MEMORY_BAR_MB = 0.9, 1.5, 400.0
STARTS = 5
IMPORTS = """
import sys, time
began = time.perf_counter()
import seg_node.ros.node, seg_node.pipeline
print(time.perf_counter() - began, time.process_time(), 'torch' in sys.modules)
"""


def engine_parameters(bundle: Bundle, **more: object) -> dict[str, object]:
    """Return parameters of our node: one thread, ONNX Runtime, fp32."""
    usual = {'bundle': str(bundle.path), 'engine': 'onnxruntime', 'threads': 1}
    return {**usual, 'precision': 'fp32', **more}


def around(bundle: Bundle, args: argparse.Namespace) -> tuple[dict[str, Any], Bars]:
    """Measure processor time per frame outside network and post-processing."""
    frames = args.folder / '1080p'
    tutorial = ['tutorial', '--bundle', str(bundle.path)]
    rivals = {
        'ours': Rival(['ours'], THREE, frames, engine_parameters(bundle)),
        'tutorial': Rival(tutorial, TUTORIAL_THREE, frames, count=4),
        'tutorial_tuned': Rival([*tutorial, '--tuned'], TUTORIAL_THREE, frames, count=4),
        'rclpy_alone': Rival(PLAIN_THREE, PLAIN_TOPICS, frames),
    }
    with taking_turns(rivals, args.folder) as turns:
        equal = turns.equal_labels('ours', 'tutorial')
        assert equal >= EQUAL_LABELS, f'only {equal:.4%} of the labels agree: no timing'
        found = {name: one.medians() for name, one in turns.take(args.rounds).items()}
    assert_timed(found, 'ours', 'tutorial', 'tutorial_tuned')
    ratios = ratios_around(found, len(bundle.manifest.taxonomy))
    return {'equal_labels': equal, **found, **ratios}, bars_around(ratios)


def ratios_around(found: Mapping[str, Mapping[str, float]], classes: int) -> dict[str, float]:
    """Return our time around network and post-processing against that of others.

    Filling messages is around them. Our post-processing writes bytes, so ours is charged with
    what the tutorial node takes for the one confidence image that ours sends. The ratios
    ``without filling`` leave that step out of both nodes instead.

    Args:
        found: Medians of each node [ms].
        classes: Confidence images that the tutorial node fills.
    """
    bare = {name: one['around_without_fill_ms'] for name, one in found.items()}
    tutorial = found['tutorial']['around_ms']
    charge = (tutorial - bare['tutorial']) / classes
    ours, least = bare['ours'], bare['rclpy_alone']
    return {
        'ratio': (ours + charge) / tutorial,
        'charged for filling [ms]': charge,
        'ratio without filling': ours / bare['tutorial'],
        'ratio without filling to the tuned tutorial': ours / bare['tutorial_tuned'],
        'rclpy alone / tutorial without filling': least / bare['tutorial'],
        'ratio of what is added to rclpy': (ours - least) / (bare['tutorial'] - least),
    }


def bars_around(ratios: Mapping[str, float]) -> Bars:
    """Return what is judged: all of it, and what is added to what no rclpy node can do without."""
    added = ratios['ratio of what is added to rclpy']
    return [
        ('around network and post-processing / tutorial', ratios['ratio'], SHARE_AROUND),
        ('added to rclpy around network and post-processing / tutorial', added, SHARE_AROUND),
    ]


def assert_timed(found: Mapping[str, Mapping[str, float]], *names: str) -> None:
    """End the benchmark if the hooks around network and post-processing did not see them."""
    for name in names:
        parts = found[name]
        assert parts['network_ms'] > 0 < parts['post_ms'], f'{name}: its parts were not timed'


def lost(bundle: Bundle, args: argparse.Namespace) -> tuple[dict[str, Any], Bars]:
    """Count frames that get no answer at 30 Hz."""
    parameters = {**engine_parameters(bundle), 'engine': 'fake'}
    with Crew(args.folder, environment(free_domain(os.getpid()))) as crew:
        start_node(crew, parameters, args.folder / '1080p')
        crew.say('traffic', 'each 10')
        crew.wait_for('traffic', 'played', timeout=60)
        crew.say('traffic', f'play {FAKE_HZ:g} {args.seconds:g}')
        played = crew.wait_for('traffic', 'played', timeout=args.seconds + 60).details
    missing = played['sent'] - played['answered']
    found = {
        'sent': played['sent'],
        'lost': missing,
        'p99_ms': 1e3 * percentile(played['latencies_s'], 0.99),
        'camera_late_ms': 1e3 * played['late_s'],
    }
    return found, [
        ('frames lost at 30 Hz', float(missing), 0.0),
        ('camera later than it should be [ms]', found['camera_late_ms'], 1e3 / FAKE_HZ),
    ]


def start_node(crew: Crew, parameters: dict[str, object], frames: Path) -> None:
    """Start the node and its camera, and wait until they know each other."""
    crew.start('node', *NODE, *ros_arguments('/bench', parameters))
    arguments = ['--frames', str(frames), '--outputs', *THREE, *ros_arguments('/bench', {})]
    crew.start('traffic', '-m', 'seg_node.ros.drives.traffic', *arguments, may_end=True)
    crew.wait_for('traffic', 'ready', timeout=60)


def rate(bundle: Bundle, args: argparse.Namespace) -> tuple[dict[str, Any], Bars]:
    """Measure frames per second against the tutorial's node."""
    larger = at_size(bundle, LARGER, args.folder / 'larger')
    course = Course(args.data, max(1, args.rounds // 2), 1)
    work = {'default': work_of(bundle), 'larger': work_of(larger)}
    assert 11.0 < work['larger'] < 13.0, f'the larger network has {work["larger"]:.3g} GMAC'
    found: dict[str, Any] = {}
    for name, one in {'default': bundle, 'larger': larger}.items():
        found[name] = {
            'gmac': work[name],
            'fp32': compare(one, course, planes=False),
            'without ROS': plain_loop(one, args),
        }
    bars = [
        ('tutorial / ours, 12 GMAC', FASTER_LARGER / found['larger']['fp32']['ratio'], 1.0),
        ('tutorial / ours, bundle', FASTER / found['default']['fp32']['ratio'], 1.0),
    ]
    found['default']['all watched'] = compare(bundle, course, planes=True)
    if (bundle.path / 'model.int8.cpu.onnx').is_file():
        quantized = compare(bundle, course, planes=False, precision='int8', least_equal=EQUAL_INT8)
        found['default']['int8'] = quantized
        more = quantized['ratio'] / found['default']['fp32']['ratio']
        bars.append(('int8 / fp32', FASTER_INT8 / more, 1.0))
    return found, bars


def work_of(bundle: Bundle) -> float:
    """Return the multiplications of a bundle's network [10^9]."""
    spec = bundle.manifest.input
    return giga_macs(filled_network(bundle), (spec.height, spec.width))


def plain_loop(bundle: Bundle, args: argparse.Namespace) -> dict[str, Any]:
    """Measure the pipeline against a plain loop around ONNX Runtime, both without ROS."""
    cv2.setNumThreads(1)
    images = [np.load(file) for file in sorted((args.folder / '720p').glob('*.npy'))]
    plain = PlainLoop(bundle)
    with open_segmenter(str(bundle.path), 'onnxruntime', threads=1) as segmenter:
        equal = np.mean([np.mean(plain(one)[0].labels == segmenter(one).labels) for one in images])
        assert equal >= 0.9999, f'only {equal:.4%} of the labels agree'
        turn = iter(range(sys.maxsize))
        rivals: dict[str, Callable[[], object]] = {
            'seg_node': lambda: segmenter(images[next(turn) // 2 % len(images)]),
            'plain onnxruntime': lambda: plain(images[next(turn) // 2 % len(images)]),
        }
        samples = alternate(rivals, 2 * args.rounds)
    return {name: sample.to_dict()['median_ms'] for name, sample in samples.items()}


def planes(bundle: Bundle, args: argparse.Namespace) -> tuple[dict[str, Any], Bars]:
    """Measure what class topics cost, watched and not."""
    frames, parameters = args.folder / '720p', engine_parameters(bundle)
    every = [*TWO, *class_topics(bundle.manifest.taxonomy).values()]
    plain = [f'plain_{index}' for index in range(IMAGES)]
    rivals = {
        'all watched': Rival(['ours'], every, frames, parameters),
        'two watched': Rival(['ours'], TWO, frames, parameters),
        'no class topics': Rival(['ours'], TWO, frames, {**parameters, **NO_CLASS_TOPICS}),
        'images alone': Rival(['publisher'], plain, args.folder / 'small'),
    }
    named = {name.replace(' ', '_'): one for name, one in rivals.items()}
    with taking_turns(named, args.folder) as turns:
        spent = turns.take(2 * args.rounds)
    found: dict[str, Any] = {name: one.medians() for name, one in spent.items()}
    assert_timed(found, 'all_watched', 'two_watched', 'no_class_topics')
    outside = {name: one['cpu_ms'] - one['network_ms'] for name, one in found.items()}
    cost = (outside['all_watched'] - outside['two_watched']) / outside['images_alone']
    pairs = zip(spent['two_watched'].around(), spent['no_class_topics'].around(), strict=True)
    unwatched = median(two - none for two, none in pairs)
    count = len(class_topics(bundle.manifest.taxonomy))
    found |= {
        'outside_network_ms': outside,
        'ratio': cost,
        'planes': count,
        'ratio per image': cost * IMAGES / count,
        'unwatched_ms': unwatched,
    }
    return found, [
        ('confidence of all classes / 21 images alone', cost, PLANES_BAR),
        ('class topics that nobody watches [ms]', unwatched, UNWATCHED_BAR_MS),
    ]


def start(bundle: Bundle, args: argparse.Namespace) -> tuple[dict[str, Any], Bars]:
    """Measure import, start and memory of the node as it ships; times by the clock are judged."""
    parameters: dict[str, object] = {'bundle': str(bundle.path)}
    imports, starts = zip(*(import_and_start(parameters) for _ in range(STARTS)), strict=True)
    with Crew(args.folder, environment(free_domain(os.getpid()))) as crew:
        start_node(crew, parameters, args.folder / '1080p')
        crew.say('traffic', 'each 40')
        crew.wait_for('traffic', 'played', timeout=120)
        memory = anonymous_memory_mb(crew.pid('node'))
    found: dict[str, Any] = {
        'import_s': [one[0] for one in imports],
        'import_cpu_s': [one[1] for one in imports],
        'active_s': [one[0] for one in starts],
        'active_cpu_s': [one[1] for one in starts],
        'anonymous_memory_mb': memory,
    }
    return found, [
        ('import of node and pipeline [s]', median(found['import_s']), IMPORT_BAR_S),
        ('start to active [s]', median(found['active_s']), START_BAR_S),
        ('anonymous memory [MB]', memory, MEMORY_BAR_MB),
    ]


def import_and_start(
    parameters: dict[str, object],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return what the import takes and what the start takes, by the clock and of processor [s]."""
    wall, cpu, torch = subprocess.run(
        [sys.executable, '-c', IMPORTS], capture_output=True, text=True, check=True
    ).stdout.split()
    assert torch == 'False', 'the node imports torch'
    began = time.monotonic()
    with running_node(parameters) as process:
        active = time.monotonic() - began, cpu_seconds(process.pid)
    return (float(wall), float(cpu)), active


PARTS: dict[str, Part] = {
    'around': around,
    'lost': lost,
    'rate': rate,
    'planes': planes,
    'start': start,
}
