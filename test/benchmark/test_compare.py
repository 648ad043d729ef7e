# SPDX-License-Identifier: Apache-2.0
"""Verdicts on two benchmarks, and rules about them."""

from __future__ import annotations

import json
import math
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from benchmark.results import result, row
from seg_node.benchmark.compare import Change, changes, interval, read_result, warnings
from seg_node.benchmark.rules import parse_rule
from seg_node.benchmark.text import changes_text, result_text
from seg_node.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path


def verdicts(old: float, new: float, noise: float = 0.01, drift: float = 1.0) -> dict[str, str]:
    found = changes(
        result(row('node.720p.1', old, noise, 1, rate=10.0)),
        result(row('node.720p.1', new, noise, 2, rate=10.0), yardstick=20.0 * drift),
    )
    return {one.name.rpartition('.')[2]: one.verdict for one in found}


def test_clear_changes_get_their_verdict_and_noise_gets_none() -> None:
    assert verdicts(10.0, 12.0)['cpu'] == 'slower'
    assert verdicts(10.0, 8.0)['cpu'] == 'faster'
    assert verdicts(10.0, 10.0)['cpu'] == 'no difference'
    assert verdicts(10.0, 10.5, noise=0.2)['cpu'] == 'no difference'


def test_certain_but_tiny_change_is_no_difference() -> None:
    assert verdicts(10.0, 10.1, noise=0.0001)['p50'] == 'no difference'
    assert verdicts(10.0, 10.3, noise=0.0001)['p50'] == 'slower'


def test_change_that_the_machine_may_have_made_is_no_difference() -> None:
    assert verdicts(10.0, 12.0, drift=1.3)['cpu'] == 'no difference'
    assert verdicts(10.0, 20.0, drift=1.3)['cpu'] == 'slower'


@pytest.mark.parametrize('new', [20.0, 10.3, 9.0])
def test_rate_and_memory_were_measured_once_and_get_no_verdict(new: float) -> None:
    found = changes(
        result(row('node.720p.1', 10.0, 0.01, 1, rate=10.0)),
        result(row('node.720p.1', 10.0, 0.01, 2, rate=new)),
    )

    once = {one.name.rpartition('.')[2]: one for one in found if one.verdict == 'not judged'}
    assert set(once) == {'rate', 'memory'}
    assert once['rate'].share == pytest.approx(new / 10.0 - 1.0)
    assert math.isnan(once['rate'].low)


def test_p99_is_judged_like_the_other_times() -> None:
    assert verdicts(10.0, 12.0)['p99'] == 'slower'
    assert verdicts(10.0, 10.4, noise=0.0001)['p99'] == 'no difference'


def single(figure: str, old: Any, new: Any) -> tuple[Change, list[str]]:
    """Return the change of one figure of a scene, and what is told beneath the table."""
    before, after = (
        result(row('engine', 5.0, 0.01, 1, **changes), row('pipeline.720p', 5.0, 0.01, 1))
        for changes in (old, new)
    )
    found = {one.name: one for one in changes(before, after)}
    return found[f'engine.{figure}'], warnings(before, after)


@pytest.mark.parametrize(
    ('old', 'new', 'verdict', 'told'),
    [
        (0, 0, 'no difference', []),
        (0, 25, 'higher', ['engine.lost: 0 % before, 20 % now: more frames are lost.']),
        (25, 0, 'lower', []),
    ],
)
def test_frames_that_are_lost_are_judged_and_more_of_them_are_told(
    old: int, new: int, verdict: str, told: list[str]
) -> None:
    change, warned = single('lost', {'lost': old}, {'lost': new})

    assert change.verdict == verdict
    assert warned == told
    assert 'nan' not in changes_text([change], warned, {})
    assert 'inf' not in changes_text([change], warned, {})
    assert json.dumps(change.to_dict(), allow_nan=False)
    assert bool(parse_rule('*.lost > 1 %').check([change])) == (verdict == 'higher')


@pytest.mark.parametrize(
    ('new', 'verdict'),
    [(0.540, 'lower'), (0.5472, 'no difference'), (0.5488, 'no difference'), (0.56, 'higher')],
)
def test_accuracy_that_falls_is_told_whatever_became_faster(new: float, verdict: str) -> None:
    old = {'accuracy': {'mean_iou': 0.548, 'source': 'manifest'}}

    change, warned = single('mean_iou', old, {'accuracy': {**old['accuracy'], 'mean_iou': new}})

    assert change.verdict == verdict
    assert change.old == pytest.approx(54.8)
    assert bool(warned) == (verdict == 'lower')
    assert bool(parse_rule('*.mean_iou is lower').check([change])) == (verdict == 'lower')


@pytest.mark.parametrize('other', [{'source': 'camvid val, at this size'}, {'images': 7}])
def test_accuracy_on_other_data_is_not_judged_and_that_is_told(other: dict[str, Any]) -> None:
    old = {'accuracy': {'mean_iou': 0.548, 'source': 'manifest'}}

    change, warned = single('mean_iou', old, {'accuracy': {**old['accuracy'], **other}})

    assert change.verdict == 'not judged'
    assert 'not measured on the same data' in warned[0]


@pytest.mark.parametrize('text', ['*.lost is slower', '*.mean_iou is faster', '*.cpu is higher'])
def test_rule_with_the_verdict_of_another_kind_of_figure_is_an_error(text: str) -> None:
    found = changes(result(row('engine', 5, 0.1, 0)), result(row('engine', 5, 0.1, 1)))

    with pytest.raises(ParameterError, match='cannot be judged'):
        parse_rule(text).check(found)


