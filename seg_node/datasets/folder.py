# SPDX-License-Identifier: Apache-2.0
"""A plain folder of images and label PNGs: the form in which users bring their own data.

::

    DIR/images/a.jpg              or   DIR/images/val/a.jpg
    DIR/labels/a.png                   DIR/labels/val/a.png
    DIR/taxonomy.yaml             the classes, unless the caller or ids.yaml names them
    DIR/ids.yaml                  optional: id in the label files -> class name
    DIR/label_colors.txt          optional: colours in the label files -> class name
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from seg_node.datasets.coding import ColorCode, IdCode
from seg_node.datasets.color_list import COLORS_FILE, read_colors
from seg_node.datasets.ids_file import IDS_FILE, read_ids
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import open_pairs, Source
from seg_node.errors import DatasetError
from seg_node.taxonomy import IdMap, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.coding import LabelCode
    from seg_node.datasets.pairs import PairDataset
    from seg_node.taxonomy import Taxonomy

__all__ = ['folder_sources', 'folder_splits', 'folder_taxonomy', 'open_folder']

IMAGES, LABELS = 'images', 'labels'
TAXONOMY_FILE = 'taxonomy.yaml'

logger = logging.getLogger(__name__)


def open_folder(root: Path, split: str = 'val', taxonomy: Taxonomy | None = None) -> PairDataset:
    """Open a folder with ``images/`` and ``labels/``.

    Image and label file share their stem. Labels are PNGs of class ids: 8 bit grey, or palette
    PNGs, of which the indices are taken; or PNGs of colours, if ``label_colors.txt`` says which
    class a colour is.

    Args:
        root: The folder.
        split: Sub-folder of both; a folder without sub-folders is one set, whatever the split.
        taxonomy: The classes of the labels; None to read ``taxonomy.yaml`` in the folder.

    Raises:
        DatasetError: If there are no classes or no such split, a file lacks its partner, or
            ``ids.yaml`` or ``label_colors.txt`` is malformed.
        TaxonomyError: If ``taxonomy.yaml`` is malformed, or the others name unknown classes.
    """
    return open_pairs(folder_sources(root, split, taxonomy))


def folder_sources(
    root: Path, split: str = 'val', taxonomy: Taxonomy | None = None
) -> tuple[Source, ...]:
    """Return where the files of a split are; arguments and errors as for ``open_folder``."""
    classes = taxonomy or folder_taxonomy(root)
    if classes is None:
        msg = (
            f'{str(root)!r} has no {TAXONOMY_FILE}, so the classes of its labels are not known. '
            f'Add the file, or pass the taxonomy, for example cityscapes19.'
        )
        raise DatasetError(msg)
    part = _part(root, split)
    return (
        Source(Files(root / IMAGES / part), Files(root / LABELS / part), _code(root, classes)),
    )


def folder_taxonomy(root: Path) -> Taxonomy | None:
    """Return the classes that a folder states in ``taxonomy.yaml``, or the target of ``ids.yaml``.

    Raises:
        DatasetError: If ``ids.yaml`` is malformed.
        TaxonomyError: If ``taxonomy.yaml`` is malformed, or the target is not known.
    """
    if (root / TAXONOMY_FILE).is_file():
        return load_taxonomy(root / TAXONOMY_FILE)
    target = read_ids(root / IDS_FILE).target if (root / IDS_FILE).is_file() else None
    return load_taxonomy(target) if target else None


def folder_splits(root: Path) -> tuple[str, ...]:
    """Return the splits of a folder; none for one without sub-folders.

    Raises:
        DatasetError: If there are no images.
    """
    images = root / IMAGES
    if not images.is_dir():
        msg = (
            f'{str(root)!r} has no {IMAGES}/ folder; expected {IMAGES}/ and {LABELS}/ with files '
            f'of the same names, or sub-folders of both for the splits.'
        )
        raise DatasetError(msg)
    folders = (path for path in images.iterdir() if path.is_dir())
    # names with a dot are left behind by tools
    return tuple(sorted(path.name for path in folders if not path.name.startswith('.')))


def _code(root: Path, classes: Taxonomy) -> LabelCode:
    """Return how the labels are written: as colours, by an id map, or as the classes' ids."""
    if (root / COLORS_FILE).is_file():
        return ColorCode(classes, read_colors(root / COLORS_FILE, classes))
    path = root / IDS_FILE
    if not path.is_file():
        return IdCode(IdMap.identity(classes))
    return IdCode(IdMap.from_names(str(path), classes, read_ids(path).ids, range(256)))


def _part(root: Path, split: str) -> str:
    """Return the sub-folder of a split; '' for a folder that has no splits."""
    splits = folder_splits(root)
    images = root / IMAGES
    if split in splits:
        return split
    if splits:
        msg = f'{str(images)!r} has no split {split!r}; it has {", ".join(splits)}.'
        raise DatasetError(msg)
    logger.info('%s has no sub-folders; all of it is taken for split %r.', images, split)
    return ''
