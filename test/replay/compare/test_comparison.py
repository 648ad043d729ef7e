# SPDX-License-Identifier: Apache-2.0
"""Two runs over the same frames, of which it is known what differs."""

from __future__ import annotations

from dataclasses import replace
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from replay.records import drive, record
from seg_node.errors import BagError
from seg_node.metrics import class_iou, global_accuracy, mean_iou_of_set
from seg_node.replay.compare.comparison import compare, Comparison, Difference

if TYPE_CHECKING:
    from seg_node.replay.record import FrameRecord

CLASSES = ('road', 'pole', 'sky')


def of(comparison: Comparison, name: str) -> Difference:
    """Return the difference of one metric."""
    return next(one for one in comparison.differences if one.metric.name == name)


def random_drive(seed: int, frames: int = 600) -> list[FrameRecord]:
    """Return a drive of a minute with random tables of confusion."""
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 50, (frames, 3, 3))
    return [
        record(
            index,
            confusion=tuple(
                (true, guessed, int(table[true, guessed]))
                for true, guessed in zip(*np.nonzero(table), strict=True)
            ),
            times={'total': float(seconds)},
            crf=str(decision),
        )
        for index, (table, seconds, decision) in enumerate(
            zip(
                tables,
                rng.uniform(0.01, 0.02, frames),
                rng.choice(['ran', 'certain'], frames),
                strict=True,
            )
        )
    ]


def table_of(records: list[FrameRecord]) -> np.ndarray:
    """Return the (3, 3) sum of all tables, entry by entry."""
    table = np.zeros((3, 3), np.int64)
    for one in records:
        for true, guessed, pixels in one.confusion or ():
            table[true, guessed] += pixels
    return table


def test_figures_are_those_of_all_frames_together() -> None:
    sides = random_drive(1), random_drive(2)

    got = compare(*sides, CLASSES)

    for number, side in enumerate(sides):
        table, name = table_of(side), 'ab'[number]
        times = [one.times['total'] for one in side]
        expected = {
            'miou': 100 * mean_iou_of_set(table),
            'accuracy': 100 * global_accuracy(table),
            'iou.pole': 100 * class_iou(table)[1],
            'latency_p50': 1e3 * float(np.quantile(times, 0.5, method='inverted_cdf')),
            'latency_p95': 1e3 * float(np.quantile(times, 0.95, method='inverted_cdf')),
            'crf_rate': 100 * np.mean([one.crf == 'ran' for one in side]),
            'entropy': 25.0,
            'flicker': 10.0,
        }
        found = {metric: getattr(of(got, metric), name) for metric in expected}
        assert found == pytest.approx(expected)


def test_a_run_against_itself_shows_no_difference() -> None:
    frames = random_drive(1)

    got = compare(frames, frames, CLASSES)

    assert {one.verdict for one in got.differences} == {'no difference seen'}
    assert all(one.low == one.high == one.change == 0.0 for one in got.differences)


def test_what_got_better_is_called_so_whichever_way_is_better() -> None:
    a = drive(600)
    b = [
        replace(
            one,
            confusion=((0, 0, 90), (0, 1, 10)),
            flicker=None if one.flicker is None else 0.05,
            entropy=0.2,
            times={'total': 0.02},
        )
        for one in a
    ]

    got = compare(a, b, CLASSES)

    verdicts = {one.metric.name: one.verdict for one in got.differences}
    assert verdicts == {
        'miou': 'better',
        'iou.road': 'better',
        'iou.pole': 'no difference seen',  # never in the truth, taken for it in both
        'accuracy': 'better',
        'flicker': 'better',
        'entropy': 'lower',
        'crf_rate': 'no difference seen',
        'latency_p50': 'worse',
        'latency_p95': 'worse',
    }
    assert of(got, 'accuracy').change == pytest.approx(10.0)
    assert of(compare(b, a, CLASSES), 'accuracy').verdict == 'worse'


def test_noise_alone_makes_no_verdict() -> None:
    got = compare(random_drive(1), random_drive(2), CLASSES)

    verdicts = [of(got, name).verdict for name in ('miou', 'accuracy', 'latency_p50')]
    assert verdicts == ['no difference seen'] * 3


def test_a_difference_of_one_stretch_alone_is_not_called_one() -> None:
    a = drive(600)
    b = [replace(one, confusion=((0, 0, 100),)) if one.index < 50 else one for one in a]

    got = of(compare(a, b, CLASSES), 'accuracy')

    assert got.change > 1.0
    assert got.verdict == 'no difference seen'


def test_a_short_drive_is_too_little_data() -> None:
    a = drive(201)
    b = [replace(one, confusion=((0, 0, 100),)) for one in a]

    got = of(compare(a, b, CLASSES), 'accuracy')

    assert (got.verdict, got.support) == ('too little data', 4)
    assert got.change == pytest.approx(20.0)
    assert math.isnan(got.low)


def test_a_class_in_few_stretches_is_too_little_data_while_the_others_are_judged() -> None:
    a = [
        replace(one, confusion=((0, 0, 80), (2, 2, 1), (2, 0, 1))) if one.index < 100 else one
        for one in drive(600)
    ]

    got = compare(a, a, CLASSES)

    assert (of(got, 'iou.sky').verdict, of(got, 'iou.sky').support) == ('too little data', 2)
    assert of(got, 'iou.road').verdict == 'no difference seen'


def test_without_truth_only_figures_that_need_none_are_left() -> None:
    frames = [replace(one, confusion=None) for one in drive(600)]

    names = [one.metric.name for one in compare(frames, frames, CLASSES).differences]

    assert names == ['flicker', 'entropy', 'crf_rate', 'latency_p50', 'latency_p95']


def test_only_frames_that_both_sides_have_are_compared_and_the_others_are_counted() -> None:
    a = drive(600)
    b = [replace(one, error='damaged') if one.index < 7 else one for one in a[:590]]

    got = compare(a, b, CLASSES)

    assert (got.frames, got.only_a, got.only_b) == (583, 17, 0)


def test_runs_without_a_common_frame_are_refused() -> None:
    with pytest.raises(BagError, match='no frame in common'):
        compare(drive(3), drive(3, bag='another'), CLASSES)


def test_frames_without_flicker_on_one_side_count_on_neither() -> None:
    a = drive(600)
    b = [replace(one, flicker=None) if one.index % 2 else one for one in a]

    got = of(compare(a, b, CLASSES), 'flicker')

    assert [got.a, got.b] == pytest.approx([10.0, 10.0])


def test_frames_without_truth_on_one_side_are_scored_on_neither() -> None:
    a = drive(600)
    b = [replace(one, confusion=None if one.index % 2 else ((0, 0, 100),)) for one in a]
    a = [replace(one, confusion=((0, 1, 100),)) if one.index % 2 else one for one in a]

    got = of(compare(a, b, CLASSES), 'accuracy')

    assert [got.a, got.b] == pytest.approx([80.0, 100.0])
