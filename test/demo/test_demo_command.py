# SPDX-License-Identifier: Apache-2.0
"""``seg demo`` from its arguments to its last line, without the run between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.test_report import SUMMARY
from seg_node.cli import demo_command
from seg_node.cli.main import main
from seg_node.demo import DemoOptions, DemoResult
from seg_node.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[[list[str]], DemoOptions]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return what the demo is asked for by a command line."""
    asked: list[DemoOptions] = []

    def pretend(options: DemoOptions) -> DemoResult:
        asked.append(options)
        return DemoResult(SUMMARY, {options.out / 'contact_sheet.png': 'a few moments'})

    monkeypatch.setattr(demo_command, 'run_demo', pretend)

    def parse(arguments: list[str]) -> DemoOptions:
        assert main(['demo', *arguments]) == 0
        return asked.pop()

    return parse


def test_no_arguments_mean_the_procedural_drive(ask: Ask) -> None:
    assert ask([]) == DemoOptions(Path('demo_out'))


def test_arguments_become_options(ask: Ask) -> None:
    line = '--out there --input bag --topic /eye --frames 5 --rate 2.5 --bundle b --engine torch'
    line += ' --crf on --seed 3 --size 640x360'

    found = ask(line.split())

    assert found == DemoOptions(
        out=Path('there'),
        input=Path('bag'),
        topic='/eye',
        frames=5,
        rate=2.5,
        bundle='b',
        engine='torch',
        crf='on',
        seed=3,
        size=(360, 640),
    )


def test_table_and_files_go_to_stdout(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    ask(['--out', 'there'])

    text = capsys.readouterr().out
    assert '80 sent, 80 masks back, none lost' in text
    assert 'there/contact_sheet.png  a few moments' in text


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--frames', '0'], "'0' is no number of frames"),
        (['--frames', 'all'], "'all' is no number of frames"),
        (['--rate', '-1'], "'-1' is no rate"),
        (['--rate', 'nan'], "'nan' is no rate"),
        (['--rate', 'fast'], "'fast' is no rate"),
        (['--size', '720'], "'720' is no size; expected WIDTHxHEIGHT"),
        (['--size', '8x8'], "'8x8' is no size"),
    ],
)
def test_wrong_value_is_refused_with_what_was_expected(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match='2'):
        main(['demo', *arguments])

    assert words in capsys.readouterr().err


def test_failure_is_one_sentence_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: DemoOptions) -> DemoResult:
        msg = 'The camera ran away.'
        raise DemoError(msg)

    monkeypatch.setattr(demo_command, 'run_demo', fail)

    assert main(['demo']) == 1
    assert capsys.readouterr().err == 'seg: error: The camera ran away.\n'
