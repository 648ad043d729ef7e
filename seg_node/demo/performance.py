# SPDX-License-Identifier: Apache-2.0
"""The run itself: node, camera and recorder as processes, from the start to the last mask."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from statistics import median
import time
from typing import Any, TYPE_CHECKING

from seg_node.errors import ProcessError
from seg_node.processes import (
    await_counts,
    await_ready,
    Crew,
    environment,
    Event,
    free_domain,
    NODE,
    polite_signals,
    ros_arguments,
    settle,
)
from seg_node.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .options import DemoOptions
    from .reel import Reel

__all__ = ['Performance', 'node_arguments', 'perform']

NAMESPACE = '/demo'
CAMERA_FRAME = 'demo_camera'
START_TIMEOUT_S = 60.0
# The slowest frame anyone would wait for, on a laptop and with the CRF [s].
STUCK_S = 30.0
# After so long without an answer the last ones were lost [s].
QUIET_S = 5.0
# The node's counts are complete in the first diagnostics so long after the last answer [s].
COUNTED_S = 0.3
REHEARSALS = 6
# An image that is not answered within this time was lost [s].
ANSWER_S = 10.0
# Of the time that a frame takes, so that a slower one now and then does not cost the next.
USED_SHARE = 0.75
# The same where some frames, and maybe not the one that is rehearsed, are refined by the CRF.
USED_SHARE_WITH_CRF = 0.5
DIAGNOSTICS_PERIOD_S = 0.5


@dataclass(slots=True)
class Performance:
    """What happened so far.

    Attributes:
        rehearsed: Stamps of images that were sent before the drive, to try the node [ns].
        sent: Name and stamp [ns] of each image of the drive.
        masks: Stamps of the masks that came back [ns].
        counts: The node's diagnostics after the rehearsal, key to text: what it counted so far is
            no part of the drive.
        rate: At which the drive was played [Hz].
    """

    rehearsed: set[int] = field(default_factory=set)
    sent: list[tuple[str, int]] = field(default_factory=list)
    masks: set[int] = field(default_factory=set)
    counts: Mapping[str, str] = field(default_factory=dict)
    rate: float = 0.0
    answered: set[int] = field(default_factory=set)
    diagnostics: Mapping[str, str] = field(default_factory=dict)
    last_answer: float = field(default_factory=time.monotonic)
    last_diagnostics: float = 0.0

    def take(self, event: Event) -> None:
        """Take note of one event."""
        details = event.details
        if event.what == 'rehearsed':
            self.rehearsed.add(details['stamp_ns'])
        elif event.what == 'sent':
            self.sent.append((details['name'], details['stamp_ns']))
        elif event.what == 'record':
            self._take_record(details)

    def _take_record(self, details: Mapping[str, Any]) -> None:
        if details['topic'] == 'mask':
            self.masks.add(details['stamp_ns'])
        elif details['topic'] == 'status':  # the last that is published for a frame
            self.answered.add(details['stamp_ns'])
            self.last_answer = time.monotonic()
        elif details['topic'] == 'diagnostics':
            self.last_diagnostics = time.monotonic()
            self.diagnostics = details['entries'][0]['values']

    def complete(self) -> bool:
        """Tell whether the last image was answered, or will not be any more."""
        here = bool(self.sent) and self.sent[-1][1] in self.answered
        return here or time.monotonic() > self.last_answer + QUIET_S

    def counted(self) -> bool:
        """Tell whether the node has reported its counts since the last answer."""
        return self.last_diagnostics > self.last_answer + COUNTED_S


def perform(
    options: DemoOptions, bundle: Path, reel: Reel, record: Path, logs: Path
) -> Performance:
    """Play the reel to the node and record what comes out.

    Args:
        options: Rate, engine and CRF.
        bundle: Folder of the bundle.
        reel: What is played.
        record: Folder for the recorder.
        logs: Folder for ``node.log``, ``camera.log`` and ``recorder.log``.

    Raises:
        ProcessError: If a process fails or hangs, or not one mask comes out.
    """
    performance = Performance()
    with polite_signals(), Crew(logs, environment(free_domain(os.getpid()))) as crew:
        ready = start(crew, options, bundle, reel, record)
        for _ in progress(ready, what='starting the node', total=2, unit='process'):
            pass
        trials = rehearse(crew, performance)
        spans = list(progress(trials, what='rehearsing', total=REHEARSALS, unit='frame'))
        used = USED_SHARE_WITH_CRF if options.refines else USED_SHARE
        performance.rate = options.rate or bearable_rate(spans, options.drive_rate, used)
        performance.counts = performance.diagnostics
        what = f'playing at {performance.rate:.2g} Hz'
        for _ in progress(play(crew, performance), what=what, total=reel.frames, unit='frame'):
            pass
        settle(crew, performance, STUCK_S)
        crew.say('recorder', 'stop')
        crew.wait_for('recorder', 'stopped', timeout=STUCK_S)
        if not performance.masks - performance.rehearsed:
            msg = f'The node published no mask for the drive. {crew.last_words()}'
            raise ProcessError(msg)
    return performance


def start(
    crew: Crew, options: DemoOptions, bundle: Path, reel: Reel, record: Path
) -> Iterator[str]:
    """Start the processes; yield the name of each that is ready to play.

    The recorder is ready when the node is active and all of its outputs are matched.

    Raises:
        ProcessError: If one fails, the node reports an error, or it takes too long.
    """
    crew.start('node', *NODE, *node_arguments(options, bundle))
    recorder = ['--out', str(record), '--node', f'{NAMESPACE}/seg_node']
    crew.start('recorder', '-m', 'seg_node.ros.drives.recorder', *recorder, may_end=True)
    camera = ['--frames', str(reel.images), '--wait', '--timeout', f'{START_TIMEOUT_S:g}']
    camera += ['--frame-id', CAMERA_FRAME, '--ros-args', '-r', f'__ns:={NAMESPACE}']
    crew.start('camera', '-m', 'seg_node.ros.drives.player', *camera, may_end=True)
    yield from await_ready(crew, {'camera', 'recorder'}, START_TIMEOUT_S)


def node_arguments(options: DemoOptions, bundle: Path) -> list[str]:
    """Return the node's command line: a user would type the same after ``seg_node``."""
    parameters = {
        'bundle': str(bundle),
        'engine': options.engine,
        'crf.enabled': options.refines,
        'diagnostics_period': DIAGNOSTICS_PERIOD_S,
    }
    return ros_arguments(NAMESPACE, parameters)


