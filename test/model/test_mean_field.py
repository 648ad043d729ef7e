# SPDX-License-Identifier: Apache-2.0
"""The mean-field layer: its value against the definition, its gradients against differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from seg_node.crf import BilateralKernel, CrfOptions, from_plain, GaussianKernel, preset, refine
from seg_node.crf.brute_force import kernel_matrix, marginals
from seg_node.errors import CrfError
from seg_node.model.mean_field import FORMS, Kernel, levels_on_grid, MeanField
from seg_node.model.message_passing import BilateralFilter, GaussianFilter

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = 3
COMPAT: dict[str, Any] = {
    'scalar': 2.0,
    'vector': (2.0, 1.0, 3.0),
    'matrix': ((2.0, -0.5, 0.1), (-0.5, 1.0, 0.3), (0.1, 0.3, 3.0)),
}


class ExactKernel(Kernel):
    """A bilateral kernel over all pairs of pixels, for images the definition can take."""

    def filter_over(self, images: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the filter of (1, h, w, K) values."""
        image = images[0].permute(1, 2, 0).numpy().astype(np.uint8)
        assert self.srgb is not None
        options = BilateralKernel(self.sxy, self.srgb)
        matrix = torch.from_numpy(kernel_matrix(image, options)).to(images)
        return lambda values: (matrix @ values.flatten(1, 2)).reshape(values.shape)


