# SPDX-License-Identifier: Apache-2.0
"""Nodes in processes of their own, each with its cameras, that take turns."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
from statistics import median
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.benchmark.run import Run
from seg_node.processes import (
    cpu_seconds,
    Crew,
    environment,
    free_domain,
    ros_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

__all__ = ['Rival', 'Spent', 'Turns', 'taking_turns']

MEASURED_NODE = str(Path(__file__).parents[2] / 'measured_node.py')
START_TIMEOUT_S = 120.0
RUN_TIMEOUT_S = 120.0
WARM_UP = 2
"""Frames at the begin of a turn that do not count: a camera never pauses for the turns of others,
which leave nothing of this node in the processor's caches."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A node that is measured.

    Attributes:
        arguments: Of ``measured_node.py``: kind and options.
        outputs: Relative topics that are watched; a frame is done when all have come.
        frames: Folder of the images that its camera sends.
        parameters: Of the node, by name.
        count: Frames of a turn that count, each sent when the last was done.
    """

    arguments: Sequence[str]
    outputs: Sequence[str]
    frames: Path
    parameters: Mapping[str, object] = field(default_factory=dict)
    count: int = 16


@dataclass(slots=True)
class Spent:
    """Processor time of a node's process per frame [ms], one value per turn.

    Attributes:
        total: All of it.
        network: Of the network.
        post: Of the post-processing.
        fill: Of turning probabilities into bytes, where that is a step of its own.
        latency: Median time from an image to its last output.
    """

    total: list[float] = field(default_factory=list)
    network: list[float] = field(default_factory=list)
    post: list[float] = field(default_factory=list)
    fill: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)

    def around(self) -> list[float]:
        """Return what is neither network nor post-processing, of each turn."""
        parts = zip(self.total, self.network, self.post, strict=True)
        return [total - network - post for total, network, post in parts]

    def medians(self) -> dict[str, float]:
        """Return medians over the turns; ``around`` is what is neither network nor post."""
        around = self.around()
        bare = [one - fill for one, fill in zip(around, self.fill, strict=True)]
        return {
            'cpu_ms': median(self.total),
            'network_ms': median(self.network),
            'post_ms': median(self.post),
            'around_ms': median(around),
            'around_without_fill_ms': median(bare),
            'latency_ms': median(self.latency),
        }


class Turns:
    """Rivals that are ready, in one domain and a namespace each."""

    def __init__(self, crew: Crew, rivals: Mapping[str, Rival], folder: Path) -> None:
        """Remember them, and a folder for their label maps."""
        self._crew = crew
        self._rivals = rivals
        self._folder = folder

    def equal_labels(self, one: str, other: str) -> float:
        """Return the share of equal labels on the first frame; to be asked before any turn."""
        return float((self._first_labels(one) == self._first_labels(other)).mean())

    def _first_labels(self, name: str) -> npt.NDArray[np.uint8]:
        self._play(name, 1)
        file = self._folder / f'{name}.npy'
        self._ask(name, f'labels {file}')
        labels: npt.NDArray[np.uint8] = np.load(file)
        return labels

    def take(self, rounds: int) -> dict[str, Spent]:
        """Let each send its frames, one rival after the other, some rounds after a first one."""
        spent = {name: Spent() for name in self._rivals}
        for turn in range(rounds + 1):
            for name in self._rivals:
                self._turn(name, spent[name] if turn else Spent())
        return spent

    def _turn(self, name: str, spent: Spent) -> None:
        self._play(name, WARM_UP)
        pid = self._crew.pid(name)
        before, cpu = self._ask(name, 'spent'), cpu_seconds(pid)
        details = self._play(name, self._rivals[name].count)
        run = Run.of(details, cpu_seconds(pid) - cpu)
        after = self._ask(name, 'spent')
        frames = run.sent
        spent.total.append(1e3 * run.cpu / frames)
        for part in ('network', 'post', 'fill'):
            used = after[f'{part}_s'] - before[f'{part}_s']
            getattr(spent, part).append(1e3 * used / frames)
        spent.latency.append(1e3 * median(run.latencies))

    def _play(self, name: str, frames: int) -> Mapping[str, Any]:
        """Send frames one by one; nobody knows how much work a lost one was, so none may be."""
        self._crew.say(f'{name}_traffic', f'each {frames}')
        played = self._crew.wait_for(f'{name}_traffic', 'played', timeout=RUN_TIMEOUT_S).details
        lost = played['sent'] - len(played['latencies_s'])
        assert not lost, f'{name} did not answer {lost} of {played["sent"]} frames: no timing'
        return played

    def _ask(self, name: str, words: str) -> Mapping[str, float]:
        self._crew.say(name, words)
        return self._crew.wait_for(name, 'spent', timeout=RUN_TIMEOUT_S).details


@contextmanager
def taking_turns(rivals: Mapping[str, Rival], logs: Path) -> Iterator[Turns]:
    """Start the rivals and their cameras, and end them afterwards.

    Args:
        rivals: By name, which is the namespace of each too.
        logs: Folder for what the processes say, and their label maps.
    """
    with Crew(logs, environment(free_domain(os.getpid()))) as crew:
        for name, rival in rivals.items():
            ros = ros_arguments(f'/{name}', rival.parameters)
            crew.start(name, MEASURED_NODE, *rival.arguments, *ros)
            arguments = ['--frames', str(rival.frames), '--outputs', *rival.outputs]
            arguments += [
                '--reliable',
                '--timeout',
                f'{START_TIMEOUT_S:g}',
                *ros_arguments(f'/{name}', {}),
            ]
            crew.start(
                f'{name}_traffic', '-m', 'seg_node.ros.drives.traffic', *arguments, may_end=True
            )
            crew.wait_for(f'{name}_traffic', 'ready', timeout=START_TIMEOUT_S)
        yield Turns(crew, rivals, logs)
