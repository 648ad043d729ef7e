# SPDX-License-Identifier: Apache-2.0
"""The pooled temperature, against the likelihood of plain softmax."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import (
    best_temperature,
    pixels_for_temperature,
    sum_nll,
    sum_nll_of_temperatures,
    TEMPERATURES,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Planes = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.uint8]


def softmax(scores: Planes) -> Planes:
    raised = np.exp(scores - scores.max(axis=0))
    shares: Planes = raised / raised.sum(axis=0)
    return shares


def drawn(seed: int, size: tuple[int, int] = (60, 80)) -> tuple[Planes, Labels]:
    """Return scores of 4 classes, and a truth drawn with just their probabilities."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (4, *size)).astype(np.float32)
    chance = rng.random(size)
    truth = (softmax(scores).cumsum(axis=0) < chance).sum(axis=0).clip(0, 3).astype(np.uint8)
    truth[rng.random(size) < 0.1] = 255
    return scores, truth


def test_sums_are_the_likelihood_of_the_softmax_at_each_temperature() -> None:
    scores, truth = drawn(0)
    temperatures = np.array([0.5, 1.0, 2.5])

    sums = sum_nll_of_temperatures(scores, truth, temperatures)

    for row, temperature in zip(sums, temperatures, strict=True):
        plain = sum_nll(softmax(scores / float(temperature)), truth)
        np.testing.assert_allclose(row, plain, rtol=1e-5)


@pytest.mark.parametrize('factor', [0.7, 1.0, 1.8])
def test_the_temperature_that_scores_were_multiplied_with_is_found(factor: float) -> None:
    scores, truth = drawn(1, (120, 160))

    sums = sum_nll_of_temperatures(scores * np.float32(factor), truth)

    assert best_temperature(sums) == pytest.approx(factor, rel=0.04)


def test_logs_of_probabilities_give_what_is_left_to_do() -> None:
    scores, truth = drawn(2)
    at_two: Planes = np.log(softmax(scores * np.float32(0.5)))

    left = best_temperature(sum_nll_of_temperatures(at_two, truth))

    whole = best_temperature(sum_nll_of_temperatures(scores, truth))
    assert left * 2 == pytest.approx(whole, rel=0.011)  # the grid is 1 % fine


def test_probabilities_of_a_group_are_summed_after_the_temperature() -> None:
    """Classes 1 and 3 are one group, class 0 is in none, a third group has no members."""
    scores, truth = drawn(5)
    groups = np.array([[0, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]], np.float32)
    truth[truth == 3] = 1

    sums = sum_nll_of_temperatures(scores, truth, np.array([2.0]), groups=groups)

    grouped = np.tensordot(groups[:2], softmax(scores * np.float32(0.5)), axes=1)
    plain = sum_nll(grouped, np.where(truth < 2, truth, 255).astype(np.uint8))
    np.testing.assert_allclose(sums[0], plain, rtol=1e-5)


def test_the_true_class_may_be_far_behind() -> None:
    scores = np.array([[0.0], [-300.0]], np.float32)

    sums = sum_nll_of_temperatures(scores, np.ones(1, np.uint8), np.array([0.5, 1.0]))

    assert sums.tolist() == [[600.0, 1.0], [300.0, 1.0]]


def test_pooled_sums_are_not_the_mean_of_temperatures() -> None:
    """A sure model on many pixels outweighs an unsure one on few."""
    scores, truth = drawn(3)
    many = sum_nll_of_temperatures(scores * 2, truth)
    few = sum_nll_of_temperatures(scores[:, :6] * np.float32(0.5), truth[:6])

    pooled = best_temperature(many + few)

    assert best_temperature(few) < pooled < best_temperature(many)
    assert pooled > (best_temperature(few) + best_temperature(many)) / 2


def test_the_temperature_is_fitted_on_one_percent_of_the_labelled_pixels_in_rows() -> None:
    truth = drawn(4)[1]
    columns = np.arange(truth.size).reshape(truth.shape) % truth.shape[1]

    pixel = pixels_for_temperature(truth)

    labelled = (truth != 255).ravel()
    assert labelled[pixel].all()
    assert np.array_equal(labelled.cumsum()[pixel], np.arange(len(pixel)) * 101 + 1)
    assert len(pixel) == -(-labelled.sum() // 101)
    assert len(np.unique(columns.ravel()[pixel])) > len(pixel) / 2


def test_large_scores_do_not_overflow() -> None:
    scores = np.array([[1e4], [0.0]], np.float32)

    assert sum_nll_of_temperatures(scores, np.zeros(1, np.uint8), np.ones(1))[0, 0] == 0.0


def test_the_grid_is_one_percent_fine_and_holds_one() -> None:
    assert np.diff(np.log(TEMPERATURES)).max() < 0.0102
    assert np.abs(TEMPERATURES - 1.0).min() < 0.005


def test_nothing_has_no_temperature() -> None:
    nothing = sum_nll_of_temperatures(
        np.zeros((2, 1, 1), np.float32), np.full((1, 1), 255, np.uint8)
    )

    assert math.isnan(best_temperature(nothing))


def test_temperatures_refuse_arrays_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r'\(2, 2\), the truth is \(2, 3\)'):
        sum_nll_of_temperatures(np.zeros((4, 2, 2), np.float32), np.zeros((2, 3), np.uint8))
