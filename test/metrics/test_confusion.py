# SPDX-License-Identifier: Apache-2.0
"""Counting, against the obvious way and against torchmetrics."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import count_pairs

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.uint8]

CLASSES = 5


def random_pair(seed: int) -> tuple[Labels, Labels]:
    """Return truth (an eighth is unlabelled) and a prediction that is right half of the time."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, (13, 17)).astype(np.uint8)
    guess = rng.integers(0, CLASSES, truth.shape).astype(np.uint8)
    predicted = np.where(rng.random(truth.shape) < 0.5, truth, guess)
    truth[rng.random(truth.shape) < 0.125] = 255
    return truth, predicted


def slow_count_pairs(truth: Labels, predicted: Labels, classes: int) -> list[list[int]]:
    """Count the obvious way: one pixel at a time."""
    counts = [[0] * classes for _ in range(classes)]
    for true, guess in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if true != 255:
            counts[true][guess] += 1
    return counts


@pytest.mark.parametrize('seed', range(3))
def test_count_pairs_agrees_with_the_slow_reference(seed: int) -> None:
    truth, predicted = random_pair(seed)

    counts = count_pairs(truth, predicted, CLASSES)

    assert counts.dtype == np.int64
    assert counts.tolist() == slow_count_pairs(truth, predicted, CLASSES)


@pytest.mark.needs_lightning
def test_count_pairs_agrees_with_torchmetrics() -> None:
    torch = import_module('torch')
    classification = import_module('torchmetrics.functional.classification')
    truth, predicted = random_pair(7)

    counts = count_pairs(truth, predicted, CLASSES)

    expected = classification.multiclass_confusion_matrix(
        torch.from_numpy(predicted.astype(np.int64)),
        torch.from_numpy(truth.astype(np.int64)),
        num_classes=CLASSES,
        ignore_index=255,
    )
    assert np.array_equal(counts, expected.numpy())


def test_counts_of_two_halves_add_up_to_the_whole() -> None:
    truth, predicted = random_pair(3)

    top = count_pairs(truth[:6], predicted[:6], CLASSES)
    bottom = count_pairs(truth[6:], predicted[6:], CLASSES)

    assert np.array_equal(top + bottom, count_pairs(truth, predicted, CLASSES))


def test_unlabelled_pixels_are_left_out_whatever_was_predicted_there() -> None:
    truth = np.array([255, 255, 0], np.uint8)
    predicted = np.array([255, 77, 0], np.uint8)

    assert count_pairs(truth, predicted, 2).tolist() == [[1, 0], [0, 0]]


def test_255_classes_leave_room_for_the_unlabelled() -> None:
    truth = np.array([254, 255], np.uint8)

    counts = count_pairs(truth, truth, 255)

    assert counts[254, 254] == counts.sum() == 1


def test_views_with_gaps_are_counted_like_copies() -> None:
    truth, predicted = random_pair(5)

    counts = count_pairs(truth[::2, ::3], predicted[::2, ::3], CLASSES)

    assert np.array_equal(
        counts, count_pairs(truth[::2, ::3].copy(), predicted[::2, ::3].copy(), CLASSES)
    )


@pytest.mark.parametrize(
    ('truth', 'predicted', 'words'),
    [
        pytest.param([2, 0], [0, 0], r'Truth holds ids \[2\]; expected 0 to 1 or 255', id='truth'),
        pytest.param([0, 1], [0, 9], r'prediction holds ids \[9\] at lab', id='prediction'),
        pytest.param([0, 1], [0, 255], r'prediction holds ids \[255\]', id='no-prediction'),
        pytest.param([0, 1], [0], r'shape \(2,\), the prediction \(1,\)', id='shapes'),
    ],
)
def test_count_pairs_names_what_does_not_fit(
    truth: list[int], predicted: list[int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        count_pairs(np.array(truth, np.uint8), np.array(predicted, np.uint8), 2)


def test_count_pairs_refuses_other_types() -> None:
    labels = np.zeros((2, 2), np.int64)

    with pytest.raises(TypeError, match='`truth` are int64; expected uint8'):
        count_pairs(labels, labels, 2)  # type: ignore[arg-type]
