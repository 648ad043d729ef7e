# SPDX-License-Identifier: Apache-2.0
"""CamVid in its two common layouts.

G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a high-definition ground
truth database", Pattern Recognition Letters 30(2), 2009; 11 classes and split as in SegNet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.datasets.pairs import find_pairs, pair_dataset
from seg_node.errors import DatasetError
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.pairs import PairDataset

__all__ = ['open_camvid']

SPLITS = ('test', 'train', 'val')
VOID = 11  # the id of unlabelled pixels in SegNet's 11-class files
LABEL_FOLDERS = {'camvid11': 'labels', 'cityscapes19': 'labels_cityscapes19'}


def open_camvid(root: Path, split: str = 'val', taxonomy: str = 'camvid11') -> PairDataset:
    """Open one split of CamVid.

    Two layouts are known and told apart by their folders:

    * ``images/<split>/``, ``labels/<split>/`` and optionally ``labels_cityscapes19/<split>/``;
    * SegNet's ``<split>/`` and ``<split>annot/`` (camvid11 only).

    Args:
        root: Folder that holds the layout.
        split: 'train', 'val' or 'test'.
        taxonomy: 'camvid11', or 'cityscapes19' where such labels are there.

    Raises:
        DatasetError: If the layout, the split or the labels for the taxonomy are not there.
    """
    if split not in SPLITS:
        msg = f'Unknown split {split!r} of CamVid; expected one of {", ".join(SPLITS)}.'
        raise DatasetError(msg)
    images, labels = _folders(root, split, taxonomy)
    unlabelled = (VOID,) if taxonomy == 'camvid11' else ()
    return pair_dataset(find_pairs(images, labels), load_taxonomy(taxonomy), unlabelled)


def _folders(root: Path, split: str, taxonomy: str) -> tuple[Path, Path]:
    """Return the image folder and the label folder."""
    if taxonomy not in LABEL_FOLDERS:
        known = ', '.join(sorted(LABEL_FOLDERS))
        msg = f'CamVid has no labels for taxonomy {taxonomy!r}; expected one of {known}.'
        raise DatasetError(msg)
    images = root / 'images' / split
    if images.is_dir():
        return images, root / LABEL_FOLDERS[taxonomy] / split
    if not (root / split).is_dir():
        msg = (
            f'{str(root)!r} holds no {split!r} split of CamVid; expected images/{split}/ and '
            f"labels/{split}/, or SegNet's {split}/ and {split}annot/."
        )
        raise DatasetError(msg)
    if taxonomy != 'camvid11':
        msg = (
            f"{str(root)!r} is in SegNet's layout, which has labels for 'camvid11' only, "
            f'not for {taxonomy!r}. Pass taxonomy camvid11.'
        )
        raise DatasetError(msg)
    return root / split, root / f'{split}annot'
