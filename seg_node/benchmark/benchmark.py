# SPDX-License-Identifier: Apache-2.0
"""The benchmark from beginning to end."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from pathlib import Path
import tempfile
import time
from typing import Any, TYPE_CHECKING

from seg_node import __version__
from seg_node.bundle import open_bundle
from seg_node.evaluation.evaluate import machine
from seg_node.processes import polite_signals, require_ros
from seg_node.progress import Bar

from .accuracy import measured, measured_before
from .drive import store_drive
from .measure import measure, steps
from .options import OUTPUTS, SIZES
from .stage import staged
from .yardstick import yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.bundle import Bundle

    from .options import BenchmarkOptions, Scene

__all__ = ['FORMAT', 'KIND', 'run_benchmark']

KIND = 'benchmark'
FORMAT = 1
"""Of the JSON; a larger number is something that this version cannot compare with."""
LIBRARIES = ('numpy', 'opencv-python-headless', 'onnxruntime', 'openvino', 'rclpy', 'tensorrt')
NETWORK = 'model.onnx'
ENGINE_SIZE = '720p'  # the engine alone gets these images, fitted


def run_benchmark(options: BenchmarkOptions) -> dict[str, Any]:
    """Measure all scenes and return the result as plain data, see ``docs/benchmark.md``.

    Raises:
        ProcessError: If ROS is missing where the node is measured, or a process fails.
        SegNodeError: Others of the family, for example for a drive that cannot be read.
    """
    scenes = list(options.scenes())
    if any(scene.is_node for scene in scenes):
        require_ros()
    bundle = open_bundle(options.bundle)
    began = time.monotonic()
    sizes = {name: SIZES[name] for name in {one.size or ENGINE_SIZE for one in scenes}}
    with polite_signals(), tempfile.TemporaryDirectory(prefix='seg_benchmark_') as scratch:
        drive = store_drive(options, sizes, Path(scratch))
        rows, yardsticks = _measured(scenes, options, bundle, Path(scratch))
    _put_accuracy(rows, options, bundle)
    return {
        'kind': KIND,
        'format': FORMAT,
        'rows': rows,
        'bundle': {'name': bundle.manifest.name, 'digest': bundle.digest},
        'settings': _settings(options, drive),
        'machine': machine(),
        'versions': _versions(),
        'yardstick_ms': yardsticks,
        'seconds': round(time.monotonic() - began, 1),
    }


def _measured(
    scenes: Sequence[Scene], options: BenchmarkOptions, bundle: Bundle, scratch: Path
) -> tuple[list[dict[str, Any]], list[float]]:
    """Return a row for each scene, and the yardstick before each and after the last."""
    total = sum(steps(scene, options) for scene in scenes)
    bar = Bar(what='measuring', total=total, unit='step')
    rows, yardsticks = [], [yardstick()]
    try:
        for scene in scenes:
            frames = scratch / (scene.size or ENGINE_SIZE)
            with staged(scene, options, bundle.path, frames, scratch) as stage:
                found = measure(stage, scene, options, _mover(bar, scene))
            rows.append({**_described(scene), **found})
            yardsticks.append(yardstick())
    finally:
        bar.close()
    return rows, yardsticks


def _mover(bar: Bar, scene: Scene) -> Callable[[str], None]:
    def move(what: str) -> None:
        bar.note(f'{scene.key}: {what}')
        bar.move(1)

    return move


def _described(scene: Scene) -> dict[str, Any]:
    size = SIZES.get(scene.size)
    return {
        'key': scene.key,
        'subject': scene.subject,
        'size': scene.size or None,
        'image': list(size) if size else None,
        'cameras': scene.cameras if scene.is_node else None,
    }


def _put_accuracy(
    rows: Sequence[dict[str, Any]], options: BenchmarkOptions, bundle: Bundle
) -> None:
    sizes = {row['size']: SIZES[row['size']] for row in rows if row['size']}
    found = measured(options, sizes) if options.data else {}
    for row in rows:
        row['accuracy'] = found.get(row['size']) or measured_before(bundle)


def _settings(options: BenchmarkOptions, drive: str) -> dict[str, Any]:
    """Return what was asked for, without the folders of this machine."""
    asked = asdict(options)
    asked['drive'] = drive
    asked['bundle'] = Path(options.bundle).name
    asked['data'] = options.data and options.data.partition(':')[0]
    return {**asked, 'outputs': OUTPUTS}


def _versions() -> dict[str, str]:
    installed = {one.name: one.version for one in metadata.distributions()}
    return {
        'seg_node': __version__,
        **{name: installed[name] for name in LIBRARIES if name in installed},
    }
