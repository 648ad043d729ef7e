# SPDX-License-Identifier: Apache-2.0
"""``seg compare`` from the words of a user to table, JSON and exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC, write_drive
from seg_node.cli.main import main
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

TRUTH = ('--truth-topic', TRUTH_TOPIC)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the tiny bundle."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A drive of forty seconds at 2 Hz: eight blocks."""
    return str(write_drive(tmp_path_factory.mktemp('drives') / 'drive', 81, rate=2.0))


def test_a_smoothing_crf_is_found_better_and_rules_decide_about_the_exit_status(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crf = f'{bundle},crf=classic,crf.min_uncertain_fraction=0'
    out = tmp_path / 'out'
    words = ['compare', bundle, crf, bag, *TRUTH, '--out', str(out)]

    kept = main([*words, '--fail-if', 'miou is worse'])
    told = capsys.readouterr().out
    again = ['compare', str(out / 'a'), str(out / 'b')]
    broken = main([*again, '--fail-if', 'miou is worse', '--fail-if', 'crf_rate >= 99'])
    told_again = capsys.readouterr().out

    assert (kept, broken) == (0, 3)
    data = json.loads((out / 'comparison.json').read_text(encoding='utf-8'))
    accuracy = data['metrics']['accuracy']
    assert accuracy['verdict'] in {'better', 'worse'}
    assert accuracy['low'] <= accuracy['difference'] <= accuracy['high']
    replayed = [json.loads((out / side / 'replay.json').read_text()) for side in 'ab']
    means = [100 * one['scores']['mean_iou'] for one in replayed]
    assert [data['metrics']['miou'][side] for side in 'ab'] == pytest.approx(means, abs=1e-4)
    assert (data['frames'], data['drawn'], data['units']) == (81, 'block', 8)
    assert data['b']['side'] == crf
    assert f'A       {bundle}' in told
    assert 'green road' in told
    assert 'kept:   miou is worse' in told
    assert 'BROKEN: crf_rate >= 99 (crf_rate +100.00)' in told_again


def test_a_bundle_against_itself_shows_no_difference_but_in_time(
    bundle: str, bag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['compare', bundle, bundle, bag, *TRUTH, '--json', '-']) == 0

    metrics = json.loads(capsys.readouterr().out)['metrics']
    assert {'miou', 'iou.lava', 'iou.green road', 'iou.water'} <= metrics.keys()
    for name, one in metrics.items():
        if not name.startswith('latency'):
            assert (one['difference'], one['verdict']) == (0.0, 'no difference seen')


@pytest.mark.parametrize('rule', ['miou < 0', 'iou.* is worse'])
def test_without_truth_a_rule_about_it_is_refused_before_anything_is_replayed(
    rule: str, bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['compare', bundle, bundle, 'nowhere', '--fail-if', rule, '--out', str(tmp_path)]

    assert main(words) == 1

    assert 'needs truth on both sides' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_side_that_was_replayed_without_truth_cannot_be_judged_by_truth(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / 'a')
    assert main(['replay', bag, '--bundle', bundle, '--engine', 'fake', '--out', out]) == 0

    assert main(['compare', out, bundle, 'nowhere', *TRUTH, '--fail-if', 'accuracy < 0']) == 1

    assert 'needs truth on both sides' in capsys.readouterr().err


def test_a_recording_too_short_for_a_verdict_keeps_no_rule(
    bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = str(write_drive(tmp_path / 'short', 6, rate=2.0))

    assert main(['compare', bundle, bundle, short, '--fail-if', 'flicker is worse']) == 1

    assert "'flicker is worse' cannot be judged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['default', 'default'], 'give at least one recording'),
        (['default', 'default', 'nowhere', '--fail-if', 'miou <> 3'], 'is no rule'),
        (['default', 'default', 'nowhere', '--fail-if', 'mIoU < 1'], "Did you mean 'miou'"),
        (['default,int=8', 'default', 'nowhere'], "Unknown setting 'int'"),
        (['default', 'default,int=8', 'nowhere'], "Unknown setting 'int'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_replayed(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['compare', *words]) == 1
    assert told in capsys.readouterr().err


def test_replays_against_different_truth_are_not_compared(
    bundle: str, bag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, truth in (('a', TRUTH), ('b', ('--teacher', bundle))):
        out = str(tmp_path / name)
        assert main(['replay', bag, '--bundle', bundle, *truth, '--out', out]) == 0

    assert main(['compare', str(tmp_path / 'a'), str(tmp_path / 'b')]) == 1

    assert 'against different truth' in capsys.readouterr().err
