# SPDX-License-Identifier: Apache-2.0
"""The playing itself: node, player and recorder as processes, from the start to the last mask."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
import time
from typing import Any, TYPE_CHECKING

from seg_node.errors import ProcessError
from seg_node.processes import (
    await_ready,
    Crew,
    environment,
    Event,
    free_domain,
    NODE,
    ros_arguments,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seg_node.replay.live.options import LiveOptions

__all__ = ['Performance', 'Stage', 'perform']

NAMESPACE = '/live'
START_TIMEOUT_S = 90.0
# The longest time without an event that is no fault: a gap in a recording, a slow frame [s].
STUCK_S = 120.0
# After so long without an answer the last ones were lost [s].
QUIET_S = 5.0
# The node's counts are complete in the first diagnostics so long after the last answer [s].
COUNTED_S = 0.3


@dataclass(frozen=True, slots=True)
class Stage:
    """What is played, where.

    Attributes:
        bags: Recordings, one after the other.
        topic: Of the camera.
        parameters: Of the node.
        folder: For logs and for what the recorder writes.
    """

    bags: Sequence[Path]
    topic: str
    parameters: Mapping[str, Any]
    folder: Path

    @property
    def record(self) -> Path:
        """Folder of the recorder."""
        return self.folder / 'record'


@dataclass(slots=True)
class Performance:
    """What happened so far.

    Attributes:
        sent: What the player said of each image that it sent.
        damaged: Images that could not be read.
        answered: Statuses that came, one for each processed frame.
        counts: The node's last diagnostics, key to text.
    """

    sent: list[Mapping[str, Any]] = field(default_factory=list)
    damaged: int = 0
    answered: int = 0
    counts: Mapping[str, str] = field(default_factory=dict)
    last_answer: float = field(default_factory=time.monotonic)
    last_counts: float = 0.0
    last_stamp_ns: int | None = None

    def take(self, event: Event) -> None:
        """Take note of one event."""
        if event.what == 'sent':
            self.sent.append(event.details)
        elif event.what == 'damaged':
            self.damaged += 1
        elif event.what == 'record':
            self._take_record(event.details)

    def _take_record(self, details: Mapping[str, Any]) -> None:
        if details['topic'] == 'status':  # the last that is published for a frame
            self.answered += 1
            self.last_stamp_ns = details['stamp_ns']
            self.last_answer = time.monotonic()
        elif details['topic'] == 'diagnostics':
            self.last_counts = time.monotonic()
            self.counts = details['entries'][0]['values']

    def complete(self) -> bool:
        """Tell whether the last image was answered, or will not be any more."""
        here = bool(self.sent) and self.sent[-1]['stamp_ns'] == self.last_stamp_ns
        return here or time.monotonic() > self.last_answer + QUIET_S

    def counted(self) -> bool:
        """Tell whether the node has reported its counts since the last answer."""
        return self.last_counts > self.last_answer + COUNTED_S


def perform(stage: Stage, live: LiveOptions, on_sent: Callable[[], None]) -> Performance:
    """Play recordings to the node and record what it publishes.

    Args:
        stage: What is played, where.
        live: Rate and repetitions.
        on_sent: Called after each image.

    Raises:
        ProcessError: If a process fails or hangs.
    """
    logs = stage.folder / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    performance = Performance()
    with Crew(logs, environment(free_domain(os.getpid()))) as crew:
        _start(crew, stage, live)
        performance.last_answer = time.monotonic()
        crew.say('player', 'play')
        _watch(crew, performance, on_sent)
        settle(crew, performance, STUCK_S)
        crew.say('recorder', 'stop')
        crew.wait_for('recorder', 'stopped', timeout=STUCK_S)
    return performance


def _start(crew: Crew, stage: Stage, live: LiveOptions) -> None:
    """Return when the node is active, recorded and heard by the player."""
    crew.start('node', *NODE, *ros_arguments(NAMESPACE, stage.parameters))
    recorder = ['--out', str(stage.record), '--node', f'{NAMESPACE}/seg_node']
    recorder += ['--digests', '--pictures', 'mask']
    crew.start('recorder', '-m', 'seg_node.ros.drives.recorder', *recorder, may_end=True)
    player = [*(str(bag.resolve()) for bag in stage.bags), '--topic', stage.topic]
    player += ['--rate', f'{live.rate:g}', '--loops', str(live.loops)]
    player += ['--timeout', f'{START_TIMEOUT_S:g}', *ros_arguments(NAMESPACE, {})]
    crew.start('player', '-m', 'seg_node.ros.drives.bag_player', *player, may_end=True)
    for _ in await_ready(crew, {'player', 'recorder'}, START_TIMEOUT_S):
        pass


def _watch(crew: Crew, performance: Performance, on_sent: Callable[[], None]) -> None:
    """Take note of everything until the player is done."""
    for event in crew.events(STUCK_S):
        performance.take(event)
        if event.what == 'sent':
            on_sent()
        elif event.what == 'done':
            return
    msg = f'Nothing happened for {STUCK_S:g} s. {crew.last_words()}'
    raise ProcessError(msg)
