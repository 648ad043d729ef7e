# SPDX-License-Identifier: Apache-2.0
"""What a replay does with a folder that was used before."""

from __future__ import annotations

from dataclasses import replace
import errno
from typing import Any, TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC, write_drive
from seg_node.errors import ParameterError
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.replay.outputs import BagOutputs
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

FRAMES = 4


@pytest.fixture(scope='module')
def options(tmp_path_factory: pytest.TempPathFactory) -> ReplayOptions:
    """A replay with truth."""
    bundle = tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny')
    return ReplayOptions(str(bundle.path), truth=TruthSource(topic=TRUTH_TOPIC))


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with truth."""
    return write_drive(tmp_path_factory.mktemp('drives') / 'drive', FRAMES)


def run(bag: Path, out: Path, options: ReplayOptions) -> tuple[Replay, list[int]]:
    """Replay; return the result and how far it was told to be."""
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    steps: list[int] = []
    return replay([bag], out, options, on_progress=lambda done, _: steps.append(done)), steps


def test_finished_replay_is_not_done_again(
    drive: Path, tmp_path: Path, options: ReplayOptions
) -> None:
    first, _ = run(drive, tmp_path, options)
    written = (tmp_path / 'frames.jsonl').stat().st_mtime_ns

    again, steps = run(drive, tmp_path, replace(options, workers=2))

    assert steps == [FRAMES]
    assert (tmp_path / 'frames.jsonl').stat().st_mtime_ns == written
    assert again.data['sums'] == first.data['sums']


def test_finished_replay_is_done_again_where_an_output_is_gone(
    drive: Path, tmp_path: Path, options: ReplayOptions
) -> None:
    wishes = replace(options, sinks=('labelled',), labelled=BagOutputs(('mask',)))
    run(drive, tmp_path, wishes)
    metadata = tmp_path / 'labelled' / 'drive' / 'metadata.yaml'

    assert run(drive, tmp_path, wishes)[1] == [FRAMES]
    metadata.unlink()
    run(drive, tmp_path, wishes)

    assert metadata.exists()


def test_finished_replay_of_other_options_is_kept(
    drive: Path, tmp_path: Path, options: ReplayOptions
) -> None:
    run(drive, tmp_path, options)
    before = (tmp_path / 'replay.json').read_bytes()

    with pytest.raises(ParameterError, match='holds a finished replay of other bags'):
        run(drive, tmp_path, replace(options, flicker=False))

    assert (tmp_path / 'replay.json').read_bytes() == before


def test_folder_of_a_command_that_was_refused_can_be_used(
    drive: Path, tmp_path: Path, options: ReplayOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = replace(options, sinks=('labelled',), labelled=BagOutputs(('masks',)))
    with pytest.raises(ParameterError, match='masks'):
        run(drive, tmp_path, wishes)
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr('seg_node.replay.run.run_here', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(drive, tmp_path, replace(options, flicker=False))

    assert run(drive, tmp_path, options)[0].data['frames'] == FRAMES


def test_disk_that_is_full_at_the_end_is_told_and_the_replay_goes_on(
    drive: Path, tmp_path: Path, options: ReplayOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr('seg_node.replay.run.put_together', full)
        with pytest.raises(ParameterError, match=r'No space left on device\. Free space'):
            run(drive, tmp_path, options)

    assert run(drive, tmp_path, options)[1] == [FRAMES]
