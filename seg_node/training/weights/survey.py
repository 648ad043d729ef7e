# SPDX-License-Identifier: Apache-2.0
"""What the weights of a recipe amount to over a data set; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.progress import progress
from seg_node.taxonomy import UNLABELLED
from seg_node.training.weights.weight_maps import weight_map

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets.base import Dataset
    from seg_node.training.recipe.loss import BoundaryPart

    Float64Array = npt.NDArray[np.float64]

EDGES = np.geomspace(1e-5, 1e5, 2001)  # of the histogram; a step is 1.2 %


@dataclass(frozen=True, slots=True)
class WeightSurvey:
    """Sums over a data set.

    Attributes:
        images: Number of images.
        mean: (H, W) mean weight at each place of an image, over the images labelled there; 0
            where none is. Larger and smaller images are scaled to the size of the first.
        pixels: (K,) labelled pixels of each class.
        weight: (K,) sum of their weights.
        lightest: Smallest weight above 0; infinite without any.
        heaviest: Largest weight; 0 without any.
        histogram: (2000,) pixels whose weight is between each two of ``EDGES``.
    """

    images: int
    mean: Float64Array
    pixels: Float64Array
    weight: Float64Array
    lightest: float
    heaviest: float
    histogram: Float64Array


def survey_weights(
    dataset: Dataset, class_weights: Float64Array, boundary: BoundaryPart
) -> WeightSurvey:
    """Weigh every pixel of a data set.

    Args:
        dataset: At least one image; a bar shows how far it is.
        class_weights: (K,).
        boundary: Further weight near boundaries.
    """
    sums, counts = np.zeros((2, *dataset[0].labels.shape))
    pixels, weight = np.zeros((2, len(class_weights)))
    lightest, heaviest = np.inf, 0.0
    histogram = np.zeros(len(EDGES) - 1)
    size = sums.shape[::-1]
    for index in progress(range(len(dataset)), total=len(dataset), what='weighed', unit='image'):
        labels = dataset[index].labels
        weights = weight_map(labels, class_weights, boundary)
        known = labels != UNLABELLED
        ids = labels[known]
        pixels += np.bincount(ids, minlength=len(pixels))
        weight += np.bincount(ids, weights[known], minlength=len(pixels))
        counted = weights[weights > 0]
        histogram += np.histogram(np.log(counted), np.log(EDGES))[0]
        lightest = min(lightest, float(counted.min(initial=np.inf)))
        heaviest = max(heaviest, float(weights.max()))
        sums += cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
        counts += cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1e-9), 0.0)
    return WeightSurvey(len(dataset), mean, pixels, weight, lightest, heaviest, histogram)
