# SPDX-License-Identifier: Apache-2.0
"""The dense CRF that a recipe trains behind its network, and what a bundle keeps of it."""

from __future__ import annotations

import math
from typing import Any, TYPE_CHECKING

from torch import nn, Tensor

from seg_node.model.mean_field import Kernel, levels_on_grid, MeanField

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seg_node.training.recipe import CrfPart

FIGURES = ('mean_iou', 'global_accuracy', 'iou')


class Refinement(nn.Module):
    """Mean field on the grid of a network's scores."""

    def __init__(self, options: CrfPart, classes: int, stride: int) -> None:
        """Start from the recipe's weights.

        Args:
            options: Kernels, with widths in pixels of the network's input.
            classes: Number of score planes K.
            stride: Of the scores.
        """
        super().__init__()
        self.stride, self.temperature = stride, options.temperature
        self.field = MeanField(
            [Kernel(one.sxy / stride, one.compat, one.srgb or None) for one in options.kernels],
            classes,
            iterations=options.iterations,
            clip=options.clip,
            form=options.weights,
        )

    def forward(self, scores: Tensor, images: Tensor) -> Tensor:
        """Return (N, K, h, w) logarithms of the marginals.

        Args:
            scores: (N, K, h, w) float32 of the network.
            images: (N, 3, H, W) RGB levels 0..255, its input.
        """
        small = levels_on_grid(images.float(), scores.shape[-2:])
        return self.field(scores / self.temperature, small)


class RefinedNetwork:
    """A network with the CRF behind it, as held-out figures are measured: CPU in, CPU out."""

    def __init__(self, network: Callable[[Tensor], Tensor], refinement: Refinement) -> None:
        """Put ``refinement``, wherever it is, behind a network that gives tensors on the CPU."""
        self._network, self._refinement = network, refinement
        self._device = next(refinement.parameters()).device

    def __call__(self, images: Tensor) -> Tensor:
        """Turn (N, 3, H, W) RGB levels 0..255 into (N, K, h, w) logarithms of the marginals.

        As in ``crf.refine_scores``, marginals below the clip count as this much.
        """
        scores = self._network(images).to(self._device)
        refined: Tensor = self._refinement(scores, images.to(self._device))
        return refined.clamp_min(math.log(self._refinement.field.clip)).cpu()


def learnt_preset(
    refinement: Refinement, data: str, *, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``Manifest.crf`` of a learnt CRF: for every frame, and off where it does harm.

    Args:
        refinement: What was learnt.
        data: Name of the held-out data.
        before: Figures of the network alone there, shares in 0..1: ``mean_iou``,
            ``global_accuracy`` and ``iou`` of each class.
        after: The same with the CRF.
    """
    plain, refined = before['mean_iou'], after['mean_iou']
    why_not = f'Its mean IoU on {data} is {refined:.4f}, that of the network alone {plain:.4f}.'
    return {
        'preset': refinement.field.plain_options(stride=refinement.stride),
        'entropy_threshold': 0.0,
        'min_uncertain_fraction': 0.0,
        'enabled': refined >= plain,
        'why_not': '' if refined >= plain else why_not,
        'measured': {
            'note': f'Learnt in training, measured on {data}.',
            **{key: {'before': before[key], 'after': after[key]} for key in FIGURES},
        },
    }
