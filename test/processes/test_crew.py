# SPDX-License-Identifier: Apache-2.0
"""Processes that behave, and processes that do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from seg_node.errors import ProcessError
from seg_node.processes import Crew
from seg_node.processes import crew as crew_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEP = 'import time; time.sleep(60)'
DEAF = 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN);'
DEAF += 'signal.signal(signal.SIGTERM, signal.SIG_IGN); print(\'{"event": "up"}\', flush=True);'
DEAF += 'time.sleep(60)'


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    with Crew(tmp_path, os.environ) as found:
        yield found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_json_lines_become_events_and_other_lines_do_not(crew: Crew) -> None:
    code = 'print("hello"); print(\'{"event": "up", "number": 7}\')'
    crew.start('talker', '-c', code, may_end=True)

    event = crew.wait_for('talker', 'up', timeout=10)

    assert (event.who, event.what, event.details) == ('talker', 'up', {'number': 7})


def test_process_hears_what_is_said(crew: Crew) -> None:
    crew.start('parrot', '-c', 'print(\'{"event": "%s"}\' % input())', may_end=True)

    crew.say('parrot', 'play 8')

    assert crew.wait_for('parrot', 'play 8', timeout=10).what == 'play 8'


def test_failure_shows_the_end_of_the_log(crew: Crew) -> None:
    crew.start('node', '-c', 'import sys; sys.stderr.write("no model\\n"); sys.exit(3)')

    with pytest.raises(ProcessError, match=r'The node ended with status 3.*\n  no model'):
        crew.wait_for('node', 'up', timeout=10)


def test_end_without_leave_is_a_failure(crew: Crew) -> None:
    crew.start('node', '-c', 'pass')

    with pytest.raises(ProcessError, match='The node ended with status 0'):
        crew.wait_for('node', 'up', timeout=10)


def test_end_with_leave_is_an_event(crew: Crew) -> None:
    crew.start('camera', '-c', 'pass', may_end=True)

    assert crew.wait_for('camera', 'ended', timeout=10).details == {'status': 0}


def test_waiting_ends_with_the_last_words_of_all(crew: Crew) -> None:
    crew.start('node', '-c', 'import sys; sys.stderr.write("well...\\n");' + SLEEP)
    time.sleep(0.5)

    with pytest.raises(
        ProcessError, match=r"not 'ready' within 0\.1 s.*The node said last:\n  well"
    ):
        crew.wait_for('node', 'ready', timeout=0.1)


def test_leaving_ends_all_processes_even_deaf_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, 'PATIENCE', dict.fromkeys(crew_module.PATIENCE, 0.2))
    with Crew(tmp_path, os.environ) as crew:
        crew.start('sleeper', '-c', SLEEP)
        crew.start('deaf', '-c', DEAF)
        crew.wait_for('deaf', 'up', timeout=10)
        pids = [process.pid for process in crew._processes.values()]

    assert not any(alive(pid) for pid in pids)


def test_error_inside_ends_all_processes(tmp_path: Path) -> None:
    pid = 0

    def fail() -> None:
        nonlocal pid
        with Crew(tmp_path, os.environ) as crew:
            crew.start('sleeper', '-c', SLEEP)
            pid = crew._processes['sleeper'].pid
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not alive(pid)


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_to_the_parent_ends_the_children(tmp_path: Path, sign: signal.Signals) -> None:
    code = (
        'import os, pathlib, sys, time; from seg_node.processes import Crew, polite_signals\n'
        'with polite_signals(), Crew(pathlib.Path(sys.argv[1]), os.environ) as crew:\n'
        f'    crew.start("sleeper", "-c", {SLEEP!r})\n'
        '    print(crew._processes["sleeper"].pid, flush=True)\n'
        '    time.sleep(60)\n'
    )
    command = [sys.executable, '-c', code, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())

        parent.send_signal(sign)
        parent.wait(10)

    assert not alive(child)
