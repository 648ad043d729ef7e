# SPDX-License-Identifier: Apache-2.0
"""What the node published, as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from demo.runs import SIZE, write_run
from seg_node.demo.picture import moment_picture
from seg_node.demo.record import read_record
from seg_node.drawing import DRIVABLE, drivable_picture
from seg_node.imaging import overlay
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.demo.record import Moment

NAMES = ('mask', 'overlay', 'confidence', 'entropy', 'drivable area')


@pytest.fixture
def moments(tmp_path: Path) -> list[Moment]:
    """One that was answered, and one that was lost."""
    reel, performance = write_run(tmp_path, 2, lost=(1,))
    return list(read_record(tmp_path / 'record', reel, performance).moments)


def picture(moment: Moment, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    found = moment_picture(moment, name, TAXONOMY, TAXONOMY)
    assert found is not None
    assert found.shape == (*SIZE, 3)
    assert found.dtype == np.uint8
    return found


def test_mask_and_truth_are_in_the_colours_of_their_classes(moments: list[Moment]) -> None:
    expected = TAXONOMY.colors[scene(SIZE, 0)[1]]

    assert np.array_equal(picture(moments[0], 'mask'), expected)
    assert np.array_equal(picture(moments[0], 'truth'), expected)


def test_overlay_is_the_one_that_the_node_publishes(moments: list[Moment]) -> None:
    image, labels = scene(SIZE, 0)

    found = picture(moments[0], 'overlay')

    assert np.array_equal(found, overlay(image, labels, TAXONOMY, 0.55))


@pytest.mark.parametrize('name', ['confidence', 'entropy'])
def test_even_map_has_one_colour(moments: list[Moment], name: str) -> None:
    found = picture(moments[0], name)

    assert np.ptp(found, axis=(0, 1)).max() == 0


@pytest.mark.parametrize('name', NAMES)
def test_lost_moment_has_no_picture(moments: list[Moment], name: str) -> None:
    assert moment_picture(moments[1], name, TAXONOMY) is None


def test_truth_is_not_drawn_when_nobody_knows_its_classes(moments: list[Moment]) -> None:
    assert moment_picture(moments[0], 'truth', TAXONOMY) is None


def test_drivable_area_is_green_and_the_rest_is_dim_grey() -> None:
    image = np.full((4, 6, 3), (200, 100, 50), np.uint8)
    area = np.zeros((4, 6), np.uint8)
    area[2:] = 255

    found = drivable_picture(image, area).astype(int)

    rest, drivable = found[0, 0], found[3, 3]
    assert np.ptp(rest) == 0
    assert rest[0] < 124  # the grey level of the image
    assert drivable.argmax() == np.argmax(DRIVABLE) == 1
    assert drivable[1] > drivable[0] + 40
