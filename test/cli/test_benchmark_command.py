# SPDX-License-Identifier: Apache-2.0
"""``seg benchmark`` as users call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmark.results import result, row
from seg_node.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

FAKE = {'engine': 'fake', 'device': 'none', 'precision': 'fp32'}
BRIEF = ('--engine', 'fake', '--frames', '2', '--runs', '3', '--seconds', '0.2', '--sizes', '480p')


@pytest.fixture
def stored(tmp_path: Path) -> tuple[str, str]:
    """Files of two results; in the second one the node takes a fifth longer."""
    files = []
    for name, level in (('old', 10.0), ('new', 12.0)):
        rows = [row('engine', 5.0, 0.01, 3), row('node.720p.1', level, 0.01, 1, rate=9.0)]
        files.append(tmp_path / f'{name}.json')
        files[-1].write_text(json.dumps(result(*rows)), encoding='utf-8')
    return str(files[0]), str(files[1])


def test_parts_of_the_node_are_measured_without_ros(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'result.json'

    status = main(['benchmark', *BRIEF, '--only', 'engine,pipeline', '--out', str(out)])

    data = json.loads(out.read_text(encoding='utf-8'))
    assert status == 0
    assert [one['key'] for one in data['rows']] == ['engine', 'pipeline.480p']
    assert all(len(one['runs']) == 3 and one['cpu_ms'] > 0 for one in data['rows'])
    assert all(one['peak_memory_mb'] > 20 for one in data['rows'])
    assert all(one['ran_on'] == FAKE for one in data['rows'])
    assert data['bundle']['digest']
    assert data['machine']['cpu']
    assert data['settings']['engine'] == 'fake'
    assert str(tmp_path) not in json.dumps(data)
    shown = capsys.readouterr().out
    assert 'image to masks' in shown
    assert '480p' in shown
    assert '54.8' in shown  # accuracy of the bundle


@pytest.mark.needs_ros
@pytest.mark.slow
@pytest.mark.parametrize('cameras', ['1', '2'])
@pytest.mark.parametrize('subject', ['node', 'same_process'])
def test_node_is_measured_with_its_highest_rate(
    tmp_path: Path, subject: str, cameras: str
) -> None:
    out = tmp_path / 'result.json'

    status = main(
        ['benchmark', *BRIEF, '--only', subject, '--cameras', cameras, '--out', str(out)]
    )

    (found,) = json.loads(out.read_text(encoding='utf-8'))['rows']
    assert status == 0
    assert found['key'] == f'{subject}.480p.{cameras}'
    assert found['lost'] == 0
    assert found['ran_on'] == FAKE
    assert found['highest_rate']['lost_percent'] <= 5.0
    assert found['highest_rate']['rate'] > 5.0
    assert found['peak_memory_mb'] >= found['anonymous_memory_mb'] > 20


def test_stored_results_are_compared_and_rules_give_the_exit_status(
    stored: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ['benchmark', '--result', stored[1], '--compare', stored[0]]

    assert main([*arguments, '--fail-if', 'engine.* is slower']) == 0
    assert main([*arguments, '--fail-if', 'node.*.cpu > 10 %']) == 3
    shown = capsys.readouterr().out
    assert 'node.*.cpu > 10 %: MET by node.720p.1.cpu' in shown
    assert 'engine.* is slower: kept' in shown
    assert 'slower' in shown


def test_json_of_a_comparison_is_json(
    stored: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ['benchmark', '--result', stored[1], '--compare', stored[0], '--json']

    status = main([*arguments, '--fail-if', 'node.* is slower'])

    data = json.loads(capsys.readouterr().out)
    assert status == 3
    verdicts = {one['name']: one['verdict'] for one in data['changes']}
    assert verdicts['node.720p.1.p50'] == 'slower'
    assert verdicts['engine.p50'] == 'no difference'
    assert 'node.720p.1.p50' in data['rules']['node.* is slower']


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--fail-if', '*.cpu > 1 %'], 'give the result to compare with'),
        (['--runs', '2'], 'at least 3'),
        (['--engine', 'auto'], 'name engine and precision'),
        (['--precision', 'auto'], 'name engine and precision'),
        (['--compare', 'no_such.json'], 'cannot be read'),
        (['no_such_drive.mp4'], 'There is no input'),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(['benchmark', *BRIEF, '--only', 'engine', *arguments])

    assert status == 1
    assert said in capsys.readouterr().err
