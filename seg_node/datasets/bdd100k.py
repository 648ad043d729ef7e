# SPDX-License-Identifier: Apache-2.0
"""BDD100K: semantic segmentation and drivable area.

F. Yu et al., "BDD100K: A Diverse Driving Dataset for Heterogeneous Multitask Learning", CVPR 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.datasets.coding import IdCode
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import Source
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import IdMap, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['drivable_sources', 'semantic_sources']

SPLITS = {'train': ('train',), 'val': ('val',), 'trainval': ('train', 'val')}


def semantic_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return ``images/10k/<split>/`` and ``labels/sem_seg/masks/<split>/``.

    Args:
        root: Folder that holds ``images/`` and ``labels/``.
        split: 'train', 'val' or 'trainval'; labels of 'test' are not public.
        taxonomy: Not looked at; the labels are cityscapes19.

    Raises:
        DatasetError: If there is no such split.
    """
    del taxonomy
    code = IdCode(IdMap.identity(load_taxonomy('cityscapes19')))
    return _sources(root / 'images' / '10k', root / 'labels' / 'sem_seg' / 'masks', code, split)


def drivable_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return ``images/100k/<split>/`` and ``labels/drivable/masks/<split>/``.

    Args:
        root: Folder that holds ``images/`` and ``labels/``.
        split: 'train', 'val' or 'trainval'; labels of 'test' are not public.
        taxonomy: Not looked at; the labels are bdd_drivable.

    Raises:
        DatasetError: If there is no such split.
    """
    del taxonomy
    code = IdCode(IdMap.identity(load_taxonomy('bdd_drivable')))
    return _sources(root / 'images' / '100k', root / 'labels' / 'drivable' / 'masks', code, split)


def _sources(images: Path, labels: Path, code: IdCode, split: str) -> tuple[Source, ...]:
    if split not in SPLITS:
        msg = f'{one_of("split", split, SPLITS)} BDD100K has no other with labels.'
        raise DatasetError(msg)
    return tuple(
        Source(Files(images / part), Files(labels / part), code) for part in SPLITS[split]
    )
