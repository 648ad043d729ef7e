# SPDX-License-Identifier: Apache-2.0
"""What happens to the process of the node: signals at any moment, a namesake, a full disk."""

from __future__ import annotations

from contextlib import contextmanager
import resource
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from endurance.conftest import MakeStage
    from endurance.stage import Stage

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SIZE = (360, 640)
END_S = 5.0
"""While it loads libraries, on a busy machine; ``test_process.py`` asks for less."""
LONGEST_LIFE_S = 4.0
"""It takes about two seconds until it is active, so half of the signals come before."""
RESTARTS = 30
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)


@pytest.fixture(scope='module')
def filmed(make_stage: MakeStage) -> Stage:
    """Return a stage with a camera, and no node."""
    stage = make_stage()
    stage.start_camera(name='front', rate=30, size=SIZE)
    return stage


@pytest.fixture
def stage(filmed: Stage) -> Iterator[Stage]:
    """Give the same; afterwards its nodes are ended, and nothing was said wrongly."""
    yield filmed
    for process in filmed.processes:
        if process is not filmed.camera:
            process.close()
    assert not filmed.consumer.heard.faults, filmed.consumer.heard.faults[:5]


def end_and_restart(stage: Stage, number: signal.Signals, life: float) -> None:
    """End a node that was just started after a while, and check both the end and the restart."""
    node = stage.node
    time.sleep(life)
    begun = time.monotonic()
    status = node.signal(number)
    took, where = time.monotonic() - begun, f'{number.name} after {life:.2f} s'
    if status == -number:  # before our `main` runs, nothing can catch the signal
        assert number == signal.SIGKILL or ', in main' not in node.said(), node.said()
    else:
        assert status == 0, f'{where}: {status}\n{node.said()}'
        assert 'Traceback' not in node.said(), where
        assert took < END_S, where
        assert node.left_behind() == [], where
    stage.start_node()
    stage.until_active()
    stage.until_masks()
    stage.check_counts()
    if node.left_behind():
        assert 'Processes that were killed left' in stage.node.said(), where
    node.close()
    stage.node.close()


def test_node_that_was_killed_starts_again(stage: Stage) -> None:
    stage.start_node()
    stage.until_active()
    end_and_restart(stage, signal.SIGKILL, 0.5)


@pytest.mark.slow
def test_node_ends_at_any_moment_and_starts_again(stage: Stage) -> None:
    rng = np.random.default_rng(1)
    for number in rng.integers(len(ENDINGS), size=RESTARTS):
        stage.start_node()
        end_and_restart(stage, ENDINGS[number], rng.uniform(0.0, LONGEST_LIFE_S))


def test_namesake_does_no_harm_while_it_is_there_or_when_it_is_killed(stage: Stage) -> None:
    stage.consumer.twins = True
    first = stage.start_node()
    stage.until_active()
    second = stage.start_node()
    stage.until_active()
    stage.until_masks()

    second.signal(signal.SIGKILL)

    stage.until_masks()
    assert first.running
    second.close()
    stage.only(first)
    stage.until_masks()
    stage.check_counts()


@contextmanager
def full_disk(_: Stage, folder: Path) -> Iterator[None]:
    """Make a disk of half a megabyte of the folder; skip the test where that is not allowed."""
    mount = shutil.which('mount')
    command = [str(mount), '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', str(folder)]
    if mount is None or subprocess.run(command, check=False).returncode:
        pytest.skip('mount is not there, or not allowed to make a tmpfs')
    try:
        yield
    finally:
        subprocess.run([str(shutil.which('umount')), str(folder)], check=True)


@contextmanager
def quota(stage: Stage, _: Path) -> Iterator[None]:
    """Let the node write no file above half a megabyte."""
    before = resource.prlimit(stage.node.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stage.node.pid, resource.RLIMIT_FSIZE, (512_000, before[1]))
    try:
        yield
    finally:
        resource.prlimit(stage.node.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('shortage', [full_disk, quota])
def test_snapshot_without_room_fails_with_a_sentence_and_leaves_nothing(
    shortage: Callable[[Stage, Path], AbstractContextManager[None]], stage: Stage, tmp_path: Path
) -> None:
    stage.start_node(snapshot_dir=str(tmp_path))
    stage.until_active()
    stage.until_masks()

    with shortage(stage, tmp_path):
        successful, words = save_snapshot(stage)
        assert not successful
        assert 'could not be written' in words
        assert 'snapshot_dir' in words
        assert list(tmp_path.iterdir()) == []
    stage.until_masks()

    assert save_snapshot(stage)[0]
    stage.until_masks()
    stage.check_counts()


def save_snapshot(stage: Stage) -> tuple[bool, str]:
    """Call the service; return whether it says that it was done, and its words."""
    from std_srvs.srv import Trigger  # noqa: PLC0415

    answer = stage.consumer.call(Trigger, '/seg_node/save_snapshot', Trigger.Request())
    return answer.success, answer.message
