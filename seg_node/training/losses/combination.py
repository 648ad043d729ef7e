# SPDX-License-Identifier: Apache-2.0
"""The weighted sum of losses that a recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn, Tensor

from seg_node.training.losses.lovasz import lovasz_softmax
from seg_node.training.losses.overlap import dice_loss, jaccard_loss, tversky_loss
from seg_node.training.losses.pixelwise import cross_entropy, focal_loss, hard_pixel_loss
from seg_node.training.losses.targets import as_labels, at_least_single, thinned
from seg_node.training.weights.weight_maps import boundary_factors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seg_node.training.recipe.loss import LossPart


class SegmentationLoss(nn.Module):
    """The part ``loss`` of a recipe as a function of scores and targets."""

    weights: Tensor

    def __init__(self, weights: Tensor, options: LossPart, *, stride: int = 1) -> None:
        """Combine losses.

        Args:
            weights: (K,) class weights of the losses that are sums over pixels.
            options: Factors and settings; what has factor 0 is not computed.
            stride: Distance of neighbouring targets [px of the image].
        """
        super().__init__()
        self.register_buffer('weights', weights.float(), persistent=False)
        self.options = options
        self.stride = stride

    def forward(self, scores: Tensor | Sequence[Tensor], targets: Tensor) -> Tensor:
        """Return the loss, taken in single precision at least.

        Args:
            scores: (N, K, H, W), or several of them, of which those after the first may have
                coarser grids and count ``auxiliary`` times their mean.
            targets: Ids or maps, on the grid of the (first) scores.
        """
        main, *coarser = [scores] if isinstance(scores, Tensor) else scores
        loss = self._of_one(main, targets)
        if coarser and self.options.auxiliary:
            others = torch.stack([self._of_one(one, targets) for one in coarser])
            loss = loss + self.options.auxiliary * others.mean()
        return loss

    def _of_one(self, scores: Tensor, targets: Tensor) -> Tensor:
        spacing = self.stride * targets.shape[-1] / scores.shape[-1]
        if scores.shape[-2:] != targets.shape[-2:]:
            targets = thinned(targets, *scores.shape[-2:])
        with torch.autocast(scores.device.type, enabled=False):
            logs = at_least_single(scores).log_softmax(1)
            pixelwise = self._pixelwise(logs, targets, spacing)
            return torch.stack([*pixelwise, *self._regional(logs, targets)]).sum()

    def _pixelwise(self, logs: Tensor, targets: Tensor, spacing: float) -> Iterator[Tensor]:
        options = self.options
        if not (options.cross_entropy or options.focal or options.ohem):
            return
        weights, near = self.weights, self._near_boundaries(targets, spacing)
        if options.cross_entropy:
            yield options.cross_entropy * cross_entropy(
                logs,
                targets,
                weights=weights,
                pixel_weights=near,
                label_smoothing=options.label_smoothing,
            )
        if options.focal:
            yield options.focal * focal_loss(
                logs, targets, gamma=options.focal_gamma, weights=weights, pixel_weights=near
            )
        if options.ohem:
            yield options.ohem * hard_pixel_loss(
                logs,
                targets,
                threshold=options.ohem_threshold,
                kept=options.ohem_kept,
                weights=weights,
                pixel_weights=near,
            )

    def _near_boundaries(self, targets: Tensor, spacing: float) -> Tensor | None:
        """Return (N, H, W) factors of pixels near boundaries, or None where all are 1.

        They come from the targets as they are, on their own grid and after augmentation. That
        takes a seventh of the time of the cross-entropy; targets on a GPU travel for it.
        """
        if not self.options.boundary.w0:
            return None
        factors = [
            boundary_factors(labels, self.options.boundary, spacing=spacing)
            for labels in as_labels(targets)
        ]
        return torch.from_numpy(np.stack(factors)).to(targets.device)

    def _regional(self, logs: Tensor, targets: Tensor) -> Iterator[Tensor]:
        options = self.options
        if not (options.dice or options.jaccard or options.tversky or options.lovasz):
            return
        probabilities = logs.exp()
        if options.dice:
            yield options.dice * dice_loss(probabilities, targets)
        if options.jaccard:
            yield options.jaccard * jaccard_loss(probabilities, targets)
        if options.tversky:
            yield options.tversky * tversky_loss(
                probabilities,
                targets,
                false_positives=options.tversky_false_positives,
                false_negatives=options.tversky_false_negatives,
            )
        if options.lovasz:
            yield options.lovasz * lovasz_softmax(probabilities, targets)
