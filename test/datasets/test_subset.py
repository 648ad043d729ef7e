# SPDX-License-Identifier: Apache-2.0
"""Parts of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seg_node.datasets import open_folder, spread
from tiny import TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seg_node.datasets import Dataset


@pytest.fixture
def ten(tmp_path: Path, add_pair: Callable[..., None]) -> Dataset:
    """Return ten samples named 0 to 9."""
    for number in range(10):
        add_pair(tmp_path / 'images', tmp_path / 'labels', f'{number}.png', 3)
    return open_folder(tmp_path, 'val', TAXONOMY)


@pytest.mark.parametrize(
    ('count', 'expected'), [(1, '0'), (2, '05'), (3, '036'), (9, '012345678'), (99, '0123456789')]
)
def test_spread_takes_samples_from_everywhere(ten: Dataset, count: int, expected: str) -> None:
    part = spread(ten, count)

    assert ''.join(part[index].name for index in range(len(part))) == expected
    assert part.taxonomy == ten.taxonomy


def test_a_part_ends_with_an_index_error(ten: Dataset) -> None:
    with pytest.raises(IndexError):
        spread(ten, 4)[4]


def test_spread_refuses_to_take_nothing(ten: Dataset) -> None:
    with pytest.raises(ValueError, match='`count` to be at least 1, but got 0'):
        spread(ten, 0)
