# SPDX-License-Identifier: Apache-2.0
"""Training samples at the size at which the network will see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.imaging.fitting import place

if TYPE_CHECKING:
    from seg_node.datasets.base import Dataset, Sample
    from seg_node.imaging.fitting import InputSpec
    from seg_node.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class FittedDataset:
    """The samples of another data set, each scaled into the network input as the node does it.

    Without this a network would learn what things look like at the camera's resolution and be
    asked about them at its own. A sample that has that size already is passed on as it is.

    Attributes:
        dataset: Where the samples come from.
        spec: The network input; nothing is padded.
    """

    dataset: Dataset
    spec: InputSpec

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the data set."""
        return self.dataset.taxonomy

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample, its image scaled bilinearly, each label picked from one pixel."""
        sample = self.dataset[index]
        rows, columns = sample.labels.shape
        there = place((rows, columns), self.spec)
        size = (there.width, there.height)
        if size == (columns, rows):
            return sample
        image = cv2.resize(sample.image, size)
        labels = cv2.resize(sample.labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
        return replace(
            sample,
            image=image.astype(np.uint8, copy=False),
            labels=labels.astype(np.uint8, copy=False),
        )
