# SPDX-License-Identifier: Apache-2.0
"""A process under test that speaks JSON lines, and a ROS node of ours to talk with it."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 10.0
NUMBERS = itertools.count()


class Child:
    """``python -m <module> <arguments>`` with pipes; its events are collected as they come."""

    def __init__(self, module: str, *arguments: str, domain: int) -> None:
        """Start it in a DDS domain."""
        code = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
        self.process = subprocess.Popen(
            [sys.executable, '-m', module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONPATH': code},
        )
        self.events: list[dict[str, Any]] = []
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self.events.append(json.loads(line))

    def names(self) -> list[str]:
        """Return the names of the events so far."""
        return [event['event'] for event in self.events]

    def say(self, words: str = 'go') -> None:
        """Send a line that it waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write(f'{words}\n')
        self.process.stdin.flush()

    def abandon(self) -> None:
        """Close its stdin, as happens when the parent dies."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> tuple[int, str]:
        """Wait for its end; return exit status and what it said on stderr."""
        status = self.process.wait(TIMEOUT_S)
        self._thread.join(TIMEOUT_S)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()

    def close(self) -> None:
        """End it if it still runs, and close all pipes."""
        # Killed outright it would leave its shared memory behind, 128 MB each time.
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._thread.join(TIMEOUT_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


class Friend(Node):
    """Our node, alone in a domain, spun by the test."""

    def __init__(self, name: str) -> None:
        """Start it."""
        self.domain = 1 + (os.getpid() * 17 + next(NUMBERS)) % 100
        self.own_context = Context()
        rclpy.init(context=self.own_context, domain_id=self.domain)
        super().__init__(name, context=self.own_context)
        self.own_executor = SingleThreadedExecutor(context=self.own_context)
        self.own_executor.add_node(self)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Spin until the condition holds.

        Raises:
            AssertionError: If it does not within ten seconds.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f'Not within {TIMEOUT_S} s: {what}.'
            self.own_executor.spin_once(timeout_sec=0.02)

    def rest(self, seconds: float) -> None:
        """Spin for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.own_executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        """End it."""
        self.own_executor.remove_node(self)
        self.destroy_node()
        self.own_context.try_shutdown()
