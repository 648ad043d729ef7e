# SPDX-License-Identifier: Apache-2.0
"""What killed processes leave in the shared memory is told from what is in use."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Timer
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from seg_node.ros.transport.shared_memory import (
    remove_stale,
    room,
    segment_of,
    segments,
    SHARED_MEMORY,
    stale_warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = 'fastdds_0123456789abcdef'
PARTICIPANT = """
import sys, rclpy
rclpy.init()
node = rclpy.create_node('participant')
print('ready', flush=True)
sys.stdin.readline()
"""


def leave(folder: Path, name: str = NAME, size: int = 1000) -> Path:
    """Write the two files of a segment that nobody holds."""
    segment = folder / name
    segment.write_bytes(bytes(size))
    (folder / f'{name}_el').touch()
    return segment


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A segment whose lock somebody holds, as Fast DDS does."""
    segment = leave(tmp_path, 'fastrtps_fedcba9876543210', 3_000_000)
    with (tmp_path / f'{segment.name}_el').open('rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield segment


def test_segment_is_stale_when_nobody_holds_its_lock(tmp_path: Path, held: Path) -> None:
    left = leave(tmp_path)

    found = {one.path: (one.size, one.stale) for one in segments(tmp_path)}

    assert found == {held: (3_000_000, False), left: (1000, True)}


def test_warning_counts_what_is_stale_and_names_the_remedy(tmp_path: Path, held: Path) -> None:
    assert held.exists()
    assert not stale_warning(tmp_path)
    leave(tmp_path, size=5_000_000)

    warning = stale_warning(tmp_path)

    assert f'left 1 segments of Fast DDS in {tmp_path}, 5 MB' in warning
    assert 'seg doctor --remove-stale' in warning


def test_only_stale_segments_are_removed(tmp_path: Path, held: Path) -> None:
    other = tmp_path / 'sem.other'
    other.touch()
    leave(tmp_path)

    assert remove_stale(tmp_path) == 1000

    assert set(tmp_path.iterdir()) == {held, tmp_path / f'{held.name}_el', other}


def test_segment_that_may_not_be_removed_is_left_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in /dev/shm, where everybody may remove what is his alone."""
    foreign, mine = leave(tmp_path), leave(tmp_path, 'fastdds_fedcba9876543210', 2000)
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name.startswith(foreign.name):
            raise PermissionError(errno.EPERM, 'Operation not permitted', str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, 'unlink', refuse)

    assert remove_stale(tmp_path) == 2000
    assert foreign.exists()
    assert not mine.exists()


def test_warning_says_whose_segments_another_user_cannot_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = leave(tmp_path).stat().st_uid
    assert 'belong to' not in stale_warning(tmp_path)
    monkeypatch.setattr(os, 'geteuid', lambda: 12345)

    assert f'; those that belong to user {owner} only' in stale_warning(tmp_path)


@pytest.mark.parametrize('trap', ['link', 'nothing'])
def test_segment_without_a_lock_of_its_own_is_passed_over(trap: str, tmp_path: Path) -> None:
    leave(tmp_path)
    lock = tmp_path / f'{NAME}_el'
    lock.unlink()
    if trap == 'link':
        lock.symlink_to('/etc/passwd')

    assert segments(tmp_path) == ()


def test_pipe_in_the_place_of_a_lock_makes_nobody_wait(tmp_path: Path) -> None:
    leave(tmp_path)
    lock = tmp_path / f'{NAME}_el'
    lock.unlink()
    os.mkfifo(lock)

    assert len(segments(tmp_path)) == 1


def test_missing_folder_has_neither_room_nor_segments(tmp_path: Path) -> None:
    assert room(tmp_path / 'none') is None
    assert segments(tmp_path / 'none') == ()


@pytest.mark.needs_ros
def test_segment_of_a_participant_is_found_and_is_stale_once_it_was_killed() -> None:
    process = subprocess.Popen(
        [sys.executable, '-c', PARTICIPANT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'ROS_DOMAIN_ID': '99'},
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        alive = segment_of(process.pid & 0xFFFF)
        process.send_signal(signal.SIGKILL)
    assert alive is not None
    dead = [one for one in segments() if one.path == alive.path]
    alive.path.unlink()
    alive.path.with_name(f'{alive.path.name}_el').unlink()

    assert not alive.stale
    assert [one.stale for one in dead] == [True]
    assert segment_of(process.pid & 0xFFFF) is None


@pytest.fixture
def left_in_shared_memory() -> Iterator[Path]:
    """A small segment of a process that is gone, where all look for it."""
    path = leave(SHARED_MEMORY, f'fastdds_{uuid4().hex[:16]}')
    yield path
    path.unlink(missing_ok=True)
    path.with_name(f'{path.name}_el').unlink(missing_ok=True)


@pytest.mark.needs_ros
@pytest.mark.usefixtures('left_in_shared_memory')
def test_node_warns_of_stale_segments_at_its_start() -> None:
    command = [sys.executable, '-m', 'seg_node.ros.main', '--ros-args', '-p', 'autostart:=false']
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, 'ROS_DOMAIN_ID': '99'}
    )
    with process:
        assert process.stderr is not None
        patience = Timer(30.0, process.kill)
        patience.start()
        warned = any('seg doctor --remove-stale' in line for line in process.stderr)
        patience.cancel()
        process.send_signal(signal.SIGINT)

    assert warned
