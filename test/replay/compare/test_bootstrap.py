# SPDX-License-Identifier: Apache-2.0
"""Draws and intervals, against all draws that there are and against drives of known truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from seg_node.metrics.student import student_quantile
from seg_node.replay.compare import bootstrap
from seg_node.replay.compare.bootstrap import DRAWS, draws, interval


def test_every_draw_takes_as_many_units_as_there_are() -> None:
    weights = np.concatenate(list(draws(7, 1)))

    assert weights.shape == (DRAWS, 7)
    assert (weights.sum(axis=1) == 7).all()


def test_draws_do_not_depend_on_how_many_are_made_at_a_time() -> None:
    at_once, in_parts = list(draws(5, 1)), list(draws(5, 40_000))

    assert len(in_parts) > len(at_once) == 1
    assert np.array_equal(at_once[0], np.concatenate(in_parts))


def test_a_seed_gives_the_same_draws_again() -> None:
    first, again, other = (next(draws(5, 1, seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_quotient_of_sums_is_spread_as_over_all_draws_that_there_are() -> None:
    part, whole = np.array([3.0, 1.0, 7.0, 2.0]), np.array([4.0, 5.0, 8.0, 9.0])
    exact = sorted(
        sum(part[unit] for unit in units) / sum(whole[unit] for unit in units)
        for units in itertools.product(range(4), repeat=4)
    )
    weights = np.concatenate(list(draws(4, 1)))
    got = (weights @ part) / (weights @ whole)

    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        below = np.mean(got < exact[int(share * 256)])
        up_to = np.mean(got <= exact[int(share * 256)])
        assert below - 0.02 <= share <= up_to + 0.02
    assert got.mean() == pytest.approx(np.mean(exact), abs=0.01)
    assert got.std() == pytest.approx(np.std(exact), rel=0.05)


def test_an_interval_of_a_mean_is_that_of_students_t() -> None:
    values = np.random.default_rng(3).normal(10.0, 2.0, 12)
    weights = np.concatenate(list(draws(12, 1)))

    low, high = interval(weights @ values / 12, 12)

    reach = 2.201 * values.std(ddof=1) / math.sqrt(12)  # table of t, 11 degrees of freedom
    assert low == pytest.approx(values.mean() - reach, abs=0.12 * reach)
    assert high == pytest.approx(values.mean() + reach, abs=0.12 * reach)


@pytest.mark.parametrize(
    ('freedom', 'tabled'), [(5, 2.571), (7, 2.365), (10, 2.228), (30, 2.042), (120, 1.980)]
)
def test_quantiles_of_students_t_are_those_of_the_table(freedom: int, tabled: float) -> None:
    assert student_quantile(freedom) == pytest.approx(tabled, abs=1e-3)


def test_draws_without_a_value_are_left_out() -> None:
    values = np.array([math.nan, *np.linspace(0.0, 1.0, 1001)])

    assert interval(values, 1000) == pytest.approx((0.025, 0.975), abs=2e-3)
    assert all(map(math.isnan, interval(np.array([math.nan]), 10)))


def test_blocks_hold_the_truth_as_often_as_they_say_and_single_frames_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Drives of 100 s at 10 Hz whose errors have a memory of one second."""
    monkeypatch.setattr(bootstrap, 'DRAWS', 300)
    rng = np.random.default_rng(0)
    drives = [_sluggish_noise(rng, 1000, memory=10) for _ in range(200)]

    of_blocks = [_holds_zero(change.reshape(20, 50)) for change in drives]
    of_frames = [_holds_zero(change[:, None]) for change in drives[:30]]

    assert 0.88 <= np.mean(of_blocks) <= 0.98
    assert np.mean(of_frames) < 0.6


def _holds_zero(units: np.ndarray) -> bool:
    """Return whether the interval of the mean over (units, frames of each) holds 0."""
    weights = next(draws(len(units), 1))
    low, high = interval(weights @ units.sum(axis=1) / units.size, len(units))
    return low <= 0.0 <= high


def _sluggish_noise(rng: np.random.Generator, count: int, memory: int) -> np.ndarray:
    """Return (count,) float64 around 0 whose correlation falls to 1/e after ``memory`` numbers."""
    keep = math.exp(-1.0 / memory)
    steps = rng.normal(0.0, math.sqrt(1.0 - keep**2), count + 20 * memory)
    powers = keep ** np.arange(20 * memory)
    return np.convolve(steps, powers)[20 * memory : 20 * memory + count]
