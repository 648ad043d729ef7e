# SPDX-License-Identifier: Apache-2.0
"""CamVid in its two common layouts.

G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a high-definition ground
truth database", Pattern Recognition Letters 30(2), 2009; 11 classes and split as in SegNet.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from seg_node.datasets.coding import IdCode
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import open_pairs, Source
from seg_node.errors import DatasetError
from seg_node.taxonomy import IdMap, load_id_map, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.pairs import PairDataset

__all__ = ['camvid_sources', 'is_wanted', 'open_camvid', 'parts_of']

SPLITS = ('test', 'train', 'trainval', 'val')
DRIVES = ('0001TP', '0006R0', '0016E5')  # whose labelled frames make up train and val
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
    if taxonomy not in LABEL_FOLDERS:
        known = ', '.join(sorted(LABEL_FOLDERS))
        msg = f'CamVid has no labels for taxonomy {taxonomy!r}; expected one of {known}.'
        raise DatasetError(msg)
    return open_pairs(camvid_sources(root, split, taxonomy))


def camvid_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return where a split is.

    Args:
        root: Folder that holds the layout.
        split: As for ``open_camvid``.
        taxonomy: 'cityscapes19' for those labels; with any other the labels are camvid11.

    Raises:
        DatasetError: If the layout or the split is not there.
    """
    parts = parts_of(split)
    if taxonomy == 'cityscapes19':
        code = IdCode(IdMap.identity(load_taxonomy(taxonomy)))
    else:
        taxonomy, code = 'camvid11', IdCode(load_id_map('camvid_files'))
    of_drive = partial(is_wanted, split)
    folders = [_folders(root, part, taxonomy) for part in parts]
    return tuple(Source(Files(left), Files(right), code, of_drive) for left, right in folders)


def parts_of(split: str) -> tuple[str, ...]:
    """Return the folders that hold a split.

    Raises:
        DatasetError: If CamVid has no such split.
    """
    if split == 'trainval' or split.lstrip('-') in DRIVES:
        return ('train', 'val')
    if split in SPLITS:
        return (split,)
    known = ', '.join((*SPLITS, *DRIVES, *(f'-{drive}' for drive in DRIVES)))
    msg = f'Unknown split {split!r} of CamVid; expected one of {known}.'
    raise DatasetError(msg)


def is_wanted(split: str, name: str) -> bool:
    """Return whether a frame is of the drive, or not of it, that a split may stand for."""
    drive = split.lstrip('-')
    return drive not in DRIVES or name.startswith(drive) != split.startswith('-')


def _folders(root: Path, split: str, taxonomy: str) -> tuple[Path, Path]:
    """Return the image folder and the label folder."""
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
