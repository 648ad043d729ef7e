# SPDX-License-Identifier: Apache-2.0
"""The dense CRF as a layer that learns: mean field unrolled behind a network.

Zheng, Jayasumana, Romera-Paredes, Vineet, Su, Du, Huang, Torr, "Conditional random fields as
recurrent neural networks", ICCV 2015. The energy is that of ``seg_node.crf``, so what is learnt
here runs there.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any, get_args, Literal, TYPE_CHECKING

import torch
from torch import nn, Tensor
from torch.nn import functional

from seg_node.errors import CrfError
from seg_node.model.message_passing import BilateralFilter, GaussianFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Form = Literal['scalar', 'vector', 'matrix']
FORMS: tuple[Form, ...] = get_args(Form)  # by number of dimensions
DIGITS = 4  # of a learnt weight in a bundle


@dataclass(frozen=True, slots=True)
class Kernel:
    """One pairwise kernel and the compatibility that its weights start from.

    Attributes:
        sxy: Width in the image [px of the scores' grid].
        compat: Penalty for different labels, positive in every form: a number, one for each
            class, or a symmetric matrix of classes.
        srgb: Width in colour [levels]; None for the Gaussian kernel, which knows no colour.
    """

    sxy: float
    compat: float | Sequence[float] | Sequence[Sequence[float]]
    srgb: float | None = None

    def filter_over(self, images: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the normalised filter of (N, h, w, K) values over (N, 3, h, w) images."""
        if self.srgb is None:
            return GaussianFilter(images, self.sxy)
        return BilateralFilter(images, self.sxy, self.srgb)


class MeanField(nn.Module):
    """Refines scores along the edges of images; the compatibilities are its weights.

    Each kernel has a compatibility of its own: one weight, a weight for each class, or a matrix,
    which takes the place of both the filter weights and the label compatibility of the paper.
    Matrices stay symmetric, as those of an energy must be: what is stored may drift apart, what is
    used is the mean of it and its transpose. The widths of the kernels are fixed.

    Attributes:
        compat: For each kernel a tensor of shape (), (K,) or (K, K).
    """

    def __init__(
        self,
        kernels: Sequence[Kernel],
        classes: int,
        *,
        iterations: int = 5,
        clip: float = 1e-5,
        form: Form | None = None,
    ) -> None:
        """Start from given weights.

        Args:
            kernels: At least one.
            classes: Number of classes K.
            iterations: Mean-field updates, at least 1.
            clip: Probabilities below it count as this much, and get no gradient.
            form: What is learnt; None for the form that each kernel's ``compat`` has.

        Raises:
            CrfError: A compatibility is for another number of classes, or a richer form than
                ``form`` can hold.
        """
        super().__init__()
        self.kernels = tuple(kernels)
        self.iterations = iterations
        self.clip = clip
        self.compat = nn.ParameterList(
            [nn.Parameter(_in_form(one.compat, classes, form)) for one in self.kernels]
        )

    def forward(self, scores: Tensor, images: Tensor) -> Tensor:
        """Infer marginals.

        Args:
            scores: (N, K, h, w) float32 or float64, unnormalised; log-probabilities are scores.
            images: (N, 3, h, w) RGB levels 0..255, on the grid of the scores; no gradient flows
                into them.

        Returns:
            (N, K, h, w) logarithms of the marginals.

        Raises:
            CrfError: Kernels are too narrow for images of this size.
        """
        filters = [one.filter_over(images.detach().to(scores)) for one in self.kernels]
        logs = scores.log_softmax(1).clamp_min(math.log(self.clip))
        logs = logs.permute(0, 2, 3, 1).contiguous()
        belief = logs.log_softmax(-1)
        for _ in range(self.iterations):
            marginals = belief.exp()
            logits = logs
            for filtered, weights in zip(filters, self.compat, strict=True):
                logits = logits + _compatible(filtered(marginals), weights.to(logs))
            belief = logits.log_softmax(-1)
        return belief.permute(0, 3, 1, 2).contiguous()

    def plain_options(self, *, stride: int = 1) -> dict[str, Any]:
        """Return the layer as ``seg_node.crf.from_plain`` reads options, weights rounded.

        Args:
            stride: Pixels of the image between neighbours on the grid; options give widths in
                pixels of the image.
        """
        kernels = [
            {
                'kind': 'gaussian' if kernel.srgb is None else 'bilateral',
                'sxy': kernel.sxy * stride,
                **({} if kernel.srgb is None else {'srgb': kernel.srgb}),
                'compat': _rounded(_symmetric(weights.detach()).double().tolist()),
            }
            for kernel, weights in zip(self.kernels, self.compat, strict=True)
        ]
        return {
            'kernels': kernels,
            'iterations': self.iterations,
            'clip': self.clip,
            'resolution': 'network',
        }


def levels_on_grid(images: Tensor, size: Sequence[int]) -> Tensor:
    """Return what the CRF sees of images on the coarser grid of scores.

    Args:
        images: (N, 3, H, W) float32, RGB levels 0..255.
        size: Height and width of the grid [px].

    Returns:
        (N, 3, h, w) mean levels, rounded, as an 8-bit image of that size has them.
    """
    return functional.interpolate(images, size=tuple(size), mode='area').round()


def _in_form(compat: Any, classes: int, form: Form | None) -> Tensor:
    """Return a compatibility as a float32 tensor in a form that holds it."""
    weights = torch.tensor(compat, dtype=torch.float32)
    if any(side != classes for side in weights.shape):
        msg = (
            f'compat has shape {tuple(weights.shape)} for {classes} classes; expected a number, '
            'one for each class, or one row for each class.'
        )
        raise CrfError(msg)
    wanted = weights.ndim if form is None else FORMS.index(form)
    if weights.ndim > wanted:
        msg = (
            f'compat of shape {tuple(weights.shape)} does not fit the form {form!r}; expected '
            f'{FORMS[weights.ndim]!r}.'
        )
        raise CrfError(msg)
    if wanted and not weights.ndim:
        weights = weights.repeat(classes)
    return weights.diag() if wanted > weights.ndim else weights


def _compatible(messages: Tensor, weights: Tensor) -> Tensor:
    """Return what (..., K) messages of a kernel add to the logits."""
    return messages @ _symmetric(weights) if weights.ndim > 1 else messages * weights


def _symmetric(weights: Tensor) -> Tensor:
    return (weights + weights.mT) / 2 if weights.ndim > 1 else weights


def _rounded(value: Any) -> Any:
    return [_rounded(one) for one in value] if isinstance(value, list) else round(value, DIGITS)