def scene(count: int = 1, size: tuple[int, int] = (6, 8)) -> tuple[Tensor, Tensor]:
    """Return (count, CLASSES, h, w) scores and (count, 3, h, w) levels of two grainy surfaces."""
    random = torch.Generator().manual_seed(count)
    images = torch.randint(0, 12, (count, 3, *size), generator=random).double()
    images[..., size[1] // 2 :] += 90
    scores = 2 * torch.randn(count, CLASSES, *size, generator=random, dtype=torch.float64)
    return scores, images


def layer(form: str, kernel: type[Kernel] = Kernel) -> MeanField:
    kernels = [Kernel(2.0, 1.0), kernel(6.0, COMPAT[form], srgb=20.0)]
    return MeanField(kernels, CLASSES, iterations=2).double()


@pytest.mark.parametrize('form', COMPAT)
def test_marginals_are_those_of_the_definition(form: str) -> None:
    """With the exact bilateral filter; the Gaussian filter of the layer is exact already."""
    scores, images = scene()
    kernels = (GaussianKernel(2.0, 1.0), BilateralKernel(6.0, 20.0, COMPAT[form]))

    with torch.no_grad():
        logs = layer(form, ExactKernel)(scores, images)

    expected = marginals(
        scores.softmax(1)[0].numpy(),
        images[0].permute(1, 2, 0).numpy().astype(np.uint8),
        CrfOptions(kernels=kernels, iterations=2),
    )
    assert np.allclose(logs.exp()[0].numpy(), expected, atol=1e-12)


def test_exact_and_lattice_filter_refine_alike() -> None:
    scores, images = scene(size=(16, 20))

    exact = layer('vector', ExactKernel)(scores, images).exp()

    difference = (layer('vector')(scores, images).exp() - exact).abs()
    assert difference.mean() < 0.01
    assert difference.max() < 0.1


def test_scalar_vector_and_matrix_of_the_same_weight_are_the_same_layer() -> None:
    scores, images = scene()
    kernels = [Kernel(2.0, 1.0), Kernel(6.0, 3.0, srgb=20.0)]

    scalar, *others = (MeanField(kernels, CLASSES, form=form).double() for form in FORMS)

    for other in others:
        assert torch.allclose(other(scores, images), scalar(scores, images), atol=1e-12)
    assert [tuple(one.shape) for one in others[0].compat] == [(CLASSES,)] * 2
    assert [tuple(one.shape) for one in others[1].compat] == [(CLASSES, CLASSES)] * 2


@pytest.mark.parametrize('form', COMPAT)
def test_gradients_are_those_of_differences(form: str) -> None:
    scores, images = scene(size=(3, 4))
    field = layer(form)
    names, weights = zip(*field.named_parameters(), strict=True)

    def run(scores: Tensor, *weights: Tensor) -> Tensor:
        return functional_call(field, dict(zip(names, weights, strict=True)), (scores, images))

    assert len(names) == 2
    assert torch.autograd.gradcheck(run, (scores.requires_grad_(), *weights))


def test_images_of_a_batch_are_refined_each_for_itself() -> None:
    scores, images = scene(3)

    together = layer('matrix')(scores, images)

    for number in range(3):
        own = slice(number, number + 1)
        alone = layer('matrix')(scores[own], images[own])
        assert torch.allclose(together[own], alone, atol=1e-9)


def test_matrix_that_training_has_skewed_acts_as_its_symmetric_part() -> None:
    scores, images = scene()
    even, skewed = layer('matrix'), layer('matrix')
    with torch.no_grad():
        skewed.compat[1] += torch.tensor([[0, 1, 0], [-1, 0, 2], [0, -2, 0]])

    assert torch.allclose(even(scores, images), skewed(scores, images), atol=1e-12)
    assert even.plain_options() == skewed.plain_options()


def test_layer_learns_to_trust_the_image() -> None:
    """Scores that are right for most pixels of each surface, and an image that shows them."""
    scores, images = scene(size=(12, 16))
    scores[:, 0, :, :8] += 1
    scores[:, 1, :, 8:] += 1
    truth = (torch.arange(16) >= 8).long().expand(1, 12, 16)
    kernels = [Kernel(6.0, 0.0, srgb=20.0)]
    field = MeanField(kernels, CLASSES, iterations=3, form='vector').double()
    weights = field.compat[0]

    losses = []
    for _ in range(10):
        loss = torch.nn.functional.nll_loss(field(scores, images), truth)
        losses.append(loss.item())
        (slope,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights -= 10 * slope

    assert losses[-1] < losses[0] / 2
    assert (weights[:2] > 1).all()


def test_options_of_the_layer_refine_as_the_layer_does() -> None:
    """What a bundle keeps, run by the deployed code with its own back end."""
    scores, images = scene(size=(20, 24))
    field = layer('matrix').float()
    image = images[0].permute(1, 2, 0).numpy().astype(np.uint8)

    options = from_plain(field.plain_options())

    refined = refine(
        scores.float().softmax(1)[0].numpy(), image, replace(options, backend='torch')
    )
    assert options.resolution == 'network'
    assert np.allclose(field(scores.float(), images).exp()[0].detach(), refined, atol=1e-4)


def test_layer_starts_as_the_classic_preset() -> None:
    classic = preset('classic')
    gaussian, bilateral = (Kernel(3.0, 3.0), Kernel(80.0, 10.0, srgb=13.0))

    options = from_plain(MeanField([gaussian, bilateral], CLASSES).plain_options())

    assert replace(options, resolution=classic.resolution) == classic


def test_gaussian_filter_is_the_kernel_over_all_pairs() -> None:
    images, values = torch.zeros(2, 3, 5, 7).double(), torch.rand(2, 5, 7, 4).double()
    matrix = torch.from_numpy(kernel_matrix(np.zeros((5, 7, 3), np.uint8), GaussianKernel(1.5)))

    filtered = GaussianFilter(images, 1.5)(values)

    expected = (matrix @ values.flatten(1, 2)).reshape(values.shape)
    assert torch.allclose(filtered, expected, atol=1e-12)


def test_bilateral_filter_sees_place_and_colour() -> None:
    _, images = scene(size=(14, 18))
    matrix = kernel_matrix(
        images[0].permute(1, 2, 0).numpy().astype(np.uint8), BilateralKernel(5.0, 25.0)
    )
    values = torch.zeros(1, 14, 18, 1).double()
    values[0, 7, 4] = 1

    filtered = BilateralFilter(images, 5.0, 25.0)(values).flatten().numpy()

    expected = matrix[:, 7 * 18 + 4]
    assert np.abs(filtered - expected).max() < 0.25 * expected.max()
    assert filtered.reshape(14, 18)[:, 9:].max() < 0.05 * expected.max()


def test_levels_on_the_grid_are_those_of_an_image_scaled_down() -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    levels = torch.from_numpy(image).permute(2, 0, 1)[None].float()

    small = levels_on_grid(levels, (6, 8))[0].permute(1, 2, 0).numpy()

    scaled = cv2.resize(image, (8, 6), interpolation=cv2.INTER_AREA)
    assert np.abs(small - scaled).max() <= 1  # halves are rounded the other way
    assert (small == small.round()).all()


@pytest.mark.parametrize(
    ('compat', 'form', 'message'),
    [
        ((1.0, 2.0), None, 'for 3 classes'),
        ((1.0, 2.0, 3.0), 'scalar', "does not fit the form 'scalar'; expected 'vector'"),
    ],
)
def test_compatibility_that_cannot_be_held_is_refused(
    compat: Any, form: Any, message: str
) -> None:
    with pytest.raises(CrfError, match=message):
        MeanField([Kernel(3.0, compat)], CLASSES, form=form)
