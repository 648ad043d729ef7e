# SPDX-License-Identifier: Apache-2.0
"""What two data sets of a recipe have in common."""

from __future__ import annotations

from pathlib import Path

from seg_node.datasets.coding import IdCode
from seg_node.datasets.matching import Pair
from seg_node.datasets.pairs import PairDataset
from seg_node.datasets.regroup import regroup
from seg_node.taxonomy import IdMap, load_taxonomy
from seg_node.training.samples.sources import shared_images

FINE, COARSE = load_taxonomy('camvid32'), load_taxonomy('camvid11')


def listed(*names: str) -> PairDataset:
    """Return a data set of files that need not be there."""
    pairs = tuple(Pair(name, Path(f'{name}.jpg'), Path(f'{name}.png')) for name in names)
    return PairDataset(pairs, IdCode(IdMap.identity(FINE)))


def test_images_that_two_data_sets_share_are_found() -> None:
    assert shared_images(listed('a', 'b'), listed('b', 'c')) == (Path('b.jpg'),)


def test_images_are_found_behind_grouped_classes() -> None:
    train, val = (regroup(one, COARSE) for one in (listed('a', 'b'), listed('b', 'c')))

    assert shared_images(train, val) == (Path('b.jpg'),)
    assert shared_images(listed('b'), val) == (Path('b.jpg'),)
