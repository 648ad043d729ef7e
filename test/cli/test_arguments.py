# SPDX-License-Identifier: Apache-2.0
"""Kinds of arguments."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from seg_node.cli.arguments import at_least_one, writable_file, writable_folder, write_text
from seg_node.errors import ParameterError


def test_at_least_one_reads_a_number() -> None:
    assert at_least_one('12') == 12


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'two', ''])
def test_at_least_one_refuses_other_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f'at least 1, not {text!r}'):
        at_least_one(text)


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    path = writable_file(str(tmp_path / 'a' / 'b' / 'scores.json'))

    assert path.parent.is_dir()
    assert not path.exists()


def test_a_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))

    assert writable_folder('~/out') == tmp_path / 'out'


def test_a_folder_cannot_be_written_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='is a folder'):
        writable_file(str(tmp_path))


def test_a_file_on_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / 'taken').write_text('', encoding='utf-8')

    with pytest.raises(ParameterError, match="taken' cannot be made: File exists"):
        writable_folder(str(tmp_path / 'taken'))


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(ParameterError, match='must not be written to'):
        writable_folder(str(tmp_path))


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='no full device here')
def test_a_full_disk_is_said_in_a_sentence() -> None:
    with pytest.raises(ParameterError, match='cannot be written: No space left on device'):
        write_text(Path('/dev/full'), 'scores')
