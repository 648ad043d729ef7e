# SPDX-License-Identifier: Apache-2.0
"""A part of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seg_node.datasets.base import Dataset, Sample
    from seg_node.taxonomy import Taxonomy

__all__ = ['Subset', 'spread']


@dataclass(frozen=True, slots=True)
class Subset:
    """Some samples of another data set.

    Attributes:
        dataset: Where the samples come from.
        indices: Which of them, in this order.
    """

    dataset: Dataset
    indices: tuple[int, ...]

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the data set."""
        return self.dataset.taxonomy

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        return self.dataset[self.indices[index]]


def spread(dataset: Dataset, count: int) -> Dataset:
    """Return at most ``count`` samples that are spread evenly over the data set.

    Raises:
        ValueError: If ``count`` is below 1.
    """
    if count < 1:
        msg = f'Expected argument `count` to be at least 1, but got {count}.'
        raise ValueError(msg)
    total = len(dataset)
    if count >= total:
        return dataset
    return Subset(dataset, tuple(position * total // count for position in range(count)))
