# SPDX-License-Identifier: Apache-2.0
"""A replay on a Ray cluster of several processes on this machine."""

from __future__ import annotations

from dataclasses import replace
import json
import os
from pathlib import Path
import signal
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC, write_drive
from seg_node.cli.main import main
from seg_node.errors import BagError, SegNodeError
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.replay.record import FrameRecord
from tiny import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.replay.run import Replay, Work

pytestmark = [
    pytest.mark.needs_ray,
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    # Ray leaves sockets and files of its processes to the garbage collector
    pytest.mark.filterwarnings('ignore::ResourceWarning'),
    pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning'),
    pytest.mark.filterwarnings('ignore::FutureWarning'),
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
]

WORKER = b'ray::seg_replay'
SECONDS = 12  # so that there are several tasks


@pytest.fixture(scope='module')
def options(tmp_path_factory: pytest.TempPathFactory) -> ReplayOptions:
    """What is asked: the tiny bundle against truth, two processes."""
    bundle = tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path
    return ReplayOptions(bundle=str(bundle), truth=TruthSource(topic=TRUTH_TOPIC), workers=2)


@pytest.fixture(scope='module')
def drives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two recordings."""
    folder = tmp_path_factory.mktemp('drives')
    return [write_drive(folder / f'{seed}', 10 * SECONDS, seed=seed) for seed in range(2)]


@pytest.fixture(scope='module')
def alone(
    drives: list[Path], options: ReplayOptions, tmp_path_factory: pytest.TempPathFactory
) -> Replay:
    """The same in one process."""
    from seg_node.replay.run import replay  # noqa: PLC0415  # needs rosbags

    return replay(drives, tmp_path_factory.mktemp('alone'), replace(options, workers=1))


def on_cluster(bags: list[Path], out: Path, options: ReplayOptions) -> Replay:
    """Replay on a cluster of this machine."""
    from seg_node.replay.run import replay  # noqa: PLC0415  # needs rosbags
    from seg_node.replay.scale.ray_cluster import LOCAL, on_ray  # noqa: PLC0415  # needs ray

    return replay(bags, out, options, run_tasks=on_ray(LOCAL))


def timeless(done: Replay) -> list[dict[str, object]]:
    """Return all frames without their times."""
    lines = (done.out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    return [FrameRecord.from_json(line).timeless() for line in lines]


def counts(done: Replay) -> list[object]:
    """Return all sums, of each bag and of all."""
    return [done.data['sums'], *(bag['sums'] for bag in done.data['bags'])]


class Killer:
    """Kills one worker of a cluster that this process has started, once it is at work."""

    def __init__(self) -> None:
        """Lie in wait."""
        self.killed: list[int] = []
        self._enough = Event()
        self._thread = Thread(target=self._wait, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up."""
        self._enough.set()
        self._thread.join()

    def _wait(self) -> None:
        while not self._enough.wait(0.01):
            for process in ours():
                if WORKER in read(process / 'cmdline'):
                    os.kill(int(process.name), signal.SIGKILL)
                    self.killed.append(int(process.name))
                    return


def ours() -> Iterator[Path]:
    """Yield the processes that descend from this one."""
    numbered = [path for path in Path('/proc').iterdir() if path.name.isdecimal()]
    states = {process: read(process / 'stat').rpartition(b')')[2].split() for process in numbered}
    parents = {process: int(fields[1]) for process, fields in states.items() if fields}
    for process in parents:
        above = process
        while above in parents and above.name != str(os.getpid()):
            above = Path('/proc') / str(parents[above])
        if above.name == str(os.getpid()):
            yield process


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended
        return b''


def test_a_cluster_gives_the_results_of_one_process(
    drives: list[Path], options: ReplayOptions, alone: Replay, tmp_path: Path
) -> None:
    from seg_node.replay.run import Replay  # noqa: PLC0415  # needs rosbags

    out = tmp_path / 'out'
    words = ['--bundle', options.bundle, '--truth-topic', TRUTH_TOPIC, '--out', str(out)]

    status = main(['replay', *map(str, drives), *words, '--ray', 'local', '--workers', '2'])

    assert status == 0
    done = Replay(out, json.loads((out / 'replay.json').read_text(encoding='utf-8')))
    assert counts(done) == counts(alone)
    assert timeless(done) == timeless(alone)
    assert len(timeless(done)) == 2 * 10 * SECONDS
    assert not (out / 'journal').exists()


def test_a_worker_that_is_killed_midway_changes_nothing(
    drives: list[Path], options: ReplayOptions, alone: Replay, tmp_path: Path
) -> None:
    killer = Killer()
    try:
        done = on_cluster(drives, tmp_path / 'out', options)
    finally:
        killer.stop()

    assert len(killer.killed) == 1
    assert counts(done) == counts(alone)
    assert timeless(done) == timeless(alone)


@pytest.mark.slow
def test_an_error_of_a_task_comes_back_as_it_is(options: ReplayOptions, tmp_path: Path) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415  # needs rosbags
    from seg_node.replay.scale.ray_cluster import LOCAL, on_ray  # noqa: PLC0415  # needs ray

    drive = write_drive(tmp_path / 'drive', 10)
    gone = replace(options, truth=None)

    def lose(work: Work) -> None:
        next(drive.glob('*.mcap')).unlink()
        on_ray(LOCAL)(work)

    with pytest.raises(BagError, match='cannot be read'):
        replay([drive], tmp_path / 'out', gone, run_tasks=lose)


def test_an_address_without_a_cluster_is_refused(
    drives: list[Path], options: ReplayOptions, tmp_path: Path
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415  # needs rosbags
    from seg_node.replay.scale.ray_cluster import on_ray  # noqa: PLC0415  # needs ray

    with pytest.raises(SegNodeError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        replay(drives, tmp_path / 'out', options, run_tasks=on_ray('127.0.0.1:1'))
