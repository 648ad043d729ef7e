# SPDX-License-Identifier: Apache-2.0
"""Builds an engine in a process of its own: it may take minutes, memory and crashes with it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import json
import os
import select
import signal
import subprocess
import sys
from threading import Lock
import time
from typing import Any, TYPE_CHECKING

from seg_node.engines.standby.backend import GpuError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seg_node.engines.standby.backend import GpuPlan

__all__ = ['BuildJob', 'BuildProcess']

CHILD = 'seg_node.engines.standby.build_child'
LOG_LINES = 5
CHUNK = 1 << 16
END_S = 10.0
"""A builder that has told its result may take so long to end."""


@dataclass(frozen=True, slots=True)
class BuildJob:
    """What to build.

    Attributes:
        backend: ``'module:class'`` of the ``GpuBackend``.
        bundle: Folder of the bundle.
        plan: How.
    """

    backend: str
    bundle: Path
    plan: GpuPlan

    def to_json(self) -> str:
        """Return the argument of the child."""
        return json.dumps(
            {
                'backend': self.backend,
                'bundle': str(self.bundle),
                'plan': self.plan.to_dict(),
                'parent': os.getpid(),
            }
        )


class BuildProcess:
    """One run of the builder; ``end`` may come from any thread."""

    def __init__(self, job: BuildJob, patience: float) -> None:
        """Prepare; nothing is started yet.

        Args:
            job: What to build.
            patience: Without progress for so long, the builder is ended [s].
        """
        self._job = job
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._ended = False
        self._log: deque[str] = deque(maxlen=LOG_LINES)

    def run(self, on_progress: Callable[[float], None]) -> None:
        """Build, and return when the engine is there.

        The process ends with the thread that calls this.

        Args:
            on_progress: Called with the share that is done, 0 to 1.

        Raises:
            GpuError: If it failed, was ended, or made no progress.
        """
        process = self._start()
        try:
            result = self._follow(process, on_progress)
        except GpuError:
            process.kill()
            raise
        finally:
            status = _wait(process)
        if result is None:
            raise self._died(status)
        if result['event'] == 'failed':
            text = str(result['text'])
            raise GpuError(text + self._said(unless=text), result['kind'])

    def end(self) -> None:
        """End the process if it runs, and keep it from starting if not."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                msg = 'The builder was ended before it began.'
                raise GpuError(msg, 'killed')
            try:
                self._process = subprocess.Popen(  # noqa: S603  # our own module
                    [sys.executable, '-m', CHILD, self._job.to_json()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for this process, which ends that one
                )
            except OSError as err:
                msg = f'The builder cannot be started: {err}.'
                raise GpuError(msg, 'memory') from err
            return self._process

    def _follow(
        self, process: subprocess.Popen[bytes], on_progress: Callable[[float], None]
    ) -> dict[str, Any] | None:
        """Return the last event; None if the process ended without one."""
        for event in self._events(process):
            if event['event'] == 'progress':
                on_progress(float(event['share']))
            else:
                return event
        return None

    def _events(self, process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
        """Yield what the process tells until its output ends."""
        assert process.stdout is not None  # noqa: S101  # asked for above
        pipe, rest = process.stdout.fileno(), b''
        deadline = time.monotonic() + self._patience
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            if not select.select([pipe], [], [], left)[0]:
                msg = f'The builder made no progress for {self._patience:g} s and was ended.'
                raise GpuError(msg, 'stalled')
            chunk = os.read(pipe, CHUNK)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b'\n')
            for event in filter(None, map(self._event, lines)):
                deadline = time.monotonic() + self._patience
                yield event

    def _event(self, line: bytes) -> dict[str, Any] | None:
        """Return the event of a line; what is none goes into the log."""
        text = line.decode(errors='replace').strip()
        if text.startswith('{"event": '):
            event: dict[str, Any] = json.loads(text)
            return event
        if text:
            self._log.append(text)
        return None

    def _said(self, unless: str = '') -> str:
        """Return the last line of the log as a sentence, if it is not in a text already."""
        last = self._log[-1] if self._log else ''
        return f' It said last: {last}' if last and last not in unless else ''

    def _died(self, status: int) -> GpuError:
        said = self._said()
        if status >= 0:
            return GpuError(f'The builder ended with status {status}.{said}', 'refused')
        name = signal.Signals(-status).name
        hint = ' The system does that when memory runs out.' if status == -signal.SIGKILL else ''
        return GpuError(f'The builder was ended by {name}.{hint}{said}', 'killed')


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the exit status, by force if need be."""
    try:
        return process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        if process.stdout:
            process.stdout.close()
