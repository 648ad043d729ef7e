# SPDX-License-Identifier: Apache-2.0
"""Classes put together to a few coarse ones, for consumers that need no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.taxonomy.classes import SegClass, Taxonomy
from seg_node.taxonomy.remap import IdMap

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['grouping']


def grouping(taxonomy: Taxonomy) -> IdMap | None:
    """Return the map from the classes to their groups; None if no class has a group.

    A group's id is its place in the order in which the groups first occur among the classes; its
    colour is that of its first class; it is drivable if all of its classes are. A class without a
    group becomes unlabelled.

    Raises:
        TaxonomyError: If there is one group only.

    Example:
        >>> from seg_node.taxonomy import load_taxonomy
        >>> groups = grouping(load_taxonomy('cityscapes19'))
        >>> groups.target.names
        ('flat', 'construction', 'object', 'nature', 'sky', 'human', 'vehicle')
    """
    members: dict[str, list[SegClass]] = {}
    for one in taxonomy.classes:
        if one.group:
            members.setdefault(one.group, []).append(one)
    if not members:
        return None
    target = Taxonomy(f'{taxonomy.name} groups', _classes(members))
    ids = {index: one.group for index, one in enumerate(taxonomy.classes) if one.group}
    return IdMap.from_names(taxonomy.name, target, ids)


def _classes(members: Mapping[str, list[SegClass]]) -> tuple[SegClass, ...]:
    return tuple(
        SegClass(name, ones[0].color, all(one.drivable for one in ones))
        for name, ones in members.items()
    )
