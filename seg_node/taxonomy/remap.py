# SPDX-License-Identifier: Apache-2.0
"""Ids of one class list turned into ids of another, as checked look-up tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast, TYPE_CHECKING

import numpy as np
import yaml

from seg_node.errors import one_of, TaxonomyError
from seg_node.taxonomy.classes import DATA, load_taxonomy, Taxonomy, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

__all__ = ['IdMap', 'class_groups', 'group_id_map', 'load_id_map']

IDS_IN_A_BYTE = 256


@dataclass(frozen=True, slots=True, eq=False)
class IdMap:
    """How the ids in label files become the ids of a taxonomy.

    Attributes:
        source: Name of the file format, for messages.
        target: The taxonomy that the mapped labels belong to.
        table: (256,) uint8; ``table[file_id]`` is the id in ``target`` or 255 for unlabelled.
        unlabelled: Ids that may occur in files and have no class, besides 255.
    """

    source: str
    target: Taxonomy
    table: npt.NDArray[np.uint8]
    unlabelled: frozenset[int] = frozenset()

    @classmethod
    def from_names(
        cls,
        source: str,
        target: Taxonomy,
        ids: Mapping[int, str],
        unlabelled: Iterable[int] = (),
    ) -> IdMap:
        """Build the table from the class name of each file id; other ids become unlabelled.

        Raises:
            TaxonomyError: If a name is not in the taxonomy, or an id does not fit a byte.
        """
        void = frozenset(unlabelled)
        for file_id in (*ids, *void):
            if not 0 <= file_id < IDS_IN_A_BYTE:
                msg = f'Id map {source!r} names id {file_id!r}; expected 0 to 255.'
                raise TaxonomyError(msg)
        table = np.full(IDS_IN_A_BYTE, UNLABELLED, np.uint8)
        for file_id, name in ids.items():
            if name not in target.names:
                what = f'class of id {file_id} in {source!r}'
                raise TaxonomyError(one_of(what, name, target.names))
            table[file_id] = target.index(name)
        return cls(source, target, table, void)

    @classmethod
    def identity(cls, target: Taxonomy, unlabelled: Iterable[int] = ()) -> IdMap:
        """Return the map of files that hold the ids of a taxonomy itself."""
        return cls.from_names(target.name, target, dict(enumerate(target.names)), unlabelled)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same ids may occur and mean the same, whatever the formats' names."""
        if not isinstance(other, IdMap):
            return NotImplemented
        return (
            self.target == other.target
            and self.unlabelled == other.unlabelled
            and np.array_equal(self.table, other.table)
        )

    def __hash__(self) -> int:
        """Return a number that equal maps share."""
        return hash((self.target.name, self.unlabelled, self.table.tobytes()))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which ids may occur in a file: (256,) bool."""
        known: npt.NDArray[np.bool_] = self.table != UNLABELLED
        known[[*self.unlabelled, UNLABELLED]] = True
        return known

    def apply(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the labels with their ids mapped; same shape, uint8."""
        return self.table[labels]


def load_id_map(name: str) -> IdMap:
    """Return one of the id maps that come with the package.

    Args:
        name: ``'cityscapes_label_ids'`` or ``'camvid_files'``.

    Raises:
        TaxonomyError: If the name is unknown.
    """
    known = _read('ids.yaml')
    if name not in known:
        raise TaxonomyError(one_of('id map', name, known))
    entry = known[name]
    target = load_taxonomy(entry['target'])
    return IdMap.from_names(name, target, entry['ids'], entry.get('unlabelled', {}))


def class_groups(source: Taxonomy, target: Taxonomy) -> npt.NDArray[np.float32]:
    """Return which source classes make up each target class.

    Probabilities of the source become those of the target by ``groups @ probabilities``: a group's
    probability is the sum over its members, and only then is the winner taken. Mapping the winner
    of the source instead would let two half-sure members of one group lose to a third class.

    Returns:
        (K_target, K_source) float32 of 0 and 1; each column has at most one 1.

    Raises:
        TaxonomyError: If no grouping between the two is known.
    """
    if source.names == target.names:
        return np.eye(len(source), dtype=np.float32)
    members = _read('groups.yaml').get(source.name, {}).get(target.name)
    if members is None:
        msg = (
            f'Classes of {source.name!r} cannot be mapped to {target.name!r}: no grouping is '
            f'known. Evaluate with a data set of taxonomy {source.name!r}, or add the grouping to '
            'taxonomy/data/groups.yaml.'
        )
        raise TaxonomyError(msg)
    groups = np.zeros((len(target), len(source)), np.float32)
    for name, parts in members.items():
        for part in parts:
            groups[target.index(name), source.index(part)] = 1.0
    return groups


def group_id_map(source: Taxonomy, target: Taxonomy) -> IdMap:
    """Return the id map that sends each source class to the group it belongs to.

    For labels from people, where a pixel has one class. For predictions use ``class_groups``.

    Raises:
        TaxonomyError: If no grouping between the two is known.
    """
    groups = class_groups(source, target)
    table = np.full(IDS_IN_A_BYTE, UNLABELLED, np.uint8)
    grouped = groups.any(axis=0)
    table[: len(source)][grouped] = groups.argmax(axis=0)[grouped]
    return IdMap(source.name, target, table)


@cache
def _read(file: str) -> dict[str, Any]:
    return cast('dict[str, Any]', yaml.safe_load((DATA / file).read_text(encoding='utf-8')))
