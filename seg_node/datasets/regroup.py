# SPDX-License-Identifier: Apache-2.0
"""A data set with its classes put together to those of a coarser taxonomy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seg_node.datasets.pairs import PairDataset
from seg_node.taxonomy import group_id_map

if TYPE_CHECKING:
    from seg_node.datasets.base import Dataset, Sample
    from seg_node.datasets.matching import Pair
    from seg_node.taxonomy import IdMap, Taxonomy

__all__ = ['Regrouped', 'pairs_of', 'regroup']


@dataclass(frozen=True, slots=True)
class Regrouped:
    """The samples of another data set with their ids mapped.

    Attributes:
        dataset: Where the samples come from.
        ids: From its ids to those of ``taxonomy``; a class without a group becomes unlabelled.
    """

    dataset: Dataset
    ids: IdMap

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes after the mapping."""
        return self.ids.target

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample with its ids mapped."""
        sample = self.dataset[index]
        return replace(sample, labels=self.ids.apply(sample.labels))


def regroup(dataset: Dataset, taxonomy: Taxonomy) -> Dataset:
    """Return the data set with the classes of another taxonomy.

    Raises:
        TaxonomyError: If no grouping from its classes to the others is known.
    """
    if dataset.taxonomy.names == taxonomy.names:
        return dataset
    return Regrouped(dataset, group_id_map(dataset.taxonomy, taxonomy))


def pairs_of(dataset: Dataset) -> tuple[Pair, ...]:
    """Return the files behind a data set, its classes grouped or not; none of made-up scenes."""
    while isinstance(dataset, Regrouped):
        dataset = dataset.dataset
    return dataset.pairs if isinstance(dataset, PairDataset) else ()
