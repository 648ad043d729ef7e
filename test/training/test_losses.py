# SPDX-License-Identifier: Apache-2.0
"""Losses against torch, torchmetrics and cases one can do in the head."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.segmentation import dice_score

from seg_node.training.losses import cross_entropy, dice_loss, SegmentationLoss, soft_dice

CLASSES = 4


def random_case(seed: int) -> tuple[Tensor, Tensor]:
    """Return (2, 4, 6, 5) scores and labels of which a few are 255."""
    random = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, CLASSES, 6, 5, generator=random)
    labels = torch.randint(0, CLASSES, (2, 6, 5), generator=random)
    labels[:, 0, :2] = 255
    return scores, labels


@pytest.mark.parametrize('smoothing', [0.0, 0.1])
@pytest.mark.parametrize('seed', range(3))
def test_cross_entropy_agrees_with_torch(seed: int, smoothing: float) -> None:
    scores, labels = random_case(seed)

    ours = cross_entropy(scores.log_softmax(1), labels, label_smoothing=smoothing)

    expected = functional.cross_entropy(
        scores, labels, ignore_index=255, label_smoothing=smoothing
    )
    assert torch.isclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize('seed', range(3))
def test_weighted_cross_entropy_agrees_with_torch(seed: int) -> None:
    scores, labels = random_case(seed)
    weights = torch.tensor([0.5, 1.0, 2.0, 5.0])

    ours = cross_entropy(scores.log_softmax(1), labels, weights=weights)

    expected = functional.cross_entropy(scores, labels, weights, ignore_index=255)
    assert torch.isclose(ours, expected, atol=1e-6)


def test_cross_entropy_of_one_pixel_is_minus_the_log_of_its_probability() -> None:
    probabilities = torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1)
    labels = torch.tensor([[[1]]])

    loss = cross_entropy(probabilities.log(), labels)

    assert float(loss) == pytest.approx(0.2876821)


def test_soft_dice_of_the_worked_example_is_four_fifths() -> None:
    # truth [0, 1, 0], prediction [0.1, 0.8, 0.1]: 2 * 0.8 / (1.0 + 1.0)
    foreground = torch.tensor([0.1, 0.8, 0.1])
    probabilities = torch.stack([1 - foreground, foreground]).reshape(1, 2, 1, 3)
    labels = torch.tensor([[[0, 1, 0]]])

    dice, present = soft_dice(probabilities, labels)

    assert float(dice[1]) == pytest.approx(0.8)
    assert present.tolist() == [True, True]


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


def test_dice_loss_leaves_out_classes_that_do_not_occur() -> None:
    probabilities = torch.tensor([0.7, 0.2, 0.1]).reshape(1, 3, 1, 1)
    labels = torch.tensor([[[0]]])

    loss = dice_loss(probabilities, labels)

    assert float(loss) == pytest.approx(1 - 2 * 0.7 / (0.7 + 1.0))


def test_dice_loss_ignores_unlabelled_pixels() -> None:
    scores, labels = random_case(0)
    probabilities = scores.softmax(1)
    labels[:, :, -1] = 255
    changed = probabilities.clone()
    changed[:, :, :, -1] = 0.25

    assert torch.equal(dice_loss(probabilities, labels), dice_loss(changed, labels))


def test_loss_is_the_weighted_sum_of_its_parts() -> None:
    scores, labels = random_case(1)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])

    loss = SegmentationLoss(weights, alpha=0.7, beta=0.3)(scores, labels)

    parts = (
        cross_entropy(scores.log_softmax(1), labels, weights=weights),
        dice_loss(scores.softmax(1), labels),
    )
    assert torch.isclose(loss, 0.7 * parts[0] + 0.3 * parts[1])


def test_loss_without_a_labelled_pixel_is_zero_and_has_a_gradient_of_zero() -> None:
    scores = torch.randn(1, CLASSES, 2, 2, requires_grad=True)
    labels = torch.full((1, 2, 2), 255)

    loss = SegmentationLoss(torch.ones(CLASSES), beta=1.0)(scores, labels)
    loss.backward()

    assert float(loss.detach()) == 0.0
    assert scores.grad is not None
    assert float(scores.grad.abs().max()) == 0.0
