# SPDX-License-Identifier: Apache-2.0
"""Cityscapes, fine labels.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.datasets.coding import IdCode
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import Source
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import IdMap, load_id_map, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['cityscapes_sources']

SPLITS = {'train': ('train',), 'val': ('val',), 'test': ('test',), 'trainval': ('train', 'val')}
LABEL_IDS, TRAIN_IDS = '*_gtFine_labelIds', '*_gtFine_labelTrainIds'


def cityscapes_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return where a split is: ``leftImg8bit/<split>/<city>/`` and ``gtFine/<split>/<city>/``.

    ``*_labelIds.png`` are read where they are there, else ``*_labelTrainIds.png``. The labels of
    ``test`` are not public: the files that come with it hold no class at all.

    Args:
        root: Folder that holds both.
        split: 'train', 'val', 'trainval' or 'test'.
        taxonomy: Not looked at; the labels are cityscapes19.

    Raises:
        DatasetError: If there is no such split.
    """
    del taxonomy
    if split not in SPLITS:
        msg = f'{one_of("split", split, SPLITS)} Cityscapes has no other.'
        raise DatasetError(msg)
    return tuple(_source(root, part) for part in SPLITS[split])


def _source(root: Path, part: str) -> Source:
    labels = root / 'gtFine' / part
    with_train_ids = next(labels.glob(f'*/{LABEL_IDS}.png'), None) is None and any(
        labels.glob(f'*/{TRAIN_IDS}.png')
    )
    if with_train_ids:
        pattern, ids = TRAIN_IDS, IdMap.identity(load_taxonomy('cityscapes19'))
    else:
        pattern, ids = LABEL_IDS, load_id_map('cityscapes_label_ids')
    return Source(
        Files(root / 'leftImg8bit' / part, '*_leftImg8bit', nested=True),
        Files(labels, pattern, nested=True),
        IdCode(ids),
    )
