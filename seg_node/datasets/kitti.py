# SPDX-License-Identifier: Apache-2.0
"""KITTI: semantic segmentation and road.

H. Alhaija et al., "Augmented Reality Meets Computer Vision", IJCV 2018 (semantic, 200 frames);
J. Fritsch et al., "A New Performance Measure and Evaluation Benchmark for Road Detection
Algorithms", ITSC 2013 (road, 289 frames).

Neither has a public validation split. Frames near each other show the same street, so ours are
the last frames by number: 160 to 199 of semantic, and from 76 on of each kind of road.
"""

from __future__ import annotations

from functools import partial
import re
from typing import TYPE_CHECKING

from seg_node.datasets.coding import ColorCode, IdCode
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import Source
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import load_id_map, load_taxonomy, UNLABELLED

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.coding import LabelCode

__all__ = ['kitti_sources', 'road_sources']

SPLITS = ('train', 'trainval', 'val')
SEMANTIC_VAL, ROAD_VAL = 160, 76  # first frames of our val
NUMBER = re.compile(r'\d{6}')
# Red says that a pixel counts, blue that it is road.
ROAD_COLORS = {(255, 0, 255): 0, (255, 0, 0): 1, (0, 0, 0): UNLABELLED}


def kitti_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return ``training/image_2/`` and ``training/semantic/`` (Cityscapes' ids).

    Args:
        root: Folder that holds ``training/``.
        split: 'train', 'val' or 'trainval', see above.
        taxonomy: Not looked at; the labels are cityscapes19.

    Raises:
        DatasetError: If there is no such split.
    """
    del taxonomy
    labels = Files(root / 'training' / 'semantic')
    return _sources(root, labels, IdCode(load_id_map('cityscapes_label_ids')), split, SEMANTIC_VAL)


def road_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return ``training/image_2/um_000000.png`` and ``training/gt_image_2/um_road_000000.png``.

    Args:
        root: Folder that holds ``training/``.
        split: 'train', 'val' or 'trainval', see above.
        taxonomy: Not looked at; the labels are drivable2.

    Raises:
        DatasetError: If there is no such split.
    """
    del taxonomy
    labels = Files(root / 'training' / 'gt_image_2', '*_road_*')
    return _sources(
        root, labels, ColorCode(load_taxonomy('drivable2'), ROAD_COLORS), split, ROAD_VAL
    )


def _sources(
    root: Path, labels: Files, code: LabelCode, split: str, first_of_val: int
) -> tuple[Source, ...]:
    if split not in SPLITS:
        msg = f'{one_of("split", split, SPLITS)} KITTI has no other with labels.'
        raise DatasetError(msg)
    wanted = None if split == 'trainval' else partial(_is_in, split, first_of_val)
    return (Source(Files(root / 'training' / 'image_2'), labels, code, wanted),)


def _is_in(split: str, first_of_val: int, name: str) -> bool:
    number = NUMBER.search(name)
    in_val = number is not None and int(number[0]) >= first_of_val
    return in_val == (split == 'val')
