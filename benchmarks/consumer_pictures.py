# SPDX-License-Identifier: Apache-2.0
"""Draws the masks that are made for consumers, of one drawn street with exact labels.

python benchmarks/consumer_pictures.py --out docs/images/consumer_masks.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import open_dataset
from seg_node.drawing.sheet import Sheet, SheetRow
from seg_node.imaging import colorize
from seg_node.interface import class_tables, frame_images, ImageOptions, topics
from seg_node.pipeline import Segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.interface import ClassTables

    UInt8Array = npt.NDArray[np.uint8]

FACTOR = 8
DETAIL = (slice(150, 330), slice(200, 440))  # of 360 x 480, where small things are


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the page and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('consumer_masks.jpg'))
    parser.add_argument('--scene', type=int, default=3, help='number of the street')
    args = parser.parse_args(argv)
    data = open_dataset('procedural')
    sample = data[args.scene]
    tables = class_tables(data.taxonomy)
    page = Sheet(
        title='Masks for consumers',
        subtitle='a drawn street with exact labels; white moves',
        columns=('mask · a part of it', 'groups · nearest', 'movable · obstacle'),
        rows=[
            SheetRow(('masks',), whole(sample.labels, sample.image, tables)),
            SheetRow(('decimated', f'by {FACTOR}'), detail(sample.labels, sample.image, tables)),
        ],
        taxonomy=data.taxonomy,
        keys={},
        keys_title='',
        tile_width=420,
    ).draw()
    cv2.imwrite(str(args.out), cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    print(args.out)
    return 0


def whole(labels: UInt8Array, image: UInt8Array, tables: ClassTables) -> list[UInt8Array]:
    """Return mask, groups and movable in colours."""
    assert tables.groups is not None
    names = (topics.GROUPS, topics.MOVABLE)
    found = dict(frame_images(names, Segmentation(labels), image, tables, ImageOptions()))
    return [
        colorize(labels, tables.taxonomy),
        colorize(found[topics.GROUPS], tables.groups.target),
        np.dstack([found[topics.MOVABLE]] * 3),
    ]


def detail(labels: UInt8Array, image: UInt8Array, tables: ClassTables) -> list[UInt8Array]:
    """Return a part of the mask: as it is, decimated by nearest, and so that obstacles win."""
    pictures = [colorize(labels, tables.taxonomy)[DETAIL]]
    for rule in ('nearest', 'obstacle'):
        options = ImageOptions(decimation_factor=FACTOR, decimation_rule=rule)
        names = (topics.DECIMATED_MASK,)
        found = dict(frame_images(names, Segmentation(labels), image, tables, options))
        small = colorize(found[topics.DECIMATED_MASK], tables.taxonomy)
        pictures.append(small.repeat(FACTOR, 0).repeat(FACTOR, 1)[DETAIL])
    return pictures


if __name__ == '__main__':
    sys.exit(main())
