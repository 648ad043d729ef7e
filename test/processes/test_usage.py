# SPDX-License-Identifier: Apache-2.0
"""What processes use, against what they know of themselves."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

import pytest

from seg_node.errors import ProcessError
from seg_node.processes import anonymous_memory_mb, cpu_seconds, peak_memory_mb

MB = 1 << 20


def test_cpu_time_of_another_process_grows_while_it_works_and_not_while_it_sleeps() -> None:
    program = (
        'import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ntime.sleep(9)'
    )
    with subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        worked = cpu_seconds(process.pid)
        time.sleep(0.1)
        slept = cpu_seconds(process.pid)
        process.kill()

    assert 0.2 <= worked < 2.0
    assert slept - worked < 0.05


def test_cpu_time_is_what_the_process_itself_is_told() -> None:
    before, ours, after = time.process_time(), cpu_seconds(os.getpid()), time.process_time()

    assert before <= ours <= after


def test_memory_counts_what_was_written_to() -> None:
    before = anonymous_memory_mb(os.getpid())
    block = bytearray(os.urandom(64 * MB))
    after = anonymous_memory_mb(os.getpid())
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    assert len(block) == 64 * MB
    assert after - before == pytest.approx(64, abs=70)
    assert after - before > 60
    assert peak_memory_mb(os.getpid()) == pytest.approx(largest, rel=0.02)
    assert peak_memory_mb(os.getpid()) >= after


@pytest.mark.parametrize('ask', [cpu_seconds, peak_memory_mb, anonymous_memory_mb])
def test_a_process_that_is_gone_is_an_error_that_says_so(ask: object) -> None:
    assert callable(ask)
    gone = subprocess.Popen([sys.executable, '-c', ''])
    gone.wait()

    with pytest.raises(ProcessError, match='it has ended'):
        ask(gone.pid)
