# SPDX-License-Identifier: Apache-2.0
"""The builder as a process: what it tells, and all the ways in which it may end."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Thread
import time
from typing import TYPE_CHECKING

import pytest

from fake_gpu import FakeGpu
from seg_node.engines.standby.backend import GpuError, GpuPlan
from seg_node.engines.standby.build_process import BuildJob, BuildProcess
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.bundle import Bundle

    Say = Callable[..., None]

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

PLAN = GpuPlan((48, 64), 'fp16')
TIMEOUT_S = 20.0
PARENT = """
import sys
from pathlib import Path
from seg_node.engines.standby.build_process import BuildJob, BuildProcess
from seg_node.engines.standby.backend import GpuPlan
job = BuildJob('fake_gpu:FakeGpu', Path(sys.argv[1]), GpuPlan((48, 64), 'fp16'))
BuildProcess(job, 60.0).run(lambda share: print(share, flush=True))
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


def process_of(bundle: Bundle, patience: float = TIMEOUT_S) -> BuildProcess:
    return BuildProcess(BuildJob('fake_gpu:FakeGpu', bundle.path, PLAN), patience)


def builder_id() -> int:
    """Wait for the builder and return the id of its process."""
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    until(pids.is_file)
    return int(pids.read_text(encoding='utf-8').split()[-1])


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that has ended and waits for its parent does not."""
    try:
        stat = Path(f'/proc/{process}/stat').read_text(encoding='utf-8')
    except FileNotFoundError:
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_build_tells_its_progress_and_leaves_an_engine(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build_s=0.1)
    shares: list[float] = []

    process_of(bundle).run(shares.append)

    assert shares == [step / 20 for step in range(20)]
    assert FakeGpu().is_built(bundle, PLAN)


@pytest.mark.parametrize(
    ('fate', 'kind', 'words'),
    [
        ('memory', 'memory', 'CUDA error 2: out of memory'),
        ('refused', 'refused', 'does not know the operator Frobnicate'),
        ('spoilt', 'spoilt', 'CUDA error 700'),
        ('full', 'disk', 'No space left on device'),
        ('bug', 'refused', 'ZeroDivisionError: division by zero'),
    ],
)
def test_failure_comes_with_its_kind_and_words(
    fate: str, kind: str, words: str, fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu(build={'fp16': fate})

    with pytest.raises(GpuError, match=words) as caught:
        process_of(bundle).run(lambda _: None)

    assert caught.value.kind == kind
    assert 'It said last' not in str(caught.value)


def test_failure_comes_with_what_the_library_printed_last(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build={'fp16': 'refused'}, prints='[E] tactic 12 failed')

    with pytest.raises(GpuError, match=r'Frobnicate\. It said last: \[E\] tactic 12 failed$'):
        process_of(bundle).run(lambda _: None)


def run_in_thread(process: BuildProcess) -> tuple[Thread, list[GpuError]]:
    """Run a builder in a thread; return that, and a list for its error."""
    errors: list[GpuError] = []

    def run() -> None:
        try:
            process.run(lambda _: None)
        except GpuError as err:
            errors.append(err)

    thread = Thread(target=run)
    thread.start()
    return thread, errors


def test_builder_that_is_killed_is_reported_with_the_signal(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build={'fp16': 'hang'})
    thread, errors = run_in_thread(process_of(bundle))

    os.kill(builder_id(), signal.SIGKILL)

    thread.join(TIMEOUT_S)
    assert errors[0].kind == 'killed'
    assert 'ended by SIGKILL. The system does that when memory runs out.' in str(errors[0])


def test_builder_without_progress_is_ended(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build={'fp16': 'hang'})

    with pytest.raises(GpuError, match=r'no progress for 2 s and was ended') as caught:
        process_of(bundle, 2.0).run(lambda _: None)

    assert caught.value.kind == 'stalled'
    assert not is_alive(builder_id())


def test_end_stops_the_builder_at_once(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build={'fp16': 'hang'})
    process = process_of(bundle)
    thread, errors = run_in_thread(process)
    builder = builder_id()

    process.end()

    thread.join(2.0)
    assert not thread.is_alive()
    assert not is_alive(builder)
    assert errors


def test_builder_that_was_ended_before_it_began_never_begins(
    fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu()
    process = process_of(bundle)
    process.end()

    with pytest.raises(GpuError, match='ended before it began'):
        process.run(lambda _: None)

    assert not Path(os.environ['FAKE_GPU_PIDS']).exists()


def test_builder_ends_with_a_parent_that_is_killed(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu(build={'fp16': 'hang'})
    parent = subprocess.Popen([sys.executable, '-c', PARENT, str(bundle.path)])
    builder = builder_id()
    assert is_alive(builder)

    parent.kill()
    parent.wait()

    until(lambda: not is_alive(builder))
