# SPDX-License-Identifier: Apache-2.0
"""Likelihood and Brier score, against their definitions pixel by pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import mean_brier, mean_nll, sum_brier, sum_nll

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Planes = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.uint8]
    Sums = npt.NDArray[np.float64]


def prediction(seed: int) -> tuple[Planes, Labels]:
    """Return probabilities of 4 classes and the truth, of which an eighth is unlabelled."""
    rng = np.random.default_rng(seed)
    planes = np.moveaxis(rng.dirichlet(np.full(4, 0.5), (7, 9)), -1, 0).astype(np.float32)
    truth = rng.integers(0, 4, (7, 9)).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.125] = 255
    return planes, truth


def test_mean_nll_is_minus_the_log_of_the_probability_of_the_truth() -> None:
    probabilities = np.array([[[0.5, 0.25, 0.1]], [[0.5, 0.75, 0.9]]], np.float32)
    truth = np.array([[0, 1, 255]], np.uint8)

    nll = mean_nll(sum_nll(probabilities, truth))

    assert nll == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)


def test_one_impossible_pixel_does_not_make_the_mean_infinite() -> None:
    probabilities = np.array([[[0.0]], [[1.0]]], np.float32)

    nll = mean_nll(sum_nll(probabilities, np.array([[0]], np.uint8)))

    assert 80 < nll < 90  # -ln of the smallest normal float32


def test_brier_is_the_squared_distance_to_the_one_hot_truth() -> None:
    planes, truth = prediction(0)

    total, pixels = sum_brier(planes, truth)

    labelled = np.argwhere(truth != 255).tolist()
    slow = sum(
        (float(planes[k, y, x]) - (truth[y, x] == k)) ** 2 for y, x in labelled for k in range(4)
    )
    assert pixels == len(labelled)
    assert total == pytest.approx(slow, rel=1e-6)


@pytest.mark.parametrize(('true', 'expected'), [(0, 0.0), (1, 2.0)])
def test_brier_of_certainty_is_0_if_right_and_2_if_wrong(true: int, expected: float) -> None:
    planes = np.array([[[1.0]], [[0.0]], [[0.0]]], np.float32)

    assert mean_brier(sum_brier(planes, np.array([[true]], np.uint8))) == expected


@pytest.mark.parametrize('rule', [sum_nll, sum_brier])
def test_sums_of_two_halves_add_up_to_the_whole(rule: Callable[[Planes, Labels], Sums]) -> None:
    planes, truth = prediction(1)

    halves = rule(planes[:, :3], truth[:3]) + rule(planes[:, 3:], truth[3:])

    assert halves == pytest.approx(rule(planes, truth), rel=1e-6)


@pytest.mark.parametrize('rule', [sum_nll, sum_brier])
def test_the_true_probabilities_have_the_least_expected_score(
    rule: Callable[[Planes, Labels], Sums],
) -> None:
    """The truth is drawn with 70 %; who says 70 % beats who says 60 % or 80 %."""
    truth = np.array([[0] * 7 + [1] * 3], np.uint8)

    scores = {
        share: rule(np.full((2, 1, 10), [[[share]], [[1 - share]]], np.float32), truth)[0]
        for share in (0.6, 0.7, 0.8)
    }

    assert min(scores, key=scores.__getitem__) == 0.7


def test_unlabelled_images_have_no_score() -> None:
    planes, truth = np.full((2, 1, 1), 0.5, np.float32), np.array([[255]], np.uint8)

    assert math.isnan(mean_nll(sum_nll(planes, truth)))
    assert math.isnan(mean_brier(sum_brier(planes, truth)))


@pytest.mark.parametrize('rule', [sum_nll, sum_brier])
def test_scoring_rules_refuse_arrays_that_do_not_belong_together(
    rule: Callable[[Planes, Labels], Sums],
) -> None:
    with pytest.raises(ValueError, match=r'\(2, 2\), the truth is \(2, 3\)'):
        rule(np.zeros((4, 2, 2), np.float32), np.zeros((2, 3), np.uint8))
