# SPDX-License-Identifier: Apache-2.0
"""How good a network is on held-out images, exactly as it would be deployed.

Single scale, no flip: the image is fitted to the network input, scores are upsampled to the image,
probabilities are summed per group of classes before the winner is taken, counts are summed over
the set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from seg_node.imaging.fitting import Fitter, InputSpec
from seg_node.metrics import (
    best_temperature,
    calibration_error,
    class_iou,
    count_confidence,
    count_pairs,
    global_accuracy,
    mean_iou_of_set,
    pixels_for_temperature,
    sum_nll_of_temperatures,
)
from seg_node.progress import progress
from seg_node.taxonomy import class_groups, group_id_map, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from torch import nn, Tensor

    from seg_node.datasets.base import Dataset
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Measured:
    """Sums over a set, from which all figures follow.

    Attributes:
        taxonomy: The network's classes.
        groups: The coarser classes.
        counts: (K, K) true class by predicted class.
        group_counts: (G, G) the same for groups.
        confidence: (B, 3) confidence counts of the network's classes.
        raw_confidence: (B, 3) the same at temperature 1.
        images: Number of images.
    """

    taxonomy: Taxonomy
    groups: Taxonomy
    counts: npt.NDArray[np.int64]
    group_counts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    raw_confidence: npt.NDArray[np.float64]
    images: int

    def figures(self) -> dict[str, Any]:
        """Return the figures, shares in 0..1, for manifest and log."""
        return {
            'images': self.images,
            self.groups.name: _figures(self.group_counts, self.groups),
            self.taxonomy.name: _figures(self.counts, self.taxonomy),
            'ece': round(calibration_error(self.confidence), 4),
            'ece_at_temperature_1': round(calibration_error(self.raw_confidence), 4),
        }


def measure(
    network: nn.Module,
    dataset: Dataset,
    spec: InputSpec,
    groups: Taxonomy,
    *,
    temperature: float = 1.0,
) -> Measured:
    """Run a network over a data set and count.

    Args:
        network: In evaluation mode.
        dataset: Its taxonomy is that of the network.
        spec: Network input.
        groups: Taxonomy that the classes are grouped into.
        temperature: Divides the scores.
    """
    taxonomy = dataset.taxonomy
    matrix = torch.from_numpy(class_groups(taxonomy, groups))
    to_group = group_id_map(taxonomy, groups)
    counts: Any = 0
    group_counts: Any = 0
    confidence: Any = 0
    raw_confidence: Any = 0
    for logits, labels in _logits(network, dataset, spec):
        probabilities = (logits / temperature).softmax(0)
        top, winner = probabilities.max(0)
        predicted = winner.numpy().astype(np.uint8)
        grouped = torch.einsum('gk,khw->ghw', matrix, probabilities).argmax(0)
        known = labels != UNLABELLED
        counts = counts + count_pairs(labels, predicted, len(taxonomy))
        group_counts = group_counts + count_pairs(
            to_group.apply(labels), grouped.numpy().astype(np.uint8), len(groups)
        )
        right = predicted[known] == labels[known]
        confidence = confidence + count_confidence(top.numpy()[known], right)
        raw_confidence = raw_confidence + count_confidence(_certainty(logits)[known], right)
    return Measured(
        taxonomy, groups, counts, group_counts, confidence, raw_confidence, len(dataset)
    )


def fit_temperature(network: nn.Module, dataset: Dataset, spec: InputSpec) -> float:
    """Return the temperature with the least negative log-likelihood on held-out images.

    Temperature scaling (Guo et al., 2017, section 4.2): a search over a fine grid of one number on
    the pixels that ``seg evaluate`` takes too, so that both find the same.
    """
    sums: Any = 0
    for logits, labels in _logits(network, dataset, spec):
        pixel = pixels_for_temperature(labels)
        scores = logits.flatten(1).numpy()[:, pixel]
        sums = sums + sum_nll_of_temperatures(scores, labels.ravel()[pixel])
    return best_temperature(sums)


def _certainty(logits: Tensor) -> npt.NDArray[np.float32]:
    """Return the largest probability of each pixel: exp(max - logsumexp)."""
    return (logits.amax(0) - logits.logsumexp(0)).exp().numpy()


@torch.no_grad()
def _logits(
    network: nn.Module, dataset: Dataset, spec: InputSpec
) -> Iterator[tuple[Tensor, UInt8Array]]:
    """Yield (K, H, W) scores at image size, and the labels."""
    fit = Fitter(spec)
    for number in progress(range(len(dataset)), total=len(dataset), what='measured', unit='image'):
        sample = dataset[number]
        batch, placement = fit(sample.image)
        scores = network(torch.from_numpy(batch)).numpy()
        inside = torch.from_numpy(np.ascontiguousarray(placement.crop(scores)))
        full = functional.interpolate(
            inside, size=sample.labels.shape, mode='bilinear', align_corners=False
        )
        yield full[0], sample.labels


def _figures(counts: npt.NDArray[np.int64], taxonomy: Taxonomy) -> dict[str, Any]:
    iou = class_iou(counts)
    return {
        'mean_iou': round(mean_iou_of_set(counts), 4),
        'global_accuracy': round(global_accuracy(counts), 4),
        'iou': {
            name: None if np.isnan(value) else round(float(value), 4)
            for name, value in zip(taxonomy.names, iou, strict=True)
        },
    }
