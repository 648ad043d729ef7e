# SPDX-License-Identifier: Apache-2.0
"""Which frames are chosen for labelling, and what is written of them."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from replay.drives import write_drive
from replay.records import drive, record
from seg_node.cli.main import main
from seg_node.datasets import open_dataset
from seg_node.errors import BagError
from tiny import TAXONOMY, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.mine import Chosen
    from seg_node.replay.record import FrameRecord

pytestmark = pytest.mark.needs_rosbags


def chosen(
    records: list[FrameRecord], reason: str, count: int = 3, gap: float = 1.0
) -> list[Chosen]:
    """Choose."""
    from seg_node.replay.mine import choose  # noqa: PLC0415  # needs rosbags

    return choose(records, reason, count, gap)  # type: ignore[arg-type]


def indices(records: list[FrameRecord], reason: str, **limits: float) -> list[int]:
    """Return the indices of the frames that are chosen."""
    return [one.record.index for one in chosen(records, reason, **limits)]  # type: ignore[arg-type]


def test_the_most_uncertain_frames_that_are_no_neighbours_are_chosen_in_order() -> None:
    values = {10: 0.9, 11: 0.8, 19: 0.7, 20: 0.6, 50: 0.95, 45: 0.5}
    frames = [replace(one, entropy=values.get(one.index, 0.1)) for one in drive(60)]

    assert indices(frames, 'uncertain', count=4) == [50, 10, 20, 0]


def test_cameras_and_recordings_are_no_neighbours() -> None:
    frames = [
        record(5, topic=topic, bag=bag) for topic in ('/left', '/right') for bag in ('one', 'two')
    ]

    assert len(chosen(frames, 'uncertain', count=9)) == 4


def test_flicker_and_disagreement_have_their_own_order() -> None:
    frames = drive(100)
    frames[40] = replace(frames[40], flicker=0.5)
    frames[70] = replace(frames[70], confusion=((0, 1, 60), (0, 0, 40)))

    flickering, disagreeing = (chosen(frames, one, 1)[0] for one in ('flickering', 'disagreeing'))

    assert (flickering.record.index, flickering.value) == (40, 0.5)
    assert disagreeing.record.index == 70
    assert disagreeing.value == pytest.approx(0.6)


def test_failed_frames_are_never_chosen() -> None:
    frames = [replace(one, error='damaged', entropy=1.0) for one in drive(3)]

    with pytest.raises(BagError, match="a value for 'uncertain'"):
        chosen(frames, 'uncertain')


def test_frames_of_a_looped_source_whose_stamps_come_again_have_names_of_their_own() -> None:
    frames = [replace(one, stamp_ns=one.stamp_ns % (2 * 10**9)) for one in drive(60)]

    found = chosen(frames, 'uncertain', 3, 2.0)

    assert len({one.record.stamp_ns for one in found}) == 1
    assert len({one.name for one in found}) == 3


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the tiny bundle."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A drive of four seconds."""
    return str(write_drive(tmp_path_factory.mktemp('drive') / 'drive one', 40))


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_what_is_written_is_a_data_set_with_the_labels_of_the_bundle(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415

    out = tmp_path / 'to label'
    words = ['--bundle', bundle, '--count', '3', '--gap', '1', '--out', str(out)]

    assert main(['mine', bag, *words]) == 0

    said = capsys.readouterr()
    assert said.out.startswith('3 frames, uncertain: ')
    assert 'instead of' not in said.err
    data = open_dataset(str(out), 'val')
    assert data.taxonomy.names == TAXONOMY.names
    assert len(data) == 3
    listed = json.loads((out / 'frames.json').read_text(encoding='utf-8'))
    assert sorted(one['name'] for one in listed) == [data[index].name for index in range(3)]
    assert listed == sorted(listed, key=lambda one: -one['value'])
    with open_segmenter(bundle, 'onnxruntime') as segmenter:
        for index in range(3):
            sample = data[index]
            assert np.array_equal(segmenter(sample.image).labels, sample.labels)


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_fewer_frames_than_were_asked_for_are_explained(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['--bundle', bundle, '--count', '3', '--gap', '3.9', '--out', str(tmp_path)]

    assert main(['mine', bag, *words]) == 0

    said = capsys.readouterr().err
    assert ' instead of 3: ' in said
    assert 'within --gap 3.9 s of a chosen frame' in said


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_unsure_pixels_are_left_to_the_person(bundle: str, bag: str, tmp_path: Path) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415

    out = tmp_path / 'out'
    words = ['--bundle', bundle, '--count', '1', '--unsure-above', '0.5', '--out', str(out)]

    main(['mine', bag, *words])

    sample = open_dataset(str(out), 'val')[0]
    with open_segmenter(bundle, 'onnxruntime') as segmenter:
        entropy = segmenter(sample.image).entropy
    assert entropy is not None
    assert np.array_equal(sample.labels == 255, entropy > 127)
    assert 0.0 < np.mean(sample.labels == 255) < 1.0


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_a_bundle_agrees_with_itself(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / 'out')

    assert main(['mine', bag, '--bundle', bundle, '--other', bundle, '--out', out]) == 0

    assert 'disagreeing: from 0.00 % down to 0.00 %' in capsys.readouterr().out


@pytest.mark.parametrize('words', [['--by', 'disagreeing'], ['--by', 'uncertain', '--other', 'x']])
def test_disagreement_needs_another_bundle_and_nothing_else_does(
    bag: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['mine', bag, '--out', str(tmp_path), *words]) == 1
    assert 'give both or none' in capsys.readouterr().err


def test_two_choices_are_not_mixed_up(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['mine', bag, '--bundle', bundle, '--engine', 'fake', '--out', str(tmp_path)]

    assert main(words) == 0
    assert main(words) == 1

    assert "is not empty: it holds 'frames.json'" in capsys.readouterr().err
