# SPDX-License-Identifier: Apache-2.0
"""What becomes of a label in each kind of mask; made once for the classes of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.imaging.decimation import obstacle_order
from seg_node.taxonomy import grouping, UNLABELLED

from .autoware import autoware_table

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import IdMap, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['ClassTables', 'class_tables']

MOVABLE_KIND = 'object'


@dataclass(frozen=True, slots=True, eq=False)
class ClassTables:
    """Look-up tables, each (256,) uint8 by label.

    Attributes:
        taxonomy: The classes.
        groups: Map to their groups; None if they have none.
        movable: 255 for people and vehicles, else 0.
        obstacle_order: Rank when several labels meet in one pixel.
        autoware: Id of the label in Autoware.
    """

    taxonomy: Taxonomy
    groups: IdMap | None
    movable: UInt8Array
    obstacle_order: UInt8Array
    autoware: UInt8Array


def class_tables(taxonomy: Taxonomy, autoware_labels: str = '') -> ClassTables:
    """Return the tables of a taxonomy.

    Args:
        taxonomy: The classes.
        autoware_labels: As for ``autoware_table``.

    Raises:
        ParameterError: If ``autoware_labels`` is not valid.
        TaxonomyError: If all classes are in one group.
    """
    movable = np.zeros(UNLABELLED + 1, np.uint8)
    movable[[index for index, kind in enumerate(taxonomy.kinds) if kind == MOVABLE_KIND]] = 255
    return ClassTables(
        taxonomy,
        grouping(taxonomy),
        movable,
        obstacle_order(taxonomy),
        autoware_table(taxonomy, autoware_labels),
    )
