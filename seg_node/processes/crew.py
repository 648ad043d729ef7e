# SPDX-License-Identifier: Apache-2.0
"""Processes of our own: started together, watched, and always ended together."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import json
from queue import Empty, SimpleQueue
import signal
import subprocess
import sys
from threading import current_thread, main_thread, Thread
import time
from typing import Any, TYPE_CHECKING

from seg_node.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

__all__ = ['Crew', 'Event', 'polite_signals']

# How long a process may take to end before the next, harder signal [s].
PATIENCE = {signal.SIGINT: 5.0, signal.SIGTERM: 2.0, signal.SIGKILL: 2.0}
TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Event:
    """What a process told.

    Attributes:
        who: Name of the process.
        what: Name of the event; ``'ended'`` when the process is gone, with its ``status``.
        details: The rest.
    """

    who: str
    what: str
    details: Mapping[str, Any]


class Crew:
    """A few processes; a context manager that leaves none behind.

    They run in sessions of their own: Ctrl-C reaches this process alone, which then ends them in
    order. Should this process be killed outright, the closed pipes tell the children.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            logs: Folder for ``<name>.log``, what each process says on stderr.
            environment: Of all processes, complete.
        """
        self._logs = logs
        self._environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._ears: dict[str, Thread] = {}
        self._mortals: set[str] = set()
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def __enter__(self) -> Self:
        """Return the crew itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all processes, the last started first; at once if Ctrl-C comes a second time."""
        try:
            for name in reversed(self._processes):
                self.end(name)
        finally:
            for name, process in self._processes.items():
                process.kill()
                self._bury(name)

    def log(self, name: str) -> Path:
        """Return the file that a process's log goes to."""
        return self._logs / f'{name}.log'

    def start(self, name: str, *arguments: str, may_end: bool = False) -> None:
        """Run this interpreter with arguments; lines of JSON on its stdout become events.

        Args:
            name: For events, logs and errors.
            arguments: Of the interpreter, for example ``'-m', 'package.module'``.
            may_end: Whether it may end by itself with status 0; otherwise that is a failure.
        """
        if may_end:
            self._mortals.add(name)
        with self.log(name).open('w', encoding='utf-8') as log:
            process = subprocess.Popen(  # noqa: S603  # our own modules
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        self._processes[name] = process
        self._ears[name] = Thread(target=self._listen, args=(name, process), daemon=True)
        self._ears[name].start()

    def pid(self, name: str) -> int:
        """Return the id of a process that was started."""
        return self._processes[name].pid

    def say(self, name: str, words: str) -> None:
        """Send a line to a process; one that is gone hears nothing."""
        stdin = self._processes[name].stdin
        with suppress(BrokenPipeError):
            if stdin is not None:
                stdin.write(f'{words}\n')
                stdin.flush()

    def events(self, patience: float) -> Iterator[Event]:
        """Yield events as they come; end when none came for ``patience`` [s].

        Raises:
            ProcessError: If a process failed; with the end of its log.
        """
        while True:
            try:
                event = self._queue.get(timeout=patience)
            except Empty:
                return
            if event.what == 'ended':
                self._mourn(event.who, event.details['status'])
            yield event

    def wait_for(self, name: str, what: str, *, timeout: float) -> Event:
        """Return the first event of that name from that process; others are passed over.

        Raises:
            ProcessError: If it does not come within ``timeout`` [s], or a process failed.
        """
        deadline = time.monotonic() + timeout
        for event in self.events(timeout):
            if (event.who, event.what) == (name, what):
                return event
            if time.monotonic() > deadline:
                break
        msg = f'The {name} was not {what!r} within {timeout:g} s. {self.last_words()}'
        raise ProcessError(msg)

    def end(self, name: str) -> int:
        """End one process, with ever harder signals, and return its exit status."""
        process = self._processes[name]
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        for sign, patience in PATIENCE.items():
            if process.poll() is not None:
                break
            process.send_signal(sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        return self._bury(name)

    def _bury(self, name: str) -> int:
        """Wait for the end of a process and close its pipes; return its exit status."""
        process = self._processes[name]
        status = process.wait()
        self._ears[name].join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        return status

    def last_words(self) -> str:
        """Return the ends of all logs, for an error message."""
        return ' '.join(
            f'The {name} said last:\n{text}\n'
            for name in self._processes
            if (text := tail(self.log(name)))
        )

    def _mourn(self, name: str, status: int) -> None:
        if status != 0 or name not in self._mortals:
            text = tail(self.log(name)) or '  (nothing)'
            msg = f'The {name} ended with status {status}; the last lines of its log:\n{text}'
            raise ProcessError(msg)

    def _listen(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            with suppress(ValueError):  # something a library printed
                details = json.loads(line)
                self._queue.put(Event(name, details.pop('event'), details))
        self._queue.put(Event(name, 'ended', {'status': process.wait()}))


@contextmanager
def polite_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP leave through the context managers, as Ctrl-C does."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    if current_thread() is not main_thread():
        yield
        return
    handlers = {sign: signal.signal(sign, leave) for sign in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for sign, handler in handlers.items():
            signal.signal(sign, handler)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a text file, indented; empty if it has none."""
    with log.open(encoding='utf-8', errors='replace') as stream:
        return '\n'.join(f'  {line.rstrip()}' for line in deque(stream, maxlen=lines))
