# SPDX-License-Identifier: Apache-2.0
"""A colour scale whose equal steps are equal ratios."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.drawing import draw_color_bar, RatioScale
from seg_node.drawing.colorbar import NOTHING


def test_places_are_logarithmic() -> None:
    scale = RatioScale(0.1, 10.0)

    assert scale.place(0.1) == pytest.approx(0.0)
    assert scale.place(1.0) == pytest.approx(0.5)
    assert scale.place(10.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [
        (0.3, 12.0, [0.5, 1.0, 2.0, 5.0, 10.0]),
        (1.0, 2.0, [1.0, 2.0]),
        (15.0, 600.0, [20.0, 50.0, 100.0, 200.0, 500.0]),
    ],
)
def test_ticks_are_round_numbers_inside(low: float, high: float, expected: list[float]) -> None:
    assert RatioScale(low, high).ticks() == pytest.approx(expected)


def test_scale_around_one_number_has_it_in_the_middle() -> None:
    scale = RatioScale.around(3.0, 3.0)

    assert scale.high > scale.low
    assert scale.place(3.0) == pytest.approx(0.5)


def test_heavier_is_brighter_and_nothing_is_grey() -> None:
    scale = RatioScale(0.5, 8.0)

    picture = scale.paint(np.array([[0.0, 0.5, 1.0, 2.0, 4.0, 8.0]]))

    brightness = picture[0, 1:].astype(int) @ [2126, 7152, 722]
    assert (np.diff(brightness) > 0).all()
    assert tuple(picture[0, 0]) == NOTHING


def test_color_bar_runs_from_dark_to_bright_over_its_width() -> None:
    page = np.full((60, 420, 3), 255, np.uint8)
    scale = RatioScale(0.5, 8.0)

    draw_color_bar(page, (10, 5), 200, scale, 'nothing')

    ends = scale.paint(np.array([[0.5, 8.0]]))[0]
    assert (page[6, 10] == ends[0]).all()
    assert (page[6, 209] == ends[1]).all()
    assert (page[5:23, 210:230] == 255).all()
    assert (page[30:45, 10:210] < 100).any()  # numbers under it
    assert (page == NOTHING).all(axis=-1).any()
