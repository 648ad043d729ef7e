# SPDX-License-Identifier: Apache-2.0
"""Rules about a difference of which too little is known for an interval say so."""

from __future__ import annotations

from dataclasses import replace

from replay.records import drive
from seg_node.replay.compare.comparison import compare, Comparison
from seg_node.replay.compare.report import as_json, as_text
from seg_node.replay.compare.rules import parse_rule

CLASSES = ('road', 'pole', 'tram')


def told(comparison: Comparison, text: str) -> tuple[str, list[str]]:
    """Return the line of a rule, and the metrics that it is said to be unsure of."""
    rule = parse_rule(text)
    met = {rule: rule.check(comparison)}
    (plain,) = as_json(comparison, ({}, {}), met)['rules']
    return as_text(comparison, ('a', 'b'), met).splitlines()[-1], plain['too_little_data']


def test_a_rule_that_is_kept_on_too_little_data_says_so() -> None:
    short = compare(drive(20), drive(20), CLASSES)

    assert told(short, 'miou < -0.5') == (
        'kept (too little data to tell): miou < -0.5',
        ['miou'],
    )


def test_a_rule_that_is_broken_on_too_little_data_says_so() -> None:
    short = compare(drive(20), drive(20), CLASSES)

    line, metrics = told(short, 'miou < 0.5')

    assert line == 'BROKEN: miou < 0.5 (miou +0.00); too little data to tell of miou'
    assert metrics == ['miou']


def test_only_some_classes_have_too_little_data() -> None:
    frames = drive(600)
    frames[0] = replace(frames[0], confusion=((0, 0, 70), (2, 2, 30)))
    long = compare(frames, frames, CLASSES)

    line, metrics = told(long, 'iou.* < -0.5')

    assert line == 'kept:   iou.* < -0.5; too little data to tell of iou.tram'
    assert metrics == ['iou.tram']


def test_enough_data_and_the_verdict_itself_are_no_reason_to_doubt() -> None:
    long, short = (compare(drive(count), drive(count), CLASSES) for count in (600, 20))

    assert told(long, 'miou < -0.5') == ('kept:   miou < -0.5', [])
    assert told(short, 'miou is too little data')[1] == []


def test_one_block_is_told_in_the_singular() -> None:
    short = compare(drive(20), drive(20), CLASSES)

    assert 'draws   1 block of at least' in as_text(short, ('a', 'b'), {})
