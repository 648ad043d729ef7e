# SPDX-License-Identifier: Apache-2.0
"""Overlap losses against torchmetrics and cases one can do in the head."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.segmentation import dice_score

from seg_node.training.losses.overlap import (
    dice_loss,
    jaccard_loss,
    soft_dice,
    soft_jaccard,
    soft_tversky,
    tversky_loss,
)
from training.losses.loss_cases import CLASSES, random_case


def worked_example() -> tuple[Tensor, Tensor]:
    """Return three pixels: class 1 has truth [0, 1, 0] and prediction [0.1, 0.8, 0.1]."""
    foreground = torch.tensor([0.1, 0.8, 0.1])
    probabilities = torch.stack([1 - foreground, foreground]).reshape(1, 2, 1, 3)
    return probabilities, torch.tensor([[[0, 1, 0]]])


def test_soft_dice_of_the_worked_example_is_four_fifths() -> None:
    dice, present = soft_dice(*worked_example())

    assert float(dice[1]) == pytest.approx(0.8)  # 2 * 0.8 / (1.0 + 1.0)
    assert present.tolist() == [True, True]


def test_soft_dice_of_the_worked_example_is_higher_with_squared_sums() -> None:
    dice, _ = soft_dice(*worked_example(), squared=True)

    assert float(dice[1]) == pytest.approx(1.6 / 1.66)


def test_soft_jaccard_of_the_worked_example_is_two_thirds() -> None:
    jaccard, _ = soft_jaccard(*worked_example())

    assert float(jaccard[1]) == pytest.approx(0.8 / 1.2)


def test_soft_tversky_weighs_false_positives_and_false_negatives() -> None:
    index, _ = soft_tversky(*worked_example(), false_positives=0.5, false_negatives=2.0)

    assert float(index[1]) == pytest.approx(0.8 / (0.8 + 0.5 * 0.2 + 2.0 * 0.2))


@pytest.mark.parametrize('seed', range(3))
def test_jaccard_and_dice_coefficients_turn_into_each_other(seed: int) -> None:
    scores, labels = random_case(seed)

    jaccard, _ = soft_jaccard(scores.softmax(1), labels)
    dice, _ = soft_dice(scores.softmax(1), labels)

    assert torch.allclose(jaccard, dice / (2 - dice), atol=1e-6)


@pytest.mark.parametrize('seed', range(3))
def test_tversky_loss_of_even_halves_is_the_dice_loss(seed: int) -> None:
    scores, labels = random_case(seed)
    probabilities = scores.softmax(1)

    ours = tversky_loss(probabilities, labels, false_positives=0.5, false_negatives=0.5)

    assert torch.isclose(ours, dice_loss(probabilities, labels), atol=1e-6)


@pytest.mark.parametrize('seed', range(3))
def test_soft_dice_of_hard_predictions_agrees_with_torchmetrics(seed: int) -> None:
    scores, labels = random_case(seed)
    labels[labels == 255] = 0
    predicted = scores.argmax(1)
    hard = functional.one_hot(predicted, CLASSES).permute(0, 3, 1, 2)

    ours, _ = soft_dice(hard.float(), labels)

    whole = (1, CLASSES, 2 * 6, 5)  # both images as one: sums go over the batch
    truth = functional.one_hot(labels, CLASSES).permute(3, 0, 1, 2).reshape(whole)
    guess = hard.permute(1, 0, 2, 3).reshape(whole)
    expected = dice_score(guess, truth, CLASSES, average='none')
    assert torch.allclose(ours, expected[0].float(), atol=1e-6)


def test_overlap_losses_leave_out_classes_that_do_not_occur() -> None:
    probabilities = torch.tensor([0.7, 0.2, 0.1]).reshape(1, 3, 1, 1)
    labels = torch.tensor([[[0]]])

    assert float(dice_loss(probabilities, labels)) == pytest.approx(1 - 2 * 0.7 / (0.7 + 1.0))
    assert float(jaccard_loss(probabilities, labels)) == pytest.approx(1 - 0.7 / 1.0)
