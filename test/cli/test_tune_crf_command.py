# SPDX-License-Identifier: Apache-2.0
"""``seg tune-crf`` from bundles and data sets to a table, a file and a preset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seg_node.bundle import open_bundle
from seg_node.cli.main import main
from seg_node.cli.tune_crf_command import _pairs, Pair
from tiny import tiny_bundle, write_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Refusal = Callable[[str, str], list[str]]

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_optuna,
]

QUICK = ['--trials', '2', '--frames', '2']


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    return str(tiny_bundle(tmp_path / 'bundle').path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_folder(tmp_path / 'data', 6))


def night(folder: Path) -> Path:
    """Write three scenes that are not in ``data``, as a split; return the folder."""
    write_folder(folder, 9)
    for kind in ('images', 'labels'):
        (folder / kind / 'night').mkdir()
        for seed in (6, 7, 8):
            name = f'{seed}.png'
            (folder / kind / name).rename(folder / kind / 'night' / name)
    return folder


def test_the_table_the_numbers_and_the_preset_come_out(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / 'new' / 'tuning.json'
    arguments = ['--json', str(file), '--write', '--off-if-missed', '--temperature', '2']

    status = main(['tune-crf', bundle, data, *QUICK, *arguments])

    assert status == 0
    printed = capsys.readouterr().out
    numbers = json.loads(file.read_text(encoding='utf-8'))
    kept = open_bundle(bundle).manifest.crf
    assert 'pooled' in printed
    assert sum(part['frames'] for part in numbers['parts']) == 6
    assert numbers['parts'][0]['temperature'] == 2
    assert kept['preset'] == numbers['preset']
    assert kept['enabled'] == (not numbers['faults'])
    assert str(tmp_path) not in json.dumps(numbers)  # where the data lie concerns nobody else


def test_a_folder_for_work_lets_a_second_run_go_on(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / 'work'
    command = ['tune-crf', bundle, data, *QUICK, '--work', str(work), '--json', '-']

    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    trials = (work / 'trials.jsonl').read_bytes()
    assert main(command) == 0
    second = json.loads(capsys.readouterr().out)

    assert (work / 'trials.jsonl').read_bytes() == trials
    assert second['held_out'] == first['held_out']
    assert main([*command, '--seed', '1']) == 1
    assert 'of other bundles, data or options' in capsys.readouterr().err


def test_several_models_are_pooled_and_another_bundle_gets_the_preset(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_bundle(tmp_path / 'other', name='other').path
    target = tiny_bundle(tmp_path / 'target', name='target').path
    more = night(tmp_path / 'more')
    pairs = [bundle, data, str(other), f'{more}#night']

    status = main(['tune-crf', *pairs, *QUICK, '--into', str(target), '--off-if-missed'])

    printed = capsys.readouterr().out
    assert status == 0
    assert 'tiny on data val' in printed
    assert 'other on more night' in printed
    assert open_bundle(target).manifest.crf['measured']['sources'][1]['frames'] == 3
    assert open_bundle(bundle).manifest.crf == {}


def test_a_split_may_stand_behind_a_data_set() -> None:
    words = ['a', 'camvid:/d#0016E5', './b', 'procedural:9@1']

    assert _pairs(words, 'test') == [
        Pair('a', 'camvid:/d', '0016E5'),
        Pair('./b', 'procedural:9@1', 'test'),
    ]


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (lambda b, d: [b, d, b], 'each bundle in front of its data set'),
        (lambda b, _: [b, 'procedural:6#night'], "Unknown split 'night'"),
        (lambda b, d: [b, d, b, d], 'give each frame once'),
        (lambda b, d: [b, d, '--limit', '3'], 'expected at least 6'),
        (lambda b, d: [b, d, '--into', 'procedural'], 'with the same classes'),
        (lambda b, d: [b, d, '--into', d], 'is not a bundle'),
    ],
    ids=['odd', 'split', 'twice', 'few', 'classes', 'target'],
)
def test_what_does_not_fit_is_refused(
    bundle: str,
    data: str,
    arguments: Refusal,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(['tune-crf', *arguments(bundle, data), *QUICK])

    assert status == 1
    assert words in capsys.readouterr().err


def test_a_preset_that_misses_a_bar_is_not_written_unless_told(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.tuning.report.faults', lambda *_: ['It harms poles.'])

    status = main(['tune-crf', bundle, data, *QUICK, '--write'])

    assert status == 1
    captured = capsys.readouterr()
    assert 'It harms poles.' in captured.out  # hours of work are not lost
    assert '--off-if-missed' in captured.err
    assert open_bundle(bundle).manifest.crf == {}
