# SPDX-License-Identifier: Apache-2.0
"""The drivable area that comes with the other maps, in both ways of computing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.imaging import DrivableRule, finish, InputSpec, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

NETWORK = (12, 16)
PLACEMENT = place((61, 90), InputSpec(*NETWORK, 'stretch', (0, 0, 0), (1, 1, 1)))


@pytest.fixture(params=WAYS, scope='module', autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run everything here in both ways."""
    with taking(request.param):
        yield


def random_scores() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 2, (5, *NETWORK)).astype(np.float32)


@pytest.mark.parametrize(('least', 'most'), [(0.0, 1.0), (0.5, 0.5), (0.7, 0.31), (1.0, 0.0)])
def test_the_drivable_area_follows_from_labels_confidence_and_entropy(
    least: float, most: float
) -> None:
    scores = random_scores()
    table = np.zeros(256, np.uint8)
    table[[1, 4]] = 255

    maps = finish(scores, PLACEMENT, drivable=DrivableRule(table, least, most))

    assert maps.confidence is not None
    assert maps.entropy is not None
    assert maps.drivable_area is not None
    sure = (maps.confidence >= np.ceil(255 * least)) & (maps.entropy <= np.floor(255 * most))
    np.testing.assert_array_equal(
        maps.drivable_area, 255 * (np.isin(maps.labels, [1, 4]) & sure).astype(np.uint8)
    )
    assert finish(scores, PLACEMENT).drivable_area is None


def test_a_certain_class_is_drivable_or_not_as_the_table_says() -> None:
    certain = np.zeros((4, *NETWORK), np.float32)
    certain[2] = 60
    for levels in (0, 255):
        table = np.full(256, 255 - levels, np.uint8)
        table[2] = levels

        maps = finish(certain, PLACEMENT, drivable=DrivableRule(table, 1.0, 0.0))

        assert maps.drivable_area is not None
        assert set(maps.drivable_area.flat) == {levels}


def test_the_drivable_area_asks_for_what_it_needs() -> None:
    rule = DrivableRule(np.zeros(256, np.uint8), 0.5, 0.5)
    with pytest.raises(ValueError, match='needs confidence and entropy'):
        finish(random_scores(), PLACEMENT, entropy=False, drivable=rule)
