# SPDX-License-Identifier: Apache-2.0
"""Boundary IoU, against the authors' way of peeling masks and against distances between pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import boundary_iou, count_boundaries

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]

CLASSES = 4


def patches(seed: int, unlabelled: float = 0.0) -> Labels:
    """Return patches of three of four classes at 24 x 32, of which the diagonal is 40."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 3, (6, 8)), np.ones((4, 4))).astype(np.uint8)
    labels[rng.random(labels.shape) < unlabelled] = 255
    return labels


def peeled(mask: Mask, times: int) -> Mask:
    """Return what is lost if all pixels with one of 8 neighbours outside go, several times."""
    left = np.pad(mask, 1)
    for _ in range(times):
        around = [np.roll(left, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        left = np.logical_and.reduce(around)
    return mask & ~left[1:-1, 1:-1]


def close_to_others(labels: Labels, number: int, reach: int) -> set[tuple[int, int]]:
    """Return the pixels of a class within reach of another class or the end of the image."""
    others = np.argwhere(np.pad(labels, 1, constant_values=254) != number) - 1
    others = others[[not is_unlabelled(labels, y, x) for y, x in others.tolist()]]
    return {
        (y, x)
        for y, x in np.argwhere(labels == number).tolist()
        if np.abs(others - (y, x)).max(axis=1).min() <= reach
    }


def is_unlabelled(labels: Labels, y: int, x: int) -> bool:
    inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
    return inside and bool(labels[y, x] == 255)


@pytest.mark.parametrize(('ratio', 'reach'), [(0.02, 1), (0.05, 2), (0.07, 3), (0.0, 1)])
def test_boundary_iou_agrees_with_peeled_masks(ratio: float, reach: int) -> None:
    truth, predicted = patches(0), patches(1)

    counts = count_boundaries(truth, predicted, CLASSES, ratio)

    for number in range(3):
        true, guessed = peeled(truth == number, reach), peeled(predicted == number, reach)
        assert counts[number].tolist() == [(true & guessed).sum(), (true | guessed).sum()]


def test_boundary_iou_agrees_with_distances_where_pixels_are_unlabelled() -> None:
    truth, predicted = patches(2, unlabelled=0.2), patches(3)

    counts = count_boundaries(truth, predicted, CLASSES, 0.05)

    visible = np.where(truth == 255, 255, predicted).astype(np.uint8)
    for number in range(3):
        true, guessed = close_to_others(truth, number, 2), close_to_others(visible, number, 2)
        assert counts[number].tolist() == [len(true & guessed), len(true | guessed)]


def test_equal_labels_have_boundary_iou_1_and_absent_classes_none() -> None:
    scores = boundary_iou(count_boundaries(patches(0), patches(0), CLASSES))

    assert scores.tolist() == pytest.approx([1.0, 1.0, 1.0, math.nan], nan_ok=True)


def test_a_shifted_border_costs_more_than_in_iou() -> None:
    """A disk of 30 pixels, three pixels off; the diagonal is 500, so that the band has 10."""
    y, x = np.ogrid[:300, :400]
    truth = (np.hypot(y - 150, x - 200) < 30).astype(np.uint8)
    predicted = np.roll(truth, 3, axis=1)

    score = boundary_iou(count_boundaries(truth, predicted, 2))[1]

    true, guessed = peeled(truth > 0, 10), peeled(predicted > 0, 10)
    assert score == (true & guessed).sum() / (true | guessed).sum()
    iou = (truth & predicted).sum() / (truth | predicted).sum()
    assert iou > 0.87
    assert score < 0.75


def test_counts_of_two_images_add_up() -> None:
    pairs = [(patches(0), patches(1)), (patches(2), patches(3))]

    total = sum(count_boundaries(*pair, CLASSES) for pair in pairs)

    shared, either = np.sum([count_boundaries(*pair, CLASSES) for pair in pairs], axis=0).T
    assert boundary_iou(np.asarray(total))[:3].tolist() == (shared[:3] / either[:3]).tolist()


def test_count_boundaries_refuses_sizes_that_differ() -> None:
    with pytest.raises(ValueError, match=r'shape \(24, 32\), the prediction \(4, 4\)'):
        count_boundaries(patches(0), np.zeros((4, 4), np.uint8), CLASSES)
