# SPDX-License-Identifier: Apache-2.0
"""What holds for every loss."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from training.losses.loss_cases import CLASSES, LOSSES, one_hot_maps, random_case


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('name', LOSSES)
def test_loss_of_ids_equals_loss_of_their_one_hot_maps(name: str, seed: int) -> None:
    scores, labels = random_case(seed)

    of_ids, of_maps = LOSSES[name](scores, labels), LOSSES[name](scores, one_hot_maps(labels))

    assert float(of_ids) == pytest.approx(float(of_maps), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize('name', LOSSES)
def test_gradient_for_ids_equals_gradient_for_their_one_hot_maps(name: str) -> None:
    scores, labels = random_case(5)
    first, second = (scores.clone().requires_grad_() for _ in range(2))

    LOSSES[name](first, labels).backward()
    LOSSES[name](second, one_hot_maps(labels)).backward()

    assert first.grad is not None
    assert second.grad is not None
    assert torch.allclose(first.grad, second.grad, atol=1e-6)
    assert float(first.grad.abs().max()) > 1e-4


@pytest.mark.parametrize('name', LOSSES)
def test_loss_ignores_scores_of_unlabelled_pixels(name: str) -> None:
    scores, labels = random_case(0)
    changed = scores.clone()
    changed[:, :, 0, :2] = torch.tensor([9.0, -9.0, 0.0, 3.0])[:, None]

    assert torch.allclose(LOSSES[name](scores, labels), LOSSES[name](changed, labels), atol=1e-6)


@pytest.mark.parametrize('form', ['ids', 'maps'])
@pytest.mark.parametrize('name', LOSSES)
def test_loss_without_a_labelled_pixel_and_its_gradient_are_zero(name: str, form: str) -> None:
    scores = torch.randn(1, CLASSES, 2, 2, requires_grad=True)
    labels = torch.full((1, 2, 2), 255)

    loss = LOSSES[name](scores, labels if form == 'ids' else one_hot_maps(labels))
    loss.backward()

    assert float(loss.detach()) == 0.0
    assert scores.grad is not None
    assert float(scores.grad.abs().max()) == 0.0


@pytest.mark.parametrize('name', LOSSES)
def test_loss_and_gradient_are_finite_for_certain_scores(name: str) -> None:
    scores, labels = random_case(1)
    scores = (1e4 * scores).requires_grad_()

    loss = LOSSES[name](scores, labels)
    loss.backward()

    assert bool(loss.isfinite())
    assert scores.grad is not None
    assert bool(scores.grad.isfinite().all())


@pytest.mark.parametrize('name', LOSSES)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    scores, labels = random_case(2)
    scores = scores.double()[:1, :, :3, :4].requires_grad_()

    assert gradcheck(lambda s: LOSSES[name](s, labels[:1, :3, :4]), scores, atol=1e-4)


@pytest.mark.parametrize('name', LOSSES)
def test_loss_of_half_precision_scores_is_taken_in_single_precision(name: str) -> None:
    # 512 x 512 pixels: counts and sums beyond what half precision holds (65504)
    scores = torch.zeros(1, CLASSES, 512, 512, dtype=torch.half)
    scores[:, 1] = 2.0
    labels = torch.ones(1, 512, 512, dtype=torch.int64)
    labels[:, :200] = 2

    loss = LOSSES[name](scores, labels)

    assert float(loss) == pytest.approx(float(LOSSES[name](scores.float(), labels)), rel=2e-3)


@pytest.mark.parametrize('name', LOSSES)
def test_targets_of_another_shape_are_refused(name: str) -> None:
    scores, labels = random_case(0)

    with pytest.raises(ValueError, match='expected'):
        LOSSES[name](scores, one_hot_maps(labels)[:, :3])
