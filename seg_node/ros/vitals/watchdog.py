# SPDX-License-Identifier: Apache-2.0
"""Is the worker still at work, and at what? Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import sys
from threading import get_ident
import time

__all__ = ['Overdue', 'Watch']

PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Overdue:
    """A frame that takes too long.

    Attributes:
        stage: Where the worker is, for example ``'segment'``.
        seconds: For how long it has been at this frame [s].
        cameras: Whose frames they are; one empty name for the only camera.
        begun: When it began with this frame, on the monotonic clock [s].
        place: File and line where the worker is inside seg_node; empty if it moved on meanwhile.
    """

    stage: str
    seconds: float
    cameras: tuple[str, ...]
    begun: float
    place: str

    def __str__(self) -> str:
        """Say it in one sentence."""
        names = ' and '.join(map(repr, filter(None, self.cameras)))
        whose = f' of {names}' if names else ''
        where = f' ({self.place})' if self.place else ''
        return (
            f'The worker has been at one frame{whose} for {self.seconds:.1f} s, in stage '
            f'{self.stage!r}{where}.'
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """What the worker does at this moment."""

    stage: str
    begun: float
    cameras: tuple[str, ...]
    thread: int


class Watch:
    """The worker says at what it is; another thread looks whether that takes too long.

    Both replace or read one reference, so that neither waits for the other.
    """

    def __init__(self) -> None:
        """Start idle."""
        self._task: _Task | None = None

    def begin(self, *cameras: str) -> None:
        """Begin with a frame of each of these cameras, in the thread that calls this."""
        self._task = _Task('begin', time.monotonic(), cameras, get_ident())

    def enter(self, stage: str) -> None:
        """Go on with the next stage of the frame that was begun."""
        task = self._task
        if task is not None:
            self._task = _Task(stage, task.begun, task.cameras, task.thread)

    def end(self) -> None:
        """End the frame."""
        self._task = None

    def overdue(self, limit: float) -> Overdue | None:
        """Return the frame at hand if it takes longer than ``limit`` [s]; 0 sets no limit."""
        task = self._task
        if task is None or not limit:
            return None
        seconds = time.monotonic() - task.begun
        if seconds <= limit:
            return None
        return Overdue(task.stage, seconds, task.cameras, task.begun, _place(task.thread))


def _place(thread: int) -> str:
    """Return file and line of the innermost function of seg_node that a thread is in."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  # documented; there is no other way
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(PACKAGE):
            name = file.relative_to(PACKAGE.parent).as_posix()
            return f'{name}, line {frame.f_lineno}, {frame.f_code.co_name}'
        frame = frame.f_back
    return ''
