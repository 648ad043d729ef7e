# SPDX-License-Identifier: Apache-2.0
"""What a replay writes beside its numbers, through the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from bags import read_bag
from replay.labelled import SCENES, write_drive
from seg_node.cli.main import main
from seg_node.cli.replay_outputs import add_outputs, bag_outputs, sinks
from seg_node.errors import ParameterError
from seg_node.replay.outputs import BagOutputs
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_outputs(parser)
    return parser.parse_args(words)


def test_nothing_is_written_unless_asked_for() -> None:
    args = parsed()

    assert sinks(args) == ()
    assert bag_outputs(args) == BagOutputs()
    assert not args.report


def test_outputs_are_chosen_by_name() -> None:
    args = parsed('--labelled', 'mask, status,confidence/road', '--distro', 'humble', '--zstd')

    assert sinks(args) == ('labelled',)
    assert bag_outputs(args) == BagOutputs(
        ('mask', 'status', 'confidence/road'), distro='humble', zstd=True
    )


def test_labelled_alone_means_the_usual_outputs() -> None:
    args = parsed('--labelled', '--video', '--storage', 'sqlite3', '--with-inputs')

    assert sinks(args) == ('labelled', 'overlay')
    assert bag_outputs(args) == BagOutputs(storage='sqlite3', with_inputs=True)


@pytest.mark.parametrize('words', [['--zstd'], ['--with-inputs'], ['--distro', 'humble']])
def test_form_of_a_bag_without_a_bag_is_refused(words: list[str]) -> None:
    with pytest.raises(ParameterError, match='are for --labelled'):
        bag_outputs(parsed(*words))


@pytest.mark.needs_rosbags
@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
@pytest.mark.parametrize('workers', ['1', pytest.param('2', marks=pytest.mark.slow)])
def test_all_outputs_of_one_command(tmp_path: Path, workers: str) -> None:
    """The labelled bag holds drive and outputs, and is itself a drive that gives the same."""
    drives = [write_drive(tmp_path / name, more=True) for name in ('one', 'two')]
    bundle = str(tiny_bundle(tmp_path / 'bundle').path)
    model = ('--bundle', bundle, '--engine', 'onnxruntime')
    out = tmp_path / 'out'

    status = main(
        [
            *('replay', *map(str, drives), *model, '--out', str(out), '--workers', workers),
            *('--report', '--video', '--labelled', '--with-inputs'),
        ]
    )

    assert status == 0
    assert sorted(file.name for file in out.iterdir()) == [
        *('frames.jsonl', 'labelled', 'overlay', 'replay.json', 'report.html')
    ]
    assert sorted(file.name for file in (out / 'overlay').iterdir()) == ['one.mp4', 'two.mp4']
    for name in ('one', 'two'):
        found = read_bag(out / 'labelled' / name)
        assert len(found['/front/segmentation/mask']) == len(found['/chatter']) == len(SCENES)
    again = [*('replay', str(out / 'labelled' / 'one'), *model, '--out', str(tmp_path / 'again'))]
    assert main(again) == 0
    before = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()[: len(SCENES)]
    after = (tmp_path / 'again' / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    assert [pixels(line) for line in after] == [pixels(line) for line in before]


def pixels(line: str) -> str:
    """Return the part of a line that tells the pixels of each class."""
    return line.partition('"class_pixels":')[2].partition(']')[0]
