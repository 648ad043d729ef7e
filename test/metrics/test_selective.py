# SPDX-License-Identifier: Apache-2.0
"""Risk over coverage, against sorting pixels by confidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import area_under_risk_coverage, count_confidence, LEVELS, risk_coverage

if TYPE_CHECKING:
    import numpy.typing as npt


def guesses(count: int, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return confidence, all different, and whether the guess is right, which is as likely."""
    rng = np.random.default_rng(seed)
    confidence = rng.permutation(np.linspace(0.2, 0.999, count)).astype(np.float32)
    return confidence, rng.random(count) < confidence


def slow_risks(confidence: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> list[float]:
    """Return the share of wrong ones among the n surest, for each n."""
    order = sorted(range(len(confidence)), key=lambda one: -confidence[one])
    wrong = 0
    risks = []
    for used, one in enumerate(order, start=1):
        wrong += not right[one]
        risks.append(wrong / used)
    return risks


def test_risk_coverage_agrees_with_sorting() -> None:
    confidence, right = guesses(300)

    curve = risk_coverage(count_confidence(confidence, right, bins=100_000))

    assert curve.coverage.tolist() == pytest.approx([n / 300 for n in range(1, 301)])
    assert curve.risk.tolist() == pytest.approx(slow_risks(confidence, right))


def test_the_area_is_the_mean_risk_over_all_coverages() -> None:
    confidence, right = guesses(300)

    area = area_under_risk_coverage(count_confidence(confidence, right, bins=100_000))

    assert area == pytest.approx(np.mean(slow_risks(confidence, right)), rel=1e-3)


def test_equal_confidence_is_taken_in_random_order() -> None:
    """40 sure pixels of which 1 is wrong, then 60 of which 30 are: on average 0.5 per pixel."""
    counts = np.array([[60, 30.0, 30], [40, 39.0, 39]])

    area = area_under_risk_coverage(counts)

    sure, unsure = [1 / 40] * 40, [(1 + 0.5 * n) / (40 + n) for n in range(1, 61)]
    assert area == pytest.approx(np.mean(sure + unsure), rel=1e-4)


def test_perfect_and_random_order_have_the_areas_of_their_formulas() -> None:
    """A fifth of the pixels is wrong."""
    perfect = np.array([[2000, 0.0, 0], [8000, 8000.0, 8000]])
    random = np.array([[10_000, 8000.0, 8000]])

    assert area_under_risk_coverage(perfect) == pytest.approx(0.2 + 0.8 * math.log(0.8), rel=1e-3)
    assert area_under_risk_coverage(random) == 0.2


def test_levels_keep_all_bytes_apart() -> None:
    bytes_ = np.arange(256, dtype=np.uint8)

    counts = count_confidence(bytes_, bytes_ > 100, bins=LEVELS)

    assert counts[:, 0].tolist() == [1.0] * 256
    assert counts[:, 2].tolist() == [float(level > 100) for level in range(256)]


def test_the_curve_ends_at_the_error_rate_of_all_pixels() -> None:
    confidence, right = guesses(50, seed=3)

    curve = risk_coverage(count_confidence(confidence, right, bins=LEVELS))

    assert curve.coverage[-1] == 1.0
    assert curve.risk[-1] == pytest.approx(1 - right.mean())


def test_nothing_has_no_risk() -> None:
    nothing = np.zeros((LEVELS, 3))

    assert math.isnan(area_under_risk_coverage(nothing))
    assert risk_coverage(nothing).coverage.size == 0
