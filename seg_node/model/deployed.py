# SPDX-License-Identifier: Apache-2.0
"""What a GPU computes between the camera's image and the masks: the definition.

The ``torch`` engine runs this module on CUDA. ``seg_node.engines.graft`` writes the same as ONNX,
for TensorRT. Both are held to ``imaging.Fitter`` and ``imaging.finish``, which do it on the
processor.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TYPE_CHECKING

import numpy as np
import torch
from torch import nn, Tensor
from torch.nn.functional import interpolate

from seg_node.imaging import place
from seg_node.imaging.taps import LINE_SHIFT, ONE, PRODUCT_SHIFT, ROUNDING, SUM_SHIFT, taps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.bundle import Manifest
    from seg_node.imaging import Placement

__all__ = ['Deployed', 'DeployedMaps']

LEVELS = 255.0
LEVEL_NOISE = 1e-3  # of float32 in limits that were rounded to levels before
ROWS, COLUMNS = 2, 3


class DeployedMaps(NamedTuple):
    """What is found in a batch of images.

    Attributes:
        labels: (N, H, W) uint8 class ids.
        confidence: (N, H, W) uint8, 255 x probability of the label.
        entropy: (N, H, W) uint8, 255 x entropy / log K.
        drivable_area: (N, H, W) uint8, 255 drivable, 0 not or not sure.
        planes: (N, P, H, W) uint8, 255 x probability of each class that was asked for.
        scores: (N, K, h, w) float32 scores of the network, not divided by the temperature.
    """

    labels: Tensor
    confidence: Tensor
    entropy: Tensor
    drivable_area: Tensor
    planes: Tensor
    scores: Tensor


class _Line(nn.Module):
    """The taps of one direction on the device; see ``imaging.taps``."""

    first: Tensor
    second: Tensor
    weight: Tensor

    def __init__(self, source: int, target: int, axis: int) -> None:
        super().__init__()
        found = taps(source, target)
        self.axis = axis
        self.register_buffer('first', torch.from_numpy(found.first))
        self.register_buffer('second', torch.from_numpy(found.second))
        shape = (-1, 1) if axis == ROWS else (1, -1)
        weight = torch.from_numpy(found.weight).to(torch.float32).reshape(shape)
        self.register_buffer('weight', weight)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Return both pixels of each place, times their weights."""
        first = planes.index_select(self.axis, self.first) * (ONE - self.weight)
        second = planes.index_select(self.axis, self.second) * self.weight
        return first, second


