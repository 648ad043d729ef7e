# SPDX-License-Identifier: Apache-2.0
"""Scores against torchmetrics, against sets of pixels, and against cases done in the head."""

from __future__ import annotations

from importlib import import_module
import math
from typing import TYPE_CHECKING

from hypothesis import given, settings, strategies
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from seg_node.metrics import (
    class_dice,
    class_iou,
    class_precision,
    class_recall,
    classes_in_mean,
    count_pairs,
    dice_from_iou,
    frequency_weighted_iou,
    global_accuracy,
    iou_from_dice,
    mean_class_accuracy,
    mean_dice_of_set,
    mean_iou_of_images,
    mean_iou_of_set,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]

# rows are the truth: class 0 is found 6 of 8 times, class 1 2 of 3, class 2 never occurs
IN_THE_HEAD = np.array([[6, 2, 0], [1, 2, 0], [0, 0, 0]])
ABSENT = np.zeros((3, 3), np.int64)
some_counts = arrays(np.int64, (4, 4), elements=strategies.integers(0, 1000))


@pytest.mark.parametrize(
    ('score', 'expected'),
    [
        pytest.param(class_iou, [6 / 9, 2 / 5, math.nan], id='iou'),
        pytest.param(class_dice, [12 / 15, 4 / 7, math.nan], id='dice'),
        pytest.param(class_precision, [6 / 7, 2 / 4, math.nan], id='precision'),
        pytest.param(class_recall, [6 / 8, 2 / 3, math.nan], id='recall'),
    ],
)
def test_scores_of_classes_are_those_done_in_the_head(
    score: Callable[[Counts], npt.NDArray[np.float64]], expected: list[float]
) -> None:
    assert score(IN_THE_HEAD).tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ('score', 'expected'),
    [
        pytest.param(mean_iou_of_set, (6 / 9 + 2 / 5) / 2, id='mean-iou'),
        pytest.param(mean_dice_of_set, (12 / 15 + 4 / 7) / 2, id='mean-dice'),
        pytest.param(mean_class_accuracy, (6 / 8 + 2 / 3) / 2, id='class-accuracy'),
        pytest.param(global_accuracy, 8 / 11, id='global-accuracy'),
        pytest.param(frequency_weighted_iou, (8 * 6 / 9 + 3 * 2 / 5) / 11, id='fw-iou'),
    ],
)
def test_scores_of_a_set_are_those_done_in_the_head(
    score: Callable[[Counts], float], expected: float
) -> None:
    assert score(IN_THE_HEAD) == pytest.approx(expected)
    assert math.isnan(score(ABSENT))


def test_a_class_that_is_only_predicted_has_iou_0_and_no_recall() -> None:
    counts = np.array([[3, 1], [0, 0]])

    assert class_iou(counts).tolist() == [0.75, 0.0]
    assert class_recall(counts).tolist() == pytest.approx([0.75, math.nan], nan_ok=True)


def test_classes_in_mean_leaves_out_the_absent_class() -> None:
    assert classes_in_mean(class_iou(IN_THE_HEAD)) == 2


def test_the_two_means_differ_when_images_differ_in_size() -> None:
    """A small perfect image counts as much as a big poor one only in the mean over images."""
    small, big = np.array([[1, 0], [0, 1]]), np.array([[10, 10], [10, 10]])

    assert mean_iou_of_images([small, big]) == pytest.approx((1 + 1 / 3) / 2)
    assert mean_iou_of_set(small + big) == pytest.approx(11 / 31)


def test_an_image_without_labels_is_left_out_of_the_mean_over_images() -> None:
    assert mean_iou_of_images([ABSENT, IN_THE_HEAD]) == mean_iou_of_set(IN_THE_HEAD)


@settings(deadline=None)  # test machines are busy
@given(some_counts)
def test_iou_and_dice_determine_each_other(counts: Counts) -> None:
    iou, dice = class_iou(counts), class_dice(counts)

    np.testing.assert_allclose(iou_from_dice(dice), iou, rtol=1e-12)
    np.testing.assert_allclose(dice_from_iou(iou), dice, rtol=1e-12)


@settings(deadline=None)  # test machines are busy
@given(some_counts)
def test_dice_is_the_harmonic_mean_of_precision_and_recall(counts: Counts) -> None:
    precision, recall = class_precision(counts), class_recall(counts)
    defined = precision + recall > 0

    harmonic = 2 * precision[defined] * recall[defined] / (precision + recall)[defined]

    np.testing.assert_allclose(class_dice(counts)[defined], harmonic, rtol=1e-12)


def test_iou_is_intersection_over_union_of_pixel_sets() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, (2, 200)).astype(np.uint8)

    iou = class_iou(count_pairs(truth, predicted, 3))

    for number in range(3):
        true = set(np.flatnonzero(truth == number))
        guessed = set(np.flatnonzero(predicted == number))
        assert iou[number] == len(true & guessed) / len(true | guessed)


@pytest.mark.needs_lightning
@pytest.mark.parametrize(
    ('score', 'reference'),
    [
        pytest.param(class_iou, 'multiclass_jaccard_index', id='iou'),
        pytest.param(class_dice, 'multiclass_f1_score', id='dice'),
        pytest.param(class_precision, 'multiclass_precision', id='precision'),
        pytest.param(class_recall, 'multiclass_recall', id='recall'),
    ],
)
def test_scores_agree_with_torchmetrics(
    score: Callable[[Counts], npt.NDArray[np.float64]], reference: str
) -> None:
    torch = import_module('torch')
    classification = import_module('torchmetrics.functional.classification')
    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(0, 4, (2, 30, 20)).astype(np.uint8)
    truth[:3] = 255

    ours = score(count_pairs(truth, predicted, 4))

    theirs = getattr(classification, reference)(
        torch.from_numpy(predicted.astype(np.int64)),
        torch.from_numpy(truth.astype(np.int64)),
        num_classes=4,
        average='none',
        ignore_index=255,
    )
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)  # theirs are float32
