# SPDX-License-Identifier: Apache-2.0
"""The comparison of smoothing counts what it says it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from compare_smoothing import gain, NONE, Run, settings
from seg_node.metrics import mean_iou_of_set
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

pytestmark = pytest.mark.needs_onnx
LAVA, ROAD, WATER = range(3)
SIZE = (24, 32)


def random_counts(seed: int) -> list[npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 100, (3, 3)) + 500 * np.eye(3, dtype=np.int64) for _ in range(40)]


def test_gain_is_the_difference_of_the_whole_within_its_interval() -> None:
    ours, plain = random_counts(0), random_counts(1)

    whole, low, high = gain(ours, plain)

    expected = mean_iou_of_set(np.sum(ours, axis=0)) - mean_iou_of_set(np.sum(plain, axis=0))
    assert whole == pytest.approx(100 * expected)
    assert low < whole < high


def test_nothing_is_gained_over_the_same_counts() -> None:
    assert gain(random_counts(0), random_counts(0)) == [0.0, 0.0, 0.0]


def test_settings_differ_and_one_is_plain() -> None:
    found = settings()

    assert found[NONE].smoothing is None
    assert len({one.smoothing for one in found.values()}) == len(found)


def test_run_counts_classes_and_drivable_area(tmp_path: Path) -> None:
    """The network calls the left half road, the right half lava; the truth is road and water."""
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')
    run = Run(bundle, bundle.manifest.taxonomy, settings()[NONE])
    scores = np.full((1, 3, *SIZE), -9.0, np.float32)
    scores[0, ROAD, :, :16] = scores[0, LAVA, :, 16:] = 9.0
    truth = np.full((48, 64), ROAD, np.uint8)
    truth[:, 32:] = WATER
    truth[:, :8] = 255

    for number in range(2):
        run.add(np.zeros((48, 64, 3), np.uint8), truth, scores, 0.1 * number)

    pairs = np.sum(run.sums.pairs, axis=0)
    found = run.to_dict(run)
    assert pairs[ROAD].tolist() == [0, 2 * 48 * 24, 0]
    assert pairs[WATER].tolist() == [2 * 48 * 32, 0, 0]
    assert found['drivable_recall'] == pytest.approx(100.0, abs=5.0)
    assert found['flicker'] == 0.0
    assert found['added_cpu_ms'] == 0.0