class Deployed(nn.Module):
    """A bundle's network with everything around it, for images of one size.

    Softmax and entropy are computed in float32, whatever the network computes in. All sizes are
    known beforehand, so that a run can be recorded as a CUDA graph.
    """

    mean: Tensor
    drivable: Tensor
    chosen: Tensor

    def __init__(
        self,
        network: nn.Module,
        manifest: Manifest,
        image_size: tuple[int, int],
        planes: Sequence[int] = (),
    ) -> None:
        """Join the parts.

        Args:
            network: (N, 3, h, w) RGB levels 0..255 to scores, in evaluation mode.
            manifest: How an image is fitted, classes and temperature.
            image_size: Height and width of the camera's images [px].
            planes: Ids of classes whose probabilities are wanted.
        """
        super().__init__()
        self.network = network
        self.placement: Placement = place(image_size, manifest.input)
        size = (self.placement.height, self.placement.width)
        self.rows = _Line(image_size[0], size[0], ROWS) if size != image_size else None
        self.columns = _Line(image_size[1], size[1], COLUMNS) if size != image_size else None
        self.temperature = manifest.temperature
        self.entropy_levels = LEVELS / math.log(len(manifest.taxonomy))
        mean = torch.tensor(manifest.input.mean).reshape(1, 3, 1, 1)
        self.register_buffer('mean', mean)
        drivable = np.where(manifest.taxonomy.drivable, np.uint8(LEVELS), np.uint8(0))
        self.register_buffer('drivable', torch.from_numpy(drivable))
        self.register_buffer('chosen', torch.tensor(list(planes), dtype=torch.int64))

    @torch.inference_mode()
    def forward(self, images: Tensor, thresholds: Tensor) -> DeployedMaps:
        """Find the class of every pixel.

        Args:
            images: (N, H, W, 3) uint8 RGB.
            thresholds: (2,) float32, least probability of the label at a drivable pixel and
                largest normalised entropy there, as from ``drivable_limits``.
        """
        scores = self.network(self.fit(images)).float()
        return self._finish(scores, thresholds)

    def fit(self, images: Tensor) -> Tensor:
        """Return the network's input, in its type: what ``imaging.Fitter`` does."""
        kind = next(self.network.parameters()).dtype
        levels = images.permute(0, 3, 1, 2)  # a view, and already the layout that is fastest
        if self.rows is not None and self.columns is not None:
            levels = _scaled(levels.float(), self.rows, self.columns)
        place_, (height, width) = self.placement, self.placement.network_size
        if (place_.height, place_.width) == (height, width):
            return levels.to(kind, memory_format=torch.channels_last)
        batch = self.mean.to(kind).expand(len(images), -1, height, width)
        batch = batch.contiguous(memory_format=torch.channels_last)
        place_.crop(batch)[...] = levels  # type: ignore[arg-type]
        return batch

    def _finish(self, scores: Tensor, thresholds: Tensor) -> DeployedMaps:
        """Do what ``imaging.finish`` does, from scores in float32.

        With d = score - largest score and Z = sum(exp d), the probability of the label is 1 / Z
        and the entropy log Z - sum(d exp d) / Z.
        """
        scaled = self._scale_scores(scores)
        labels = scaled.argmax(1)
        gaps = scaled.float()
        gaps = gaps - gaps.amax(1, keepdim=True)
        powers = gaps.exp()
        total = powers.sum(1)
        confidence = (LEVELS / total).round_()
        mean_gap = gaps.mul_(powers).sum(1) / total
        entropy = ((total.log() - mean_gap) * self.entropy_levels).round_()
        planes = powers.index_select(1, self.chosen) * (LEVELS / total)[:, None]
        return DeployedMaps(
            labels.to(torch.uint8),
            confidence.to(torch.uint8),
            entropy.to(torch.uint8),
            self._area(labels, confidence, entropy, thresholds),
            planes.round_().to(torch.uint8),
            scores,
        )

    def _scale_scores(self, scores: Tensor) -> Tensor:
        """Scale the image's part of the scores to the image.

        What is subtracted from all classes of a pixel changes no probability, before the scaling
        or behind it. Without the largest score, half precision is finest where classes compete.
        """
        part: Tensor = self.placement.crop(scores)  # type: ignore[arg-type, assignment]
        gaps = (part - part.amax(1, keepdim=True)) / self.temperature
        kind = next(self.network.parameters()).dtype
        size = self.placement.image_size
        return interpolate(gaps.to(kind), size, mode='bilinear', align_corners=False)

    def _area(
        self, labels: Tensor, confidence: Tensor, entropy: Tensor, thresholds: Tensor
    ) -> Tensor:
        """Apply the rule of ``imaging.drivable``: a drivable label, probable, of low entropy."""
        limits = thresholds * LEVELS
        probable = confidence >= (limits[0] - LEVEL_NOISE).ceil()
        calm = entropy <= (limits[1] + LEVEL_NOISE).floor()
        return self.drivable[labels] * (probable & calm)


def _scaled(levels: Tensor, rows: _Line, columns: _Line) -> Tensor:
    """Scale levels, whole numbers 0..255 in float32, as OpenCV does bytes."""
    first, second = columns(levels)
    above, below = rows(_shifted(first + second, LINE_SHIFT))
    blended = _shifted(above, PRODUCT_SHIFT) + _shifted(below, PRODUCT_SHIFT) + ROUNDING
    return _shifted(blended, SUM_SHIFT)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """Shift whole numbers to the right."""
    return (values * 0.5**bits).floor()
