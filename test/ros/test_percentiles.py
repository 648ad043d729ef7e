# SPDX-License-Identifier: Apache-2.0
"""Percentiles of the last frames."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.ros.vitals.percentiles import SAMPLES, StageTimes


@pytest.mark.parametrize('count', [1, 2, 19, 20, 100, 101, 512])
def test_percentiles_are_those_of_numpy_by_the_nearest_rank(count: int) -> None:
    samples = np.random.default_rng(count).random(count)
    stages = StageTimes()
    for one in samples:
        stages.add({'infer': float(one)})

    spread = stages.spreads()['infer']

    expected = np.percentile(samples, [50, 95, 99], method='inverted_cdf')
    assert [spread.p50, spread.p95, spread.p99] == pytest.approx(expected.tolist())


def test_only_the_last_samples_count() -> None:
    stages = StageTimes()
    for index in range(3 * SAMPLES):
        stages.add({'infer': 9.0 if index < 2 * SAMPLES else 1.0})

    assert stages.spreads()['infer'].p99 == 1.0


def test_stage_that_a_frame_did_not_have_is_left_out_of_its_percentiles() -> None:
    stages = StageTimes(samples=4)
    stages.add({'infer': 1.0, 'crf': 5.0})
    for _ in range(10):
        stages.add({'infer': 2.0})

    spreads = stages.spreads()

    assert spreads['crf'].p50 == 5.0
    assert spreads['infer'].p99 == 2.0


def test_no_frame_has_no_percentiles() -> None:
    assert StageTimes().spreads() == {}
