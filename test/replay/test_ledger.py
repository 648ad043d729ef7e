# SPDX-License-Identifier: Apache-2.0
"""What is added up over the frames of a drive."""

from __future__ import annotations

import numpy as np
import pytest

from replay.records import record
from seg_node.replay.ledger import Ledger, Percentiles, Stamps, Worst


@pytest.mark.parametrize('share', [0.5, 0.95, 0.99, 1.0])
def test_percentiles_are_those_of_all_times_to_half_a_per_cent(share: float) -> None:
    times = np.random.default_rng(0).lognormal(-3, 1, 5000)
    percentiles = Percentiles()
    for one in times:
        percentiles.add(float(one))

    expected = np.quantile(times, share, method='inverted_cdf')

    assert percentiles.at(share) == pytest.approx(expected, rel=0.0055)


def test_percentiles_of_nothing_are_none_and_of_no_time_are_tiny() -> None:
    percentiles = Percentiles()
    assert percentiles.at(0.5) is None

    percentiles.add(0.0)

    assert percentiles.at(0.5) == pytest.approx(1e-7, rel=0.02)


def test_stamps_tell_gaps_and_going_back() -> None:
    stamps = Stamps()
    for tenths in (10, 11, 12, 40, 41, 41, 10, 11):
        stamps.add(tenths * 10**8)

    assert (stamps.first_ns, stamps.last_ns) == (10**9, 11 * 10**8)
    assert (stamps.gaps, stamps.longest_ns, stamps.back) == (1, 28 * 10**8, 2)


def test_worst_frames_are_the_highest_and_of_equal_ones_the_first() -> None:
    worst = Worst()
    values = [0.1 * (index * 7 % 13) for index in range(30)]
    for index, value in enumerate(values):
        worst.add(value, record(index))
    worst.add(None, record(99))

    found = [one.index for _, one in worst.frames()]

    order = sorted(range(30), key=lambda index: (-values[index], index))
    assert found == order[:10]


def test_ledger_counts_frames_classes_and_times() -> None:
    ledger = Ledger()
    ledger.add(record(0, times={'total': 0.1, 'crf': 0.001}))
    ledger.add(
        record(1, crf='ran', times={'total': 0.3, 'crf': 0.2}, crf_predicted=0.1, confusion=None)
    )
    ledger.add(record(2, error='is damaged'))

    assert (ledger.frames, ledger.failed, ledger.with_truth) == (2, 1, 1)
    assert ledger.class_pixels == {0: 160, 1: 40}
    assert ledger.class_frames == {0: 2, 1: 2}
    assert ledger.crf == {'off': 1, 'ran': 1}
    assert ledger.times['crf'].at(0.5) == pytest.approx(0.2, rel=0.01)  # of frames that it ran on
    assert ledger.crf_predicted.value == pytest.approx(0.5)
    assert (ledger.entropy.value, ledger.flicker.value) == (0.25, 0.1)
    assert [one.index for one in ledger.errors] == [2]


def test_errors_that_are_kept_are_few() -> None:
    ledger = Ledger()
    for index in range(100):
        ledger.add(record(index, error='is damaged'))

    assert (ledger.failed, len(ledger.errors)) == (100, 20)