def rehearse(crew: Crew, performance: Performance) -> Iterator[float]:
    """Send the first image a few times, the next when the last was answered.

    The first frames of a process are slow and say nothing about the others.

    Yields:
        How long each took until the node had published everything [s].

    Raises:
        ProcessError: If none was answered.
    """
    for _ in range(REHEARSALS):
        began = time.monotonic()
        crew.say('camera', 'once')
        for event in crew.events(ANSWER_S):
            performance.take(event)
            if performance.rehearsed and max(performance.rehearsed) in performance.answered:
                break
        yield time.monotonic() - began
    if not performance.answered:
        msg = f'The node answered none of {REHEARSALS} images. {crew.last_words()}'
        raise ProcessError(msg)
    await_counts(crew, performance)


def bearable_rate(spans: Sequence[float], wish: float, used: float) -> float:
    """Return a rate that the node keeps up with [Hz], at most ``wish``.

    Args:
        spans: How long trial frames took, in order [s].
        wish: Rate of the drive [Hz].
        used: Share of the time between two frames that they may take, 0 to 1.
    """
    return min(wish, used / median(spans[len(spans) // 2 :]))


def play(crew: Crew, performance: Performance) -> Iterator[str]:
    """Let the camera play; yield the name of each image it sent.

    Raises:
        ProcessError: If nothing happens for a long time.
    """
    crew.say('camera', f'play {performance.rate:g}')
    for event in crew.events(STUCK_S):
        performance.take(event)
        if event.what == 'sent':
            yield str(event.details['name'])
        elif event.what == 'done':
            return
    msg = f'Nothing happened for {STUCK_S:g} s. {crew.last_words()}'
    raise ProcessError(msg)
