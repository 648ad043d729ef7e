# SPDX-License-Identifier: Apache-2.0
"""The Lovasz-softmax loss against its definition, by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from seg_node.training.losses.lovasz import _from_large_to_small, lovasz_softmax
from training.losses.loss_cases import CLASSES, random_case


def jaccard_loss_of_mistakes(foreground: set[int], wrong: set[int]) -> float:
    """Return 1 - IoU when exactly the pixels of ``wrong`` are predicted wrongly."""
    predicted = (foreground - wrong) | (wrong - foreground)
    return 1 - len(foreground & predicted) / len(foreground | predicted)


def slow_lovasz(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Evaluate the Lovasz extension as an integral over thresholds (Lovasz, 1983).

    ``f(e) = integral over s in 0..1 of F({i: e_i >= s})``, a sum over the steps between the
    distinct errors: no sorting of pixels with their truth, no increments.
    """
    losses = []
    for k in np.unique(labels[labels != 255]):
        valid = labels != 255
        true, predicted = labels[valid] == k, probabilities[:, k][valid]
        errors = np.abs(true - predicted)
        foreground = set(np.flatnonzero(true).tolist())
        levels = np.concatenate([[0.0], np.unique(errors)])
        losses.append(
            sum(
                (high - low)
                * jaccard_loss_of_mistakes(foreground, set(np.flatnonzero(errors >= high)))
                for low, high in itertools.pairwise(levels)
            )
        )
    return float(np.mean(losses))


@pytest.mark.parametrize('seed', range(4))
def test_lovasz_softmax_agrees_with_the_integral_over_thresholds(seed: int) -> None:
    scores, labels = random_case(seed)
    probabilities = (3 * scores).softmax(1)

    loss = lovasz_softmax(probabilities, labels)

    assert float(loss) == pytest.approx(
        slow_lovasz(probabilities.numpy(), labels.numpy()), abs=1e-6
    )


@pytest.mark.parametrize('seed', range(3))
def test_lovasz_softmax_of_hard_predictions_is_one_minus_the_mean_iou(seed: int) -> None:
    scores, labels = random_case(seed)
    hard = functional.one_hot(scores.argmax(1), CLASSES).permute(0, 3, 1, 2).float()

    loss = lovasz_softmax(hard, labels)

    valid = labels != 255
    ious = [
        float((found & true).sum()) / float((found | true).sum())
        for k in range(CLASSES)
        for true, found in [(labels[valid] == k, scores.argmax(1)[valid] == k)]
    ]
    assert float(loss) == pytest.approx(1 - np.mean(ious), abs=1e-6)


def test_lovasz_softmax_of_two_pixels_done_by_hand() -> None:
    # class 0: errors 0.4 (true), 0.3 (false): 0.4 * 1 + 0.3 * 0, for all of class 0 is lost first
    # class 1: errors 0.4 (false), 0.3 (true): 0.4 * 1/2 + 0.3 * 1/2
    probabilities = torch.tensor([[0.6, 0.3], [0.4, 0.7]]).reshape(1, 2, 1, 2)

    loss = lovasz_softmax(probabilities, torch.tensor([[[0, 1]]]))

    assert float(loss) == pytest.approx((0.4 + 0.35) / 2)


def test_lovasz_softmax_leaves_out_classes_that_do_not_occur() -> None:
    probabilities = torch.tensor([0.7, 0.2, 0.1]).reshape(1, 3, 1, 1)

    loss = lovasz_softmax(probabilities, torch.tensor([[[0]]]))

    assert float(loss) == pytest.approx(0.3)


def test_order_of_the_fast_sort_is_that_of_torch() -> None:
    errors = torch.rand(1000, generator=torch.Generator().manual_seed(1))
    errors[::7] = 0.0

    order = _from_large_to_small(errors)

    assert torch.equal(errors[order], errors.sort(descending=True).values)
    assert torch.equal(order.sort().values, torch.arange(1000))
