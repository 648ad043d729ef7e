# SPDX-License-Identifier: Apache-2.0
"""Losses that are sums over pixels, against torch and cases one can do in the head."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seg_node.training.losses.pixelwise import cross_entropy, focal_loss, hard_pixel_loss
from seg_node.training.weights.class_weights import formula_weights, PixelCounts
from training.losses.loss_cases import ramp, random_case, WEIGHTS


def pixels(*probabilities: float) -> tuple[Tensor, Tensor]:
    """Return log-probabilities of a row of pixels of two classes, and labels of class 1."""
    true = torch.tensor(probabilities)
    logs = torch.stack([1 - true, true]).log().reshape(1, 2, 1, -1)
    return logs, torch.ones(1, 1, len(true), dtype=torch.int64)


@pytest.mark.parametrize('smoothing', [0.0, 0.1])
@pytest.mark.parametrize('seed', range(3))
def test_cross_entropy_agrees_with_torch(seed: int, smoothing: float) -> None:
    scores, labels = random_case(seed)

    ours = cross_entropy(scores.log_softmax(1), labels, label_smoothing=smoothing)

    expected = functional.cross_entropy(
        scores, labels, ignore_index=255, label_smoothing=smoothing
    )
    assert torch.isclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
@pytest.mark.parametrize('seed', range(3))
def test_weighted_cross_entropy_agrees_with_torch(seed: int, reduction: str) -> None:
    scores, labels = random_case(seed)

    ours = cross_entropy(
        scores.log_softmax(1),
        labels,
        weights=WEIGHTS,
        reduction=reduction,  # type: ignore[arg-type]
    )

    expected = functional.cross_entropy(
        scores, labels, WEIGHTS, ignore_index=255, reduction=reduction
    )
    assert torch.isclose(ours, expected, rtol=1e-6)


def test_cross_entropy_of_soft_maps_agrees_with_torch() -> None:
    scores, _ = random_case(0)
    maps = random_case(1)[0].softmax(1)

    ours = cross_entropy(scores.log_softmax(1), maps)

    assert torch.isclose(ours, functional.cross_entropy(scores, maps), atol=1e-6)


def test_cross_entropy_of_one_pixel_is_minus_the_log_of_its_probability() -> None:
    loss = cross_entropy(*pixels(0.75))

    assert float(loss) == pytest.approx(0.2876821)


def test_cross_entropy_weighs_pixels() -> None:
    logs, labels = pixels(0.75, 0.5)

    loss = cross_entropy(logs, labels, pixel_weights=torch.tensor([[[1.0, 3.0]]]))

    assert float(loss) == pytest.approx(-(math.log(0.75) + 3 * math.log(0.5)) / 4)


def test_inverse_and_balanced_weights_differ_by_sum_but_not_by_mean() -> None:
    scores, labels = random_case(3)
    logs = scores.log_softmax(1)
    some = PixelCounts(np.array([600, 300, 80, 20]), np.full(4, 1000))
    inverse, balanced = (
        torch.from_numpy(formula_weights(some, kind)).float() for kind in ('inverse', 'balanced')
    )

    means = [float(cross_entropy(logs, labels, weights=w)) for w in (inverse, balanced)]
    sums = [
        float(cross_entropy(logs, labels, weights=w, reduction='sum')) for w in (inverse, balanced)
    ]

    assert means[0] == pytest.approx(means[1], rel=1e-6)
    assert sums[0] == pytest.approx(4 * sums[1], rel=1e-6)  # the factor is the number of classes


def test_focal_loss_of_one_pixel_follows_its_formula() -> None:
    loss = focal_loss(*pixels(0.75), gamma=2.0)

    assert float(loss) == pytest.approx(-(0.25**2) * math.log(0.75))


def test_focal_loss_without_focus_is_the_cross_entropy() -> None:
    scores, labels = random_case(4)
    logs = scores.log_softmax(1)

    ours = focal_loss(logs, labels, gamma=0.0, weights=WEIGHTS, pixel_weights=ramp(scores))

    expected = cross_entropy(logs, labels, weights=WEIGHTS, pixel_weights=ramp(scores))
    assert torch.isclose(ours, expected, rtol=1e-5)


def test_hard_pixel_loss_keeps_pixels_below_the_threshold() -> None:
    loss = hard_pixel_loss(*pixels(0.9, 0.6, 0.3, 0.8), threshold=0.7, kept=0.0)

    assert float(loss) == pytest.approx(-(math.log(0.6) + math.log(0.3)) / 2)


def test_hard_pixel_loss_keeps_at_least_its_share_of_the_labelled_pixels() -> None:
    logs, labels = pixels(0.9, 0.95, 0.99, 0.8, 0.1)
    labels[..., 4] = 255

    loss = hard_pixel_loss(logs, labels, threshold=0.7, kept=0.5)

    assert float(loss) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)


def test_hard_pixel_loss_of_every_pixel_is_the_cross_entropy() -> None:
    scores, labels = random_case(6)
    logs = scores.log_softmax(1)

    ours = hard_pixel_loss(logs, labels, kept=1.0, weights=WEIGHTS)

    assert torch.isclose(ours, cross_entropy(logs, labels, weights=WEIGHTS), rtol=1e-6)
