# SPDX-License-Identifier: Apache-2.0
"""Boundary F1, against a brute force form of its definition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import boundary_f1_of_classes, boundary_f1_of_image
from seg_node.metrics.boundary import outline

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.uint8]


def two_halves(border: int, height: int = 20, width: int = 30) -> Labels:
    """Return class 0 left of a column and class 1 from there on."""
    labels = np.zeros((height, width), np.uint8)
    labels[:, border:] = 1
    return labels


def blobs(seed: int) -> Labels:
    """Return patches of three classes, with a few unlabelled pixels."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 3, (4, 5)), np.ones((4, 4))).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.05] = 255
    return labels


def slow_outline(labels: Labels, number: int) -> list[tuple[int, int]]:
    """Return the pixels of a class next to another class, one pixel at a time."""
    height, width = labels.shape
    found = []
    for y, x in np.argwhere(labels == number).tolist():
        around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        inside = [labels[v, u] for v, u in around if 0 <= v < height and 0 <= u < width]
        if any(other not in (number, 255) for other in inside):
            found.append((y, x))
    return found


def slow_boundary_f1(truth: Labels, predicted: Labels, reach: float) -> dict[int, float]:
    """Return the F1 of each class by comparing all pairs of outline pixels."""
    visible = np.where(truth == 255, 255, predicted).astype(np.uint8)
    scores = {}
    for number in range(255):
        true, guessed = slow_outline(truth, number), slow_outline(visible, number)
        if not true:
            continue
        hits = [min((math.dist(g, t) for t in true), default=math.inf) <= reach for g in guessed]
        found = [min((math.dist(t, g) for g in guessed), default=math.inf) <= reach for t in true]
        together = sum(hits) / max(len(hits), 1) + sum(found) / len(found)
        product = sum(hits) / max(len(hits), 1) * sum(found) / len(found)
        scores[number] = 2 * product / together if together else 0.0
    return scores


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('reach', [0.0, 1.0, 2.3])
def test_boundary_f1_agrees_with_brute_force(seed: int, reach: float) -> None:
    truth, predicted = blobs(seed), blobs(seed + 50)
    predicted[predicted == 255] = 0

    fast = boundary_f1_of_image(truth, predicted, reach)
    of_classes = boundary_f1_of_classes(truth, predicted, 3, reach)

    slow = slow_boundary_f1(truth, predicted, reach)
    assert fast == pytest.approx(sum(slow.values()) / len(slow), rel=1e-9)
    assert of_classes == pytest.approx([slow[number] for number in range(3)], rel=1e-9)


def test_a_perfect_prediction_scores_1_even_without_tolerance() -> None:
    assert boundary_f1_of_image(two_halves(10), two_halves(10), 0.0) == 1.0


@pytest.mark.parametrize(('reach', 'expected'), [(2.0, 1.0), (1.9, 0.0)])
def test_a_shifted_border_counts_up_to_the_tolerance(reach: float, expected: float) -> None:
    assert boundary_f1_of_image(two_halves(10), two_halves(12), reach) == expected


def test_the_default_tolerance_is_three_quarters_of_a_percent_of_the_diagonal() -> None:
    """At 300 x 400 the diagonal is 500, so 3.75 pixels: a shift of 3 counts, one of 4 does not."""
    truth = two_halves(200, 300, 400)

    assert boundary_f1_of_image(truth, two_halves(203, 300, 400)) == 1.0
    assert boundary_f1_of_image(truth, two_halves(204, 300, 400)) == 0.0


def test_a_class_that_was_missed_scores_0() -> None:
    assert boundary_f1_of_image(two_halves(10), np.zeros((20, 30), np.uint8)) == 0.0


def test_a_truth_without_borders_has_no_score() -> None:
    flat = np.zeros((4, 4), np.uint8)

    assert math.isnan(boundary_f1_of_image(flat, flat))


def test_a_class_without_an_outline_in_the_truth_has_no_score_of_its_own() -> None:
    scores = boundary_f1_of_classes(two_halves(10), two_halves(11), 4)

    assert np.isnan(scores).tolist() == [False, False, True, True]


def test_borders_to_unlabelled_pixels_do_not_count() -> None:
    labels = two_halves(10)
    labels[labels == 1] = 255

    assert not outline(labels).any()


def test_boundary_f1_refuses_sizes_that_differ() -> None:
    with pytest.raises(ValueError, match=r'shape \(20, 30\), the prediction \(4, 4\)'):
        boundary_f1_of_image(two_halves(10), np.zeros((4, 4), np.uint8))
