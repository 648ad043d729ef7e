# SPDX-License-Identifier: Apache-2.0
"""Replays that are done, read from their folders."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import pytest

from replay.records import drive
from seg_node.errors import ParameterError
from seg_node.replay.compare.finished import is_finished, read_finished, same_classes

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.compare.finished import Finished

TRUTH = {'topic': '/labels'}


def finished(
    folder: Path, classes: tuple[str, ...] | None = None, truth: dict[str, str] | None = None
) -> Finished:
    """Write a replay with what is read of it, and read it."""
    compared = None if classes is None else {'classes': [{'name': name} for name in classes]}
    data: dict[str, Any] = {'format': 1, 'compared_in': compared, 'options': {'truth': truth}}
    folder.mkdir()
    (folder / 'replay.json').write_text(json.dumps(data), encoding='utf-8')
    lines = ''.join(f'{one.to_json()}\n' for one in drive(3))
    (folder / 'frames.jsonl').write_text(lines, encoding='utf-8')
    return read_finished(folder)


def test_frames_come_back_as_often_as_they_are_asked_for(tmp_path: Path) -> None:
    found = finished(tmp_path / 'a').records

    assert list(found) == list(found) == drive(3)


def test_classes_are_those_that_both_were_scored_in(tmp_path: Path) -> None:
    a, b = (finished(tmp_path / side, ('road', 'sky'), TRUTH) for side in 'ab')

    assert same_classes(a, b) == ('road', 'sky')


def test_bundles_of_different_classes_can_be_compared_without_truth(tmp_path: Path) -> None:
    scored = finished(tmp_path / 'a', ('road',), TRUTH)

    assert same_classes(scored, finished(tmp_path / 'b')) == ()


@pytest.mark.parametrize(
    ('classes', 'truth', 'told'),
    [
        (('road', 'car'), TRUTH, 'different classes: road, sky and road, car'),
        (('road', 'sky'), {'topic': '/other'}, 'different truth'),
    ],
)
def test_what_was_scored_differently_is_not_compared(
    tmp_path: Path, classes: tuple[str, ...], truth: dict[str, str], told: str
) -> None:
    a = finished(tmp_path / 'a', ('road', 'sky'), TRUTH)

    with pytest.raises(ParameterError, match=told):
        same_classes(a, finished(tmp_path / 'b', classes, truth))


@pytest.mark.parametrize(
    ('text', 'told'), [('{"format": 99}', 'has format 99; expected 1'), ('{', 'cannot be read')]
)
def test_what_is_no_replay_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / 'replay.json').write_text(text, encoding='utf-8')

    assert is_finished(tmp_path)
    with pytest.raises(ParameterError, match=told):
        read_finished(tmp_path)


def test_a_damaged_line_is_told(tmp_path: Path) -> None:
    found = finished(tmp_path / 'a')
    (tmp_path / 'a' / 'frames.jsonl').write_text('{"bag": 3}\n', encoding='utf-8')

    with pytest.raises(ParameterError, match=r'frames.jsonl. cannot be read'):
        list(found.records)
