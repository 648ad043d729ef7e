# SPDX-License-Identifier: Apache-2.0
"""Which classes there are, and how ids of one list become ids of another."""

from .classes import KINDS, load_taxonomy, SegClass, Taxonomy, UNLABELLED
from .encoding import from_one_hot, one_hot
from .groups import grouping
from .remap import class_groups, group_id_map, IdMap, load_id_map

__all__ = [
    'KINDS',
    'UNLABELLED',
    'IdMap',
    'SegClass',
    'Taxonomy',
    'class_groups',
    'from_one_hot',
    'group_id_map',
    'grouping',
    'load_id_map',
    'load_taxonomy',
    'one_hot',
]
