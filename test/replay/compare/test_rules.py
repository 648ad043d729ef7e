# SPDX-License-Identifier: Apache-2.0
"""Rules: what is one, and when a comparison meets it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replay.records import drive
from seg_node.errors import ParameterError
from seg_node.replay.compare.comparison import compare, Comparison
from seg_node.replay.compare.report import as_json, as_text
from seg_node.replay.compare.rules import parse_rule

CLASSES = ('green road', 'pole')


@pytest.fixture(scope='module')
def comparison() -> Comparison:
    """Return one in which 80 % become 70 % right, and 10 ms become 11 ms."""
    a = drive(600)
    b = [replace(one, confusion=((0, 0, 70), (0, 1, 30)), times={'total': 0.011}) for one in a]
    return compare(a, b, CLASSES)


@pytest.mark.parametrize(
    ('text', 'met'),
    [
        ('accuracy < -9.9', True),
        ('accuracy < -10.1', False),
        ('accuracy<=-9.9', True),
        ('  accuracy   >   -11 ', True),
        ('accuracy >= 0', False),
        ('accuracy.high < -9.9', True),
        ('accuracy.low > -9.9', False),
        ('iou.green road < -9.9', True),
        ('iou.green road.high < -9.9', True),
        ('iou.* < -5', True),
        ('iou.* > 1e1', False),
        ('latency_p95 > 0.9', True),
        ('latency_p95 > 9.9 %', True),
        ('latency_p95 > 10.1%', False),
        ('miou is worse', True),
        ('miou is better', False),
        ('iou.* is worse', True),
        ('flicker is no difference seen', True),
        ('iou.* is too little data', False),
    ],
)
def test_a_rule_is_met_when_what_it_says_is_so(
    text: str, *, met: bool, comparison: Comparison
) -> None:
    assert bool(parse_rule(text).check(comparison)) is met


def test_all_classes_that_meet_a_rule_are_named(comparison: Comparison) -> None:
    met = parse_rule('iou.* <= 0').check(comparison)

    assert [one.metric.name for one in met] == ['iou.green road', 'iou.pole']


@pytest.mark.parametrize(
    'text',
    [
        '',
        'miou',
        'miou <',
        '< 3',
        'miou = 3',
        'miou < three',
        'miou < 3 points',
        'miou <> 3',
        'is worse',
    ],
)
def test_what_is_no_rule_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(
        ParameterError, match=r'is no rule. Expected METRIC .* as in "miou < -0.5"'
    ):
        parse_rule(text)


def test_a_verdict_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="Unknown verdict 'bad'; expected one of better"):
        parse_rule('miou is bad')


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('f1 < 0', r"'f1 < 0': Unknown metric 'f1'; expected one of accuracy, .* miou\.$"),
        ('mIoU < 1', "Did you mean 'miou'"),
        ('latency_p59.high > 3', "Did you mean 'latency_p95'"),
        ('miou.high is worse', "Did you mean 'miou'"),
        ('iou. < 1', "Unknown metric 'iou.'"),
    ],
)
def test_a_metric_that_there_is_not_is_refused_before_anything_is_compared(
    text: str, told: str
) -> None:
    with pytest.raises(ParameterError, match=told):
        parse_rule(text)


def test_a_class_that_there_is_not_is_refused(comparison: Comparison) -> None:
    with pytest.raises(ParameterError, match=r"Did you mean 'iou\.pole'"):
        parse_rule('iou.Pole < 0').check(comparison)


def test_a_rule_about_truth_is_refused_where_there_is_none() -> None:
    frames = [replace(one, confusion=None) for one in drive(600)]
    without = compare(frames, frames, CLASSES)

    with pytest.raises(ParameterError, match=r"Unknown metric 'iou\.\*'"):
        parse_rule('iou.* < 0').check(without)


@pytest.mark.parametrize(
    ('metric', 'needs'),
    [('miou', True), ('iou.*', True), ('accuracy', True), ('flicker', False), ('entropy', False)],
)
def test_a_rule_knows_whether_it_needs_truth(metric: str, *, needs: bool) -> None:
    assert parse_rule(f'{metric} < 0').needs_truth is needs


@pytest.mark.parametrize(
    'text', ['miou.high < 0', 'miou is worse', 'iou.* is worse', 'entropy is no difference seen']
)
def test_a_rule_about_what_too_little_is_known_of_does_not_look_kept(text: str) -> None:
    short = compare(drive(20), drive(20), CLASSES)

    with pytest.raises(ParameterError, match='cannot be judged: at most 1 unit of frames says'):
        parse_rule(text).check(short)


def test_parts_of_nothing_are_not_judged(comparison: Comparison) -> None:
    with pytest.raises(ParameterError, match="A's value of 'crf_rate' is 0"):
        parse_rule('crf_rate > 10 %').check(comparison)


def test_too_little_data_can_be_asked_for() -> None:
    short = compare(drive(20), drive(20), CLASSES)

    assert parse_rule('miou is too little data').check(short)


def test_classes_of_which_too_little_is_known_are_named_beside_those_that_are_judged() -> None:
    a = drive(600)
    a[0] = replace(a[0], confusion=((0, 0, 70), (2, 2, 30)))
    found = compare(a, a, (*CLASSES, 'tram'))
    rule = parse_rule('iou.* is worse')

    met = {rule: rule.check(found)}

    assert met[rule] == ()
    assert 'kept:   iou.* is worse; too little data to judge iou.tram' in as_text(
        found, ('a', 'b'), met
    )
    assert as_json(found, ({}, {}), met)['rules'] == [
        {
            'rule': 'iou.* is worse',
            'met_by': [],
            'not_judged': ['iou.tram'],
            'too_little_data': [],
        }
    ]
