# SPDX-License-Identifier: Apache-2.0
"""A plain folder of images and label PNGs: the form in which users bring their own data.

::

    DIR/images/a.jpg              or   DIR/images/val/a.jpg
    DIR/labels/a.png                   DIR/labels/val/a.png
    DIR/taxonomy.yaml             the classes, unless the caller names them
    DIR/ids.yaml                  optional: id in the label files -> class name
"""

from __future__ import annotations

import logging
from typing import Any, TYPE_CHECKING

import numpy as np
import yaml

from seg_node.datasets.label_png import is_palette_png
from seg_node.datasets.pairs import find_pairs, pair_dataset, PairDataset
from seg_node.errors import DatasetError
from seg_node.taxonomy import IdMap, load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy

__all__ = ['folder_taxonomy', 'open_folder']

IMAGES, LABELS = 'images', 'labels'
TAXONOMY_FILE = 'taxonomy.yaml'
IDS_FILE = 'ids.yaml'

logger = logging.getLogger(__name__)


def open_folder(root: Path, split: str = 'val', taxonomy: Taxonomy | None = None) -> PairDataset:
    """Open a folder with ``images/`` and ``labels/``.

    Image and label file share their stem. Labels are PNGs of class ids: 8 bit grey, or palette
    PNGs, of which the indices are taken.

    Args:
        root: The folder.
        split: Sub-folder of both; a folder without sub-folders is one set, whatever the split.
        taxonomy: The classes of the labels; None to read ``taxonomy.yaml`` in the folder.

    Raises:
        DatasetError: If there are no classes or no such split, a file lacks its partner, or
            ``ids.yaml`` is malformed.
        TaxonomyError: If ``taxonomy.yaml`` is malformed, or ``ids.yaml`` names unknown classes.
    """
    classes = taxonomy or folder_taxonomy(root)
    if classes is None:
        msg = (
            f'{str(root)!r} has no {TAXONOMY_FILE}, so the classes of its labels are not known. '
            f'Add the file, or pass the taxonomy, for example cityscapes19.'
        )
        raise DatasetError(msg)
    part = _part(root, split)
    pairs = find_pairs(root / IMAGES / part, root / LABELS / part)
    if is_palette_png(pairs[0].labels):
        logger.info('%s holds palette PNGs; their indices are taken as class ids.', root / LABELS)
    ids = root / IDS_FILE
    if not ids.is_file():
        return pair_dataset(pairs, classes)
    table = IdMap.from_names(str(ids), classes, _read_ids(ids)).table
    return PairDataset(pairs, classes, table, np.ones(len(table), np.bool_))


def folder_taxonomy(root: Path) -> Taxonomy | None:
    """Return the classes that a folder states in its ``taxonomy.yaml``; None without one.

    Raises:
        TaxonomyError: If the file is malformed.
    """
    path = root / TAXONOMY_FILE
    return load_taxonomy(path) if path.is_file() else None


def _part(root: Path, split: str) -> str:
    """Return the sub-folder of a split; '' for a folder that has no splits."""
    images = root / IMAGES
    if not images.is_dir():
        msg = (
            f'{str(root)!r} has no {IMAGES}/ folder; expected {IMAGES}/ and {LABELS}/ with files '
            f'of the same names, or sub-folders of both for the splits.'
        )
        raise DatasetError(msg)
    splits = sorted(
        path.name
        for path in images.iterdir()
        if path.is_dir() and not path.name.startswith('.')  # left behind by tools
    )
    if split in splits:
        return split
    if splits:
        msg = f'{str(images)!r} has no split {split!r}; it has {", ".join(splits)}.'
        raise DatasetError(msg)
    logger.info('%s has no sub-folders; all of it is taken for split %r.', images, split)
    return ''


def _read_ids(path: Path) -> Mapping[int, str]:
    try:
        data: Any = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (
        yaml.YAMLError,
        OSError,
        ValueError,
    ) as err:  # ValueError: not UTF-8, a date of no year
        msg = f'{str(path)!r} cannot be read as YAML: {err}'
        raise DatasetError(msg) from err
    if not isinstance(data, dict) or not all(type(key) is int for key in data):
        msg = (
            f'{str(path)!r} is malformed; expected lines such as "7: road", the id in the label '
            f'files and the class it stands for. Ids that are not named become unlabelled.'
        )
        raise DatasetError(msg)
    return {key: str(name) for key, name in data.items()}
