# SPDX-License-Identifier: Apache-2.0
"""Time in a bounded number of bins, and the moments that are worth a look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from replay.records import drive, record
from seg_node.metrics import mean_iou_of_set
from seg_node.replay.page.moments import Chooser
from seg_node.replay.page.timeline import frame_mean_iou, Timeline

NANO = 10**9


def timeline(records: list[Any], classes: int | None = 2) -> Timeline:
    found = Timeline()
    for one in records:
        found.add(one, classes)
    return found


def test_each_frame_of_a_short_drive_has_a_bin_of_its_own() -> None:
    records = [record(index, entropy=index / 100) for index in range(50)]

    bins = list(timeline(records).bins())

    assert [one.time for one in bins] == pytest.approx([index / 10 for index in range(50)])
    means = [found.mean for one in bins if (found := one.values('entropy'))]
    assert means == pytest.approx([index / 100 for index in range(50)])


@pytest.mark.parametrize('frames', [481, 5000])
def test_long_drive_is_put_together_without_losing_anything(frames: int) -> None:
    random = np.random.default_rng(0)
    values = random.random(frames)
    decisions = random.choice(['ran', 'certain'], frames)
    records = [
        record(index, entropy=float(value), crf=str(decision))
        for index, (value, decision) in enumerate(zip(values, decisions, strict=True))
    ]

    bins = list(timeline(records).bins())

    assert 200 < len(bins) <= 480
    assert sum(one.frames for one in bins) == frames
    ranges = [found for one in bins if (found := one.values('entropy'))]
    total = sum(one.frames * found.mean for one, found in zip(bins, ranges, strict=True))
    assert total / frames == pytest.approx(values.mean())
    assert min(one.low for one in ranges) == values.min()
    assert max(one.high for one in ranges) == values.max()
    assert sum(one.crf['ran'] for one in bins) == (decisions == 'ran').sum()
    times = [one.time for one in bins]
    assert times == sorted(times)


def test_frames_without_a_result_count_as_such_alone() -> None:
    bins = list(timeline([record(0), record(1, error='half a JPEG')]).bins())

    assert [one.failed for one in bins] == [0, 1]
    assert bins[1].values('entropy') is None


def test_bag_that_jumps_a_year_costs_no_more_bins() -> None:
    year = 365 * 24 * 3600 * NANO

    bins = list(timeline([record(0), record(1, log_ns=year), record(2, log_ns=year + 1)]).bins())

    assert sum(one.frames for one in bins) == 3
    assert len(bins) == 2


def test_mean_iou_of_a_frame_is_that_of_its_confusion() -> None:
    counts = np.array([[80, 20], [0, 0]])

    assert frame_mean_iou(record(), 2) == pytest.approx(mean_iou_of_set(counts))
    assert frame_mean_iou(record(confusion=None), 2) is None
    assert frame_mean_iou(record(confusion=()), 2) is None


def chosen(records: list[Any], classes: int | None = 2) -> list[tuple[str, int]]:
    chooser = Chooser(classes)
    for one in records:
        chooser.add(one)
    return [(one.kind, one.record.index) for one in chooser.worst()]


def test_worst_scores_come_first_and_not_twice_from_one_moment() -> None:
    records = drive(100)
    for index, hits in ((40, 10), (41, 5), (42, 20), (80, 30)):
        records[index] = record(index, hits, 100 - hits)

    found = chosen(records)

    assert found[:2] == [('mean_iou', 41), ('mean_iou', 80)]
    assert not {40, 42} & {index for _, index in found}


def test_without_truth_flicker_and_entropy_choose() -> None:
    records = drive(100, confusion=None)
    records[30] = record(30, confusion=None, flicker=0.9)
    records[60] = record(60, confusion=None, entropy=0.8)

    found = chosen(records, None)

    assert found[0] == ('flicker', 30)
    assert ('entropy', 60) in found
    assert 'mean_iou' not in {kind for kind, _ in found}


def test_moment_knows_the_frame_before_of_its_own_camera() -> None:
    chooser = Chooser(None)
    for index in range(3):
        for topic in ('/left', '/right'):
            worst = (index, topic) == (2, '/left')
            chooser.add(record(index, topic=topic, confusion=None, flicker=0.9 if worst else 0.0))

    (moment,) = [one for one in chooser.worst() if one.kind == 'flicker']
    assert moment.before is not None
    assert (moment.before.topic, moment.before.index) == ('/left', 1)


def test_perfect_frames_are_not_shown_as_bad() -> None:
    assert chosen(drive(20, confusion=((0, 0, 100),), flicker=0.0, entropy=0.0)) == []
