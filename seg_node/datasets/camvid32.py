# SPDX-License-Identifier: Apache-2.0
"""CamVid as published: 701 frames of 960 x 720, labels as pictures in 32 colours.

G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video: a high-definition ground
truth database", Pattern Recognition Letters 30(2), 2009.
"""

from __future__ import annotations

from functools import partial
import re
from typing import TYPE_CHECKING

from seg_node.datasets.camvid import is_wanted, parts_of
from seg_node.datasets.coding import ColorCode
from seg_node.datasets.color_list import COLORS_FILE, read_colors
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import Source
from seg_node.errors import DatasetError
from seg_node.taxonomy import load_taxonomy, UNLABELLED

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['camvid32_sources', 'segnet_split']

LABELS = '*_L'
# Folders of images and of labels that hold all frames: as downloaded, and as often renamed.
FLAT = (('701_StillsRaw_full', 'LabeledApproved_full'), ('images', 'labels'))
FRAME = re.compile(r'(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)')
BLACK = (0, 0, 0)  # Void


def camvid32_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return where a split is.

    Two layouts are known: all frames in ``701_StillsRaw_full/`` and ``LabeledApproved_full/``
    (or ``images/`` and ``labels/``), from which SegNet's split is taken by name; and folders
    ``<split>/`` and ``<split>_labels/``. Label files are ``*_L.png``. ``label_colors.txt``, where
    it is there, says which colour is which class.

    Args:
        root: Folder that holds the layout.
        split: As for ``open_camvid``, with drives.
        taxonomy: Not looked at; the labels are camvid32.

    Raises:
        DatasetError: If the layout or the split is not there, or ``label_colors.txt`` is broken.
    """
    del taxonomy
    code = _code(root)
    parts = parts_of(split)
    for images, labels in FLAT:
        if (root / images).is_dir() and (root / labels).is_dir():
            wanted = partial(_is_in, split, parts)
            return (Source(Files(root / images), Files(root / labels, LABELS), code, wanted),)
    if not (root / parts[0]).is_dir():
        msg = (
            f'{str(root)!r} holds no CamVid of 32 classes; expected 701_StillsRaw_full/ and '
            f'LabeledApproved_full/, or {parts[0]}/ and {parts[0]}_labels/.'
        )
        raise DatasetError(msg)
    of_drive = partial(is_wanted, split)
    return tuple(
        Source(Files(root / part), Files(root / f'{part}_labels', LABELS), code, of_drive)
        for part in parts
    )


def segnet_split(name: str) -> str:
    """Return the part of SegNet's split that a frame of CamVid is in.

    It goes by drives and stretches of them: 367 frames train, 101 val, 233 test.

    Example:
        >>> segnet_split('0016E5_07959'), segnet_split('Seq05VD_f00000')
        ('val', 'test')
    """
    match = FRAME.match(name)
    drive, number = (match[1], int(match[2])) if match else ('', 0)
    if drive == 'Seq05VD' or (drive == '0001TP' and number >= 8550):  # noqa: PLR2004 - a frame
        return 'test'
    if drive == '0016E5' and 7959 <= number <= 8159:  # noqa: PLR2004 - frames
        return 'val'
    return 'train'


def _is_in(split: str, parts: tuple[str, ...], name: str) -> bool:
    return segnet_split(name) in parts and is_wanted(split, name)


def _code(root: Path) -> ColorCode:
    taxonomy = load_taxonomy('camvid32')
    if (root / COLORS_FILE).is_file():
        return ColorCode(taxonomy, read_colors(root / COLORS_FILE, taxonomy))
    colors = {one.color: place for place, one in enumerate(taxonomy.classes)}
    return ColorCode(taxonomy, {**colors, BLACK: UNLABELLED})
