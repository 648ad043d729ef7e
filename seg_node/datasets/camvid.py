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

    from seg_node.datasets.pairs import Pair, PairDataset

__all__ = ['open_camvid']

SPLITS = ('test', 'train', 'trainval', 'val')
DRIVES = ('0001TP', '0006R0', '0016E5')  # whose labelled frames make up train and val
VOID = 11  # the id of unlabelled pixels in SegNet's 11-class files
LABEL_FOLDERS = {'camvid11': 'labels', 'cityscapes19': 'labels_cityscapes19'}


def open_camvid(root: Path, split: str = 'val', taxonomy: str = 'camvid11') -> PairDataset:
    """Open one split of CamVid.

    Two layouts are known and told apart by their folders:

    * ``images/<split>/``, ``labels/<split>/`` and optionally ``labels_cityscapes19/<split>/``;
    * SegNet's ``<split>/`` and ``<split>annot/`` (camvid11 only).

    Args:
        root: Folder that holds the layout.
        split: 'train', 'val', 'trainval' or 'test'; or a drive, such as '0016E5', for its frames
            of train and val; or '-0016E5' for those of all other drives. Frames of one drive look
            alike, so only whole drives tell how a model does on a street it has not seen.
        taxonomy: 'camvid11', or 'cityscapes19' where such labels are there.

    Raises:
        DatasetError: If the layout, the split or the labels for the taxonomy are not there.
    """
    pairs = [
        pair
        for part in _parts(split)
        for pair in find_pairs(*_folders(root, part, taxonomy))
        if _is_wanted(pair, split)
    ]
    unlabelled = (VOID,) if taxonomy == 'camvid11' else ()
    return pair_dataset(tuple(pairs), load_taxonomy(taxonomy), unlabelled)


def _parts(split: str) -> tuple[str, ...]:
    """Return the folders that hold a split."""
    if split == 'trainval' or split.lstrip('-') in DRIVES:
        return ('train', 'val')
    if split in SPLITS:
        return (split,)
    known = ', '.join((*SPLITS, *DRIVES, *(f'-{drive}' for drive in DRIVES)))
    msg = f'Unknown split {split!r} of CamVid; expected one of {known}.'
    raise DatasetError(msg)


def _is_wanted(pair: Pair, split: str) -> bool:
    drive = split.lstrip('-')
    return drive not in DRIVES or pair.image.name.startswith(drive) != split.startswith('-')


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
