# SPDX-License-Identifier: Apache-2.0
"""The folder that is given with --out, where nothing may be written to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.drives import write_drive
from seg_node.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A drive."""
    return str(write_drive(tmp_path_factory.mktemp('drives') / 'short', 3))


@pytest.mark.parametrize('there', ['images/old.png', 'notes.txt', 'replay.json'])
def test_mining_refuses_a_folder_that_is_not_empty_before_it_replays(
    bag: str, tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / there
    file.parent.mkdir(exist_ok=True)
    file.write_text('mine', encoding='utf-8')

    assert main(['mine', bag, '--engine', 'fake', '--out', str(tmp_path)]) == 1

    said = capsys.readouterr().err
    assert f'is not empty: it holds {there.partition("/")[0]!r}' in said
    assert 'Give another folder' in said
    assert not (tmp_path / 'replay').exists()


def test_mining_goes_on_with_a_replay_that_was_interrupted(
    bag: str, bundle: str, tmp_path: Path
) -> None:
    (tmp_path / 'replay').mkdir()

    words = ['mine', bag, '--bundle', bundle, '--engine', 'fake', '--out', str(tmp_path)]

    assert main(words) == 0


@pytest.mark.parametrize(
    'words', [['replay', 'BAG'], ['mine', 'BAG'], ['compare', 'default', 'default', 'BAG']]
)
def test_folder_that_was_made_for_nothing_is_removed(
    bag: str, tmp_path: Path, words: list[str]
) -> None:
    out = tmp_path / 'out'
    given = [bag if word == 'BAG' else word for word in words]

    assert main([*given, '--topic', '/nope', '--out', str(out)]) == 1

    assert not out.exists()


def test_empty_folder_that_was_there_before_stays(bag: str, tmp_path: Path) -> None:
    assert main(['replay', bag, '--topic', '/nope', '--out', str(tmp_path)]) == 1

    assert tmp_path.is_dir()
