# SPDX-License-Identifier: Apache-2.0
"""``label_colors.txt``: which class each colour in label files stands for, as CamVid writes it.

::

    64 128 64       Animal
    192 0 128       Archway
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seg_node.errors import DatasetError
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy

    Color = tuple[int, int, int]

__all__ = ['COLORS_FILE', 'VOID', 'read_colors']

COLORS_FILE = 'label_colors.txt'
VOID = ('void', 'unlabelled', 'unlabeled', 'ignore')  # names that stand for no class
LINE = re.compile(r'(\d+)\s+(\d+)\s+(\d+)\s+(.+)')


def read_colors(path: Path, taxonomy: Taxonomy) -> Mapping[Color, int]:
    """Return the id, or 255, of each colour.

    Raises:
        DatasetError: If the file cannot be read, a line is malformed or a colour occurs twice.
        TaxonomyError: If a name is neither a class nor one of void, unlabelled, ignore.
    """
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, ValueError) as err:
        msg = f'{str(path)!r} cannot be read: {err}'
        raise DatasetError(msg) from err
    colors: dict[Color, int] = {}
    for line in (one.strip() for one in lines):
        if not line or line.startswith('#'):
            continue
        match = LINE.fullmatch(line)
        levels = tuple(int(match[place]) for place in (1, 2, 3)) if match else (256,)
        if match is None or max(levels) > 255 or levels in colors:  # noqa: PLR2004 - a byte
            msg = (
                f'{str(path)!r} has the line {line!r}; expected red, green and blue from 0 to '
                f'255 and a name, for example "128 64 128 Road", and each colour once.'
            )
            raise DatasetError(msg)
        colors[levels[0], levels[1], levels[2]] = _id_of(match[4], taxonomy)
    return colors


def _id_of(name: str, taxonomy: Taxonomy) -> int:
    return UNLABELLED if name.lower() in VOID else taxonomy.index(name)
