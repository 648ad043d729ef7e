# SPDX-License-Identifier: Apache-2.0
"""What is measured, in processes of its own, and how they are asked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
import os
from typing import TYPE_CHECKING

from seg_node.processes import (
    anonymous_memory_mb,
    cpu_seconds,
    Crew,
    environment,
    free_domain,
    NODE,
    peak_memory_mb,
    ros_arguments,
)

from .options import OUTPUTS
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .options import BenchmarkOptions, Scene

__all__ = ['Stage', 'camera_names', 'staged']

NAMESPACE = '/benchmark'
START_TIMEOUT_S = 120.0
# Added to what a run should take, for frames that are lost or slow [s].
PATIENCE_S = 60.0
TRAFFIC, INSIDE = 'traffic', 'inside'


@dataclass(frozen=True, slots=True)
class Stage:
    """Processes that are ready to be measured.

    Attributes:
        crew: The processes.
        speaker: Name of the one that is told what to do.
        measured: Name of the one whose processor time and memory count.
    """

    crew: Crew
    speaker: str
    measured: str

    def one_by_one(self, frames: int) -> Run:
        """Send frames, each when the last one was answered."""
        return self._run(f'each {frames}', PATIENCE_S)

    def back_to_back(self, seconds: float) -> Run:
        """Call a part of the node without a pause."""
        return self._run(f'for {seconds:g}', seconds + PATIENCE_S)

    def at_rate(self, rate: float, seconds: float) -> Run:
        """Send frames of each camera at a rate [Hz]."""
        return self._run(f'play {rate:g} {seconds:g}', seconds + PATIENCE_S)

    def engine(self) -> dict[str, str]:
        """Return engine, device and precision that really answer; empty if nobody says."""
        self.crew.say(self.speaker, 'engine')
        told = self.crew.wait_for(self.speaker, 'engine', timeout=PATIENCE_S).details
        return {key: told[key] for key in ('engine', 'device', 'precision') if key in told}

    def memory(self) -> dict[str, float]:
        """Return peak and anonymous memory of the measured process [MB]."""
        pid = self.crew.pid(self.measured)
        return {
            'peak_memory_mb': peak_memory_mb(pid),
            'anonymous_memory_mb': anonymous_memory_mb(pid),
        }

    def _run(self, words: str, timeout: float) -> Run:
        pid = self.crew.pid(self.measured)
        before = cpu_seconds(pid)
        self.crew.say(self.speaker, words)
        played = self.crew.wait_for(self.speaker, 'played', timeout=timeout)
        return Run.of(played.details, cpu_seconds(pid) - before)


@contextmanager
def staged(
    scene: Scene, options: BenchmarkOptions, bundle: Path, frames: Path, logs: Path
) -> Iterator[Stage]:
    """Start the processes of a scene, wait until they are ready, and end them.

    Args:
        scene: What is measured.
        options: Engine, threads and precision.
        bundle: Folder of the bundle.
        frames: Folder with the images of the drive at the size of the scene.
        logs: Folder for what the processes say.

    Raises:
        ProcessError: If a process fails or is not ready in time.
    """
    with Crew(logs, environment(free_domain(os.getpid()))) as crew:
        if scene.is_node:
            stage = _start_node(crew, scene, parameters(scene, options, bundle), frames)
        else:
            stage = _start_inside(crew, scene, options, bundle, frames)
        crew.wait_for(stage.speaker, 'ready', timeout=START_TIMEOUT_S)
        yield stage


def camera_names(cameras: int) -> list[str]:
    """Return the names of so many cameras; a single one has none."""
    return [''] if cameras == 1 else [f'camera_{index}' for index in range(cameras)]


def parameters(scene: Scene, options: BenchmarkOptions, bundle: Path) -> dict[str, object]:
    """Return the parameters of the node."""
    return {
        'bundle': str(bundle),
        'engine': options.engine,
        'threads': options.threads,
        'precision': options.precision,
        **({'cameras': camera_names(scene.cameras)} if scene.cameras > 1 else {}),
    }


def _start_node(
    crew: Crew, scene: Scene, node_parameters: dict[str, object], frames: Path
) -> Stage:
    arguments = ['--frames', str(frames), '--timeout', f'{START_TIMEOUT_S:g}']
    arguments += ['--outputs', *(f'segmentation/{name}' for name in OUTPUTS)]
    arguments += ['--cameras', *camera_names(scene.cameras)]
    together = scene.subject == 'same_process'
    if together:
        arguments += ['--node-here', *ros_arguments(NAMESPACE, node_parameters)]
    else:
        crew.start('node', *NODE, *ros_arguments(NAMESPACE, node_parameters))
        arguments += ros_arguments(NAMESPACE, {})
    crew.start(TRAFFIC, '-m', 'seg_node.ros.drives.traffic', *arguments, may_end=True)
    return Stage(crew, TRAFFIC, TRAFFIC if together else 'node')


def _start_inside(
    crew: Crew, scene: Scene, options: BenchmarkOptions, bundle: Path, frames: Path
) -> Stage:
    arguments = ['--frames', str(frames), '--bundle', str(bundle), '--engine', options.engine]
    arguments += ['--threads', str(options.threads), '--precision', options.precision]
    module = 'seg_node.benchmark.inside'
    crew.start(INSIDE, '-m', module, scene.subject, *arguments, may_end=True)
    return Stage(crew, INSIDE, INSIDE)
