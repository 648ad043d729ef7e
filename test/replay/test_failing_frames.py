# SPDX-License-Identifier: Apache-2.0
"""Frames that cannot be decoded or segmented cost themselves, not the replay."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from bags import write_recording
from replay.drives import write_drive
from seg_node.crf import preset
from seg_node.errors import CrfError, EngineError
from seg_node.pipeline import CrfChoice, refinement, Segmenter
from seg_node.replay.options import ReplayOptions
from seg_node.replay.record import FrameRecord
from tiny import scene, tiny_bundle, tuned_bundle

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

FRAMES = 12


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle that calls each pixel by its brightest channel."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


def run(bags: list[Path], out: Path, options: ReplayOptions) -> Replay:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    return replay(bags, out, options)


def records(out: Path) -> list[FrameRecord]:
    lines = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    return [FrameRecord.from_json(line) for line in lines]


def fail_at(monkeypatch: pytest.MonkeyPatch, frames: Container[int]) -> None:
    """Let the network fail at some of its frames."""
    whole, calls = Segmenter._infer, iter(range(1000))

    def infer(*args: Any) -> Any:
        if next(calls) in frames:
            msg = 'out of memory'
            raise EngineError(msg)
        return whole(*args)

    monkeypatch.setattr(Segmenter, '_infer', infer)


def test_frame_that_cannot_be_decoded_is_told_and_the_rest_goes_on(
    bundle: str, tmp_path: Path
) -> None:
    frames = [(10**18 + index * 10**8, scene(seed=index)[0]) for index in range(5)]
    bag = write_recording(tmp_path / 'bag', {'/eye/compressed': frames})
    file = next(bag.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    place = -1
    for _ in range(3):
        place = data.find(b'IHDR', place + 1)
    data[place : place + 4] = b'RDHI'
    file.write_bytes(data)

    replayed = run([bag], tmp_path / 'out', ReplayOptions(bundle))

    found = records(replayed.out)
    assert [record.error is None for record in found] == [True, True, False, True, True]
    assert [record.index for record in found] == list(range(5))
    assert [record.flicker is None for record in found] == [True, False, True, True, False]
    assert replayed.data['failed_frames'] == 1
    assert replayed.data['errors'][0]['index'] == 2


def test_drive_without_its_end_is_replayed_up_to_there(bundle: str, tmp_path: Path) -> None:
    frames = [(10**18 + index * 10**8, scene((300, 400), index)[0]) for index in range(12)]
    bag = write_recording(tmp_path / 'bag', {'/eye': frames})
    file = next(bag.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 1000])

    replayed = run([bag], tmp_path / 'out', ReplayOptions(bundle))

    assert len(records(replayed.out)) == 6
    damage = ' '.join(replayed.data['bags'][0]['damage'])
    assert 'is damaged. It was read up to byte' in damage
    assert "'/eye' announces 12 frames, 6 could be read." in damage


def test_gaps_and_loops_of_stamps_are_told(bundle: str, tmp_path: Path) -> None:
    from seg_node.replay.text import as_text  # noqa: PLC0415

    image = scene()[0]
    stamps = [10, 11, 12, 40, 41, 10, 11]  # tenths of a second
    bag = write_recording(
        tmp_path / 'bag', {'/eye': [(10**18 + one * 10**8, image) for one in stamps]}
    )

    data = run([bag], tmp_path / 'out', ReplayOptions(bundle)).data

    assert len(records(tmp_path / 'out')) == len(stamps)
    text = as_text(data)
    assert 'gaps of more than a second, the longest 2.8 s' in text


def test_frames_that_the_network_fails_at_are_told_and_the_rest_goes_on(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, {2, 5, 6, 7, 8})
    bag = write_drive(tmp_path / 'drive', FRAMES)

    replayed = run([bag], tmp_path / 'out', ReplayOptions(bundle))

    found = records(replayed.out)
    assert [one.index for one in found if one.error == 'out of memory'] == [2, 5, 6, 7, 8]
    without = [one.index for one in found if one.flicker is None]
    assert without == [0, 2, 3, 5, 6, 7, 8, 9]
    assert replayed.data['failed_frames'] == 5


@pytest.mark.parametrize('frames', [{0}, {3, 4, 5, 6, 7}])
def test_network_that_does_not_run_ends_the_replay(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: set[int]
) -> None:
    fail_at(monkeypatch, frames)
    bag = write_drive(tmp_path / 'drive', FRAMES)

    with pytest.raises(EngineError, match='out of memory'):
        run([bag], tmp_path / 'out', ReplayOptions(bundle))


def test_frame_that_the_crf_fails_at_keeps_the_labels_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = str(tuned_bundle(tmp_path / 'bundle', preset('classic')).path)
    bag = write_drive(tmp_path / 'drive', 3)
    whole: Any = vars(refinement)['refine_scores']
    calls = iter(range(1000))

    def refine(*args: Any, **options: Any) -> Any:
        if next(calls) == 2:  # the first is the warm-up
            msg = 'no memory'
            raise CrfError(msg)
        return whole(*args, **options)

    monkeypatch.setattr(refinement, 'refine_scores', refine)
    crf = CrfChoice(min_uncertain_fraction=0.0)

    data = run([bag], tmp_path / 'out', ReplayOptions(bundle, crf=crf)).data

    assert [one.crf for one in records(tmp_path / 'out')] == ['ran', 'failed', 'ran']
    assert data['failed_frames'] == 0
    (told,) = data['bags'][0]['damage']
    assert 'The CRF failed at frame 1: CrfError: no memory (1 such frame)' in told


def test_crf_that_cannot_run_at_all_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = str(tuned_bundle(tmp_path / 'bundle', preset('classic')).path)

    def refine(*_args: Any, **_options: Any) -> Any:
        msg = 'no back end'
        raise CrfError(msg)

    monkeypatch.setattr(refinement, 'refine_scores', refine)

    with pytest.raises(CrfError, match='no back end'):
        run(
            [write_drive(tmp_path / 'drive', 3)],
            tmp_path / 'o',
            ReplayOptions(bundle, crf=CrfChoice()),
        )