def test_accuracy_of_the_manifest_is_marked_as_not_of_the_size_of_the_row() -> None:
    measured = {'mean_iou': 0.5, 'source': 'camvid val, at this size', 'at_this_size': True}
    rows = [row('engine', 1.0, 0.0, 0), row('pipeline.720p', 1.0, 0.0, 0, accuracy=measured)]

    shown = result_text(result(*rows))

    assert '54.8*' in shown
    assert '50.0*' not in shown
    assert 'camvid val, at this size' in shown
    assert '* manifest, at the size of its own data, not of the row' in shown


def test_rate_that_was_not_found_is_not_known_and_breaks_no_comparison() -> None:
    new = row('node.720p.1', 10.0, 0.01, 2) | {'highest_rate': None, 'no_rate': 'Too busy.'}
    found = changes(result(row('node.720p.1', 10.0, 0.01, 1, rate=10.0)), after := result(new))

    rate = next(one for one in found if one.name.endswith('.rate'))
    assert rate.to_dict()['new'] is None
    assert rate.verdict == 'not judged'
    assert 'nan' not in changes_text(found, [], {})
    assert 'node.720p.1: Too busy.' in result_text(after)
    with pytest.raises(ParameterError, match='cannot be judged'):
        parse_rule('*.rate < -10 %').check(found)


def test_interval_holds_the_true_change_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    true = 0.1
    inside = 0
    for _ in range(1000):
        old = 10.0 * np.exp(0.05 * rng.standard_normal(5))
        new = 11.0 * np.exp(0.10 * rng.standard_normal(5))
        low, high = interval(old.tolist(), new.tolist(), 0.0)
        inside += low <= true <= high

    assert 930 <= inside <= 970


def test_interval_of_two_runs_is_not_known() -> None:
    assert all(math.isnan(one) for one in interval([1.0, 2.0], [1.0, 2.0, 3.0], 0.0))


def test_what_else_differs_is_told() -> None:
    old, new = result(row('engine', 1.0, 0.0, 0)), result(row('engine', 1.0, 0.0, 0))
    assert warnings(old, new) == []

    new['machine'] = {**new['machine'], 'cores': 8}
    new['yardstick_ms'] = [30.0, 30.0]

    assert warnings(old, new)[0] == 'Machines differ: cores 2 -> 8.'
    assert '+50 %' in warnings(old, new)[1]


def test_scenes_that_ran_on_something_else_are_told() -> None:
    old, new = result(row('engine', 1.0, 0.0, 0)), result(row('engine', 1.0, 0.0, 0))
    old['rows'][0]['ran_on'] = {'engine': 'tensorrt', 'device': 'gpu', 'precision': 'fp16'}
    assert warnings(old, new) == []

    new['rows'][0]['ran_on'] = {'engine': 'onnxruntime', 'device': 'cpu', 'precision': 'fp16'}

    told = 'engine ran on something else: engine tensorrt -> onnxruntime, device gpu -> cpu.'
    assert warnings(old, new) == [told]


def test_table_says_which_scenes_ran_on_what() -> None:
    rows = [row('engine', 1.0, 0.0, 0), row('pipeline.720p', 1.0, 0.0, 0)]
    assert 'engine fake,' in result_text(result(*rows))

    for one, name in zip(rows, ('a', 'b'), strict=True):
        one['ran_on'] = {'engine': name, 'device': 'cpu', 'precision': 'fp32'}

    shown = result_text(result(*rows))
    assert 'engine a cpu fp32: engine; engine b cpu fp32: pipeline.720p' in shown


def test_results_without_a_common_scene_are_refused() -> None:
    with pytest.raises(ParameterError, match=r'engine.*pipeline.*nothing to compare'):
        changes(result(row('engine', 1, 0, 0)), result(row('pipeline.720p', 1, 0, 0)))


@pytest.mark.parametrize('text', ['', '{}', '[1]', '{"kind": "benchmark", "format": 2}'])
def test_file_that_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'old.json'
    file.write_text(text, encoding='utf-8')

    with pytest.raises(ParameterError, match=r'expected what "seg benchmark --out"'):
        read_result(file)


def test_result_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / 'old.json'
    data = result(row('engine', 1.0, 0.0, 0))
    file.write_text(json.dumps(data), encoding='utf-8')

    assert read_result(file) == data


@pytest.mark.parametrize(
    ('text', 'met'),
    [
        ('*.cpu > 10 %', ['node.720p.1.cpu']),
        ('*.cpu > 30 %', []),
        ('*.cpu>=10%', ['node.720p.1.cpu']),
        ('node.*.p50 is slower', ['node.720p.1.p50']),
        ('node.* is faster', []),
        ('engine.* is slower', []),
        ('*.memory > 1 %', []),
        ('*.rate < -5 %', []),
    ],
)
def test_rules_name_the_changes_that_meet_them(text: str, met: list[str]) -> None:
    found = changes(
        result(row('engine', 5.0, 0.01, 3), row('node.720p.1', 10.0, 0.01, 1, rate=9.0)),
        result(row('engine', 5.0, 0.01, 4), row('node.720p.1', 12.0, 0.01, 2, rate=9.0)),
    )

    assert [one.name for one in parse_rule(text).check(found)] == met


@pytest.mark.parametrize('text', ['', 'cpu', '*.cpu > 10', '*.cpu is bad', 'a b > 1 %'])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r'rule|verdict'):
        parse_rule(text)


@pytest.mark.parametrize(
    ('text', 'why'),
    [('pipline.* > 1 %', 'not among the figures'), ('*.memory is slower', 'too few runs')],
)
def test_rule_that_cannot_be_judged_is_an_error(text: str, why: str) -> None:
    found = changes(result(row('engine', 5, 0, 0)), result(row('engine', 5, 0, 0)))

    with pytest.raises(ParameterError, match=why):
        parse_rule(text).check(found)
