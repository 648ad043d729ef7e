# SPDX-License-Identifier: Apache-2.0
"""Node and camera as processes that a test may kill."""

from __future__ import annotations

from contextlib import suppress
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time
from typing import Any, TYPE_CHECKING

from endurance.memory import holdings
from seg_node.processes import NODE, ros_arguments
from seg_node.ros.transport.shared_memory import segments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from endurance.memory import Holdings

__all__ = ['CameraProcess', 'NodeProcess']

CAMERA = Path(__file__).with_name('camera.py')
PATIENCE_S = 20.0
SEGMENT = re.compile(r'/(fast(?:dds|rtps)_[0-9a-f]{16})$', re.MULTILINE)


class Process:
    """A program with a log file and a stdin that we hold."""

    def __init__(self, log: Path, environment: Mapping[str, str], *command: str) -> None:
        """Start it."""
        self.log = log
        self.begun = time.monotonic()
        self._mapped: set[str] = set()
        with log.open('w', encoding='utf-8') as stream:
            self.popen = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if command[0] == str(CAMERA) else stream,
                stderr=stream,
                text=True,
                env=dict(environment),
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None

    def said(self) -> str:
        """Return its log so far."""
        return self.log.read_text(encoding='utf-8', errors='replace')

    def hold(self) -> Holdings:
        """Return what the process holds now."""
        return holdings(self.pid)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status.

        Raises:
            subprocess.TimeoutExpired: If it does not end.
        """
        self._mapped = mapped_segments(self.pid)
        self.popen.send_signal(number)
        status = self.popen.wait(PATIENCE_S)
        self._close_pipes()
        return status

    def left_behind(self) -> list[Path]:
        """Return the shared memory that it had in use and that nobody owns now."""
        return [one.path for one in segments() if one.stale and one.path.name in self._mapped]

    def close(self) -> None:
        """End it if it still runs."""
        if self.running:
            try:
                self.signal(signal.SIGINT)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
        self._close_pipes()
        for path in self.left_behind():
            path.unlink(missing_ok=True)
            path.with_name(f'{path.name}_el').unlink(missing_ok=True)

    def _close_pipes(self) -> None:
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class NodeProcess(Process):
    """The node under test."""

    def __init__(
        self,
        log: Path,
        environment: Mapping[str, str],
        parameters: Mapping[str, object],
        *,
        namespace: str = '/',
        program: tuple[str, ...] = NODE,
    ) -> None:
        """Start it."""
        super().__init__(log, environment, *program, *ros_arguments(namespace, parameters))

    @property
    def active(self) -> bool:
        """Whether it has said so."""
        return 'inactive -> active' in self.said()


class CameraProcess(Process):
    """See ``camera.py``."""

    def __init__(self, log: Path, environment: Mapping[str, str], *words: str) -> None:
        """Start it."""
        super().__init__(log, environment, str(CAMERA), *words)
        self.rate = 30.0

    def set(self, **words: Any) -> None:
        """Change what it does from the next image on."""
        self.rate = words.get('rate', self.rate)
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(words) + '\n')
        self.popen.stdin.flush()

    def ask(self) -> dict[str, float]:
        """Return how many images were ``sent``, and when it ``began``; see ``camera.py``."""
        assert self.popen.stdout is not None
        self.set(say=True)
        return dict(json.loads(self.popen.stdout.readline()))


def mapped_segments(pid: int) -> set[str]:
    """Return the names of the shared memory of Fast DDS that a process has in use."""
    maps = (Path('/proc') / str(pid) / 'maps').read_text(encoding='utf-8')
    return set(SEGMENT.findall(maps))


def tail(text: str, lines: int = 20) -> str:
    """Return the last lines of a log."""
    return os.linesep.join(text.splitlines()[-lines:])
