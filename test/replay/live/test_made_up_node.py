# SPDX-License-Identifier: Apache-2.0
"""Exit status and folder of a live replay, by what a made-up node has published."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, TYPE_CHECKING

import pytest

from replay.drives import write_drive
from seg_node.cli.main import main
from seg_node.replay.live.digests import read_digests
from seg_node.replay.record import FrameRecord
from tiny import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.replay.live.options import LiveOptions
    from seg_node.replay.live.performance import Performance, Stage

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

FRAMES = 3
ALL = (0, 1, 2)
ENGINE = 'onnxruntime'


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the tiny bundle."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A drive."""
    return str(write_drive(tmp_path_factory.mktemp('drives') / 'drive', FRAMES))


@pytest.fixture(scope='module')
def frames(
    bundle: str, drive: str, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[FrameRecord, str]]:
    """Frames of an offline replay, each with the checksum of its labels."""
    from seg_node.replay.options import ReplayOptions  # noqa: PLC0415  # needs rosbags
    from seg_node.replay.run import replay  # noqa: PLC0415

    out = tmp_path_factory.mktemp('offline')
    replay([Path(drive)], out, ReplayOptions(bundle, ENGINE, sinks=('digests',)))
    lines = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    digests = read_digests(out, 'drive')
    return [(one, digests[one.index][0]) for one in map(FrameRecord.from_json, lines)]


@dataclass(frozen=True)
class Node:
    """A node as it might be.

    Attributes:
        digest: Of its masks; None for those of the offline replay.
        engine: That it names.
        masks: Frames whose masks arrive.
        tells: Frames whose statuses arrive.
        strange: Masks that it publishes besides.
    """

    digest: str | None = None
    engine: str = ENGINE
    masks: tuple[int, ...] = ALL
    tells: tuple[int, ...] = ALL
    strange: int = 0

    def perform(self, frames: list[tuple[FrameRecord, str]], folder: Path) -> Performance:
        """Return what was sent, and write what came back."""
        from seg_node.replay.live.performance import Performance  # noqa: PLC0415

        found = Performance(counts={'received': str(FRAMES), 'processed': str(FRAMES)})
        back: list[dict[str, Any]] = []
        for at, (one, digest) in enumerate(frames):
            came = {'stamp_ns': one.stamp_ns, 'received_ns': at + 1}
            values = {'crf': 'off', 'engine': self.engine}
            found.sent.append(
                {
                    'bag': 0,
                    'pass': 0,
                    'index': one.index,
                    'stamp_ns': one.stamp_ns,
                    'log_ns': one.log_ns,
                    'sent_ns': at,
                    'late_s': 0.0,
                }
            )
            if at in self.masks:
                back.append({'topic': 'mask', **came, 'digest': self.digest or digest})
            if at in self.tells:
                back.append({'topic': 'status', **came, 'entries': [{'values': values}]})
        stranger = {'topic': 'mask', 'stamp_ns': 1, 'received_ns': 9, 'digest': 'x'}
        back += [stranger] * self.strange
        folder.mkdir(parents=True, exist_ok=True)
        lines = '\n'.join(json.dumps(one) for one in back)
        (folder / 'records.jsonl').write_text(lines, encoding='utf-8')
        return found


def pretend(
    monkeypatch: pytest.MonkeyPatch, node: Node, frames: list[tuple[FrameRecord, str]]
) -> None:
    """Let this be the node that a live replay plays to."""

    def perform(stage: Stage, live: LiveOptions, on_sent: Callable[[], None]) -> Performance:
        del live, on_sent
        return node.perform(frames, stage.record)

    monkeypatch.setattr('seg_node.replay.live.run.require_ros', lambda: None)
    monkeypatch.setattr('seg_node.replay.live.run.perform', perform)


@pytest.mark.parametrize(
    ('node', 'status', 'told'),
    [
        (Node(), 0, ''),
        (Node(digest='x'), 1, '3 of 3 masks differ from those of the offline replay'),
        (
            Node(engine='torch'),
            1,
            'None of 3 masks could be compared with the offline replay: 3 are of another engine',
        ),
        (Node(masks=(0, 1), tells=(2,)), 1, '2 are of unknown decision about the CRF'),
        (Node(tells=()), 1, 'No status came for any of 3 images'),
        (Node(masks=()), 1, 'The node answered none of 3 images'),
        (Node(strange=2), 1, '2 masks came for which no image was sent'),
    ],
)
def test_the_exit_status_is_0_only_if_masks_were_compared_and_all_are_the_offline_ones(
    *,
    node: Node,
    status: int,
    told: str,
    bundle: str,
    drive: str,
    frames: list[tuple[FrameRecord, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pretend(monkeypatch, node, frames)
    words = ['--bundle', bundle, '--engine', ENGINE, '--live', '1', '--out', str(tmp_path)]

    assert main(['replay', drive, *words]) == status

    said = capsys.readouterr()
    assert told in said.err
    assert ('each equal to the offline one, byte for byte' in said.out) == (
        status == 0 or node.strange > 0
    )


def interrupt(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Run a command and interrupt its offline replay before it is done."""
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr('seg_node.replay.run.put_together', stop)
        main(list(words))


def test_an_interrupted_offline_replay_is_not_thrown_away(
    *,
    bundle: str,
    drive: str,
    frames: list[tuple[FrameRecord, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ['replay', drive, '--bundle', bundle, '--engine', ENGINE, '--out', str(tmp_path)]
    pretend(monkeypatch, Node(), frames)
    interrupt(monkeypatch, *words)
    saved = {one: one.read_bytes() for one in (tmp_path / 'journal').iterdir()}

    assert main([*words, '--live', '1']) == 1

    assert 'holds a replay without --live' in capsys.readouterr().err
    assert {one: one.read_bytes() for one in (tmp_path / 'journal').iterdir()} == saved
    assert not (tmp_path / 'live').exists()


def test_an_interrupted_live_replay_may_be_begun_anew(
    *,
    bundle: str,
    drive: str,
    frames: list[tuple[FrameRecord, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ['replay', drive, '--bundle', bundle, '--engine', ENGINE, '--out', str(tmp_path)]
    pretend(monkeypatch, Node(), frames)
    interrupt(monkeypatch, *words, '--live', '1')
    assert (tmp_path / 'journal').exists()

    assert main([*words, '--live', '1']) == 0


def test_a_finished_offline_replay_is_refused_before_anything_is_played(
    *,
    bundle: str,
    drive: str,
    frames: list[tuple[FrameRecord, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ['replay', drive, '--bundle', bundle, '--engine', ENGINE, '--out', str(tmp_path)]
    pretend(monkeypatch, Node(), frames)
    assert main(words) == 0
    found = (tmp_path / 'replay.json').read_bytes()

    assert main([*words, '--live', '1']) == 1

    assert (tmp_path / 'replay.json').read_bytes() == found
    assert not (tmp_path / 'live').exists()


def test_a_live_replay_takes_the_place_of_one_with_other_decisions(
    *,
    bundle: str,
    drive: str,
    frames: list[tuple[FrameRecord, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ['replay', drive, '--bundle', bundle, '--engine', ENGINE, '--live', '1']
    for node in (Node(), Node(masks=(0, 1), tells=(0, 1))):
        pretend(monkeypatch, node, frames)
        assert main([*words, '--out', str(tmp_path)]) == 0

    data = json.loads((tmp_path / 'live.json').read_text(encoding='utf-8'))
    assert data['masks_compared'] == 2
