# SPDX-License-Identifier: Apache-2.0
"""Geometry of sheets: every picture in its place, nothing cropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.drawing import (
    class_lines,
    ellipsis,
    Sheet,
    SheetRow,
    text_width,
    typography,
    write,
)
from seg_node.drawing.sheet import MARGIN
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

CLASSES = load_taxonomy('cityscapes19')
COLUMNS = ('image', 'mask', 'entropy')
WHITE = 255
TILE_WIDTH = 300
KEYS: dict[str, tuple[int, int, int] | int] = {
    'certain': (1, 2, 3),
    'entropy': cv2.COLORMAP_INFERNO,
}


def plain(height: int, width: int, level: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), level, np.uint8)


def color_of(row: int, column: int) -> tuple[int, int, int]:
    return (40 + 50 * row, 40 + 50 * column, 7)


def corner(page: UInt8Array, color: tuple[int, int, int]) -> tuple[int, int]:
    """Return the top and the left edge of what has a colour."""
    ys, xs = np.nonzero((page == color).all(axis=-1))
    return int(ys.min()), int(xs.min())


def sheet(rows: int = 2, *, title: str = 'a title', height: int = 90) -> Sheet:
    drawn = [
        SheetRow(
            (f'{row} s', 'mIoU 0.50'),
            [plain(height, 160, color_of(row, column)) for column in range(len(COLUMNS))],
        )
        for row in range(rows)
    ]
    return Sheet(title, 'a subtitle', COLUMNS, drawn, CLASSES, KEYS)


@pytest.fixture(params=['as installed', 'strokes'])
def font(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV 5 has a smooth font; with OpenCV 4 there are strokes."""
    if request.param == 'strokes':
        monkeypatch.setattr(typography, 'sans', lambda: None)


@pytest.mark.usefixtures('font')
def test_each_picture_is_in_its_row_and_column() -> None:
    page = sheet().draw()

    for row in range(2):
        for column in range(len(COLUMNS)):
            ys, xs = np.nonzero((page == color_of(row, column)).all(axis=-1))
            assert ys.size == TILE_WIDTH * round(TILE_WIDTH * 90 / 160)
            assert int(np.ptp(xs)) + 1 == TILE_WIDTH
            assert int(np.ptp(ys)) + 1 == round(TILE_WIDTH * 90 / 160)
    tops = [corner(page, color_of(row, 0))[0] for row in range(2)]
    lefts = [corner(page, color_of(0, column))[1] for column in range(len(COLUMNS))]
    assert tops == sorted(tops)
    assert lefts == sorted(lefts)


@pytest.mark.usefixtures('font')
@pytest.mark.parametrize('title', ['a title', 'a very long title ' * 20])
def test_margins_stay_white_so_nothing_is_cropped(title: str) -> None:
    page = sheet(title=title).draw()

    edge = MARGIN // 2
    for border in (page[:edge], page[-edge:], page[:, :edge], page[:, -edge:]):
        assert (border == WHITE).all()


def test_legend_shows_every_class_in_its_colour() -> None:
    page = sheet().draw()
    below = page[-220:]

    for color in (*(one.color for one in CLASSES.classes), KEYS['certain']):
        assert (below == color).all(axis=-1).sum() >= 16 * 16


@pytest.mark.parametrize('width', [300, 900, 5000])
def test_legend_lines_hold_each_class_once_and_fit(width: int) -> None:
    lines = class_lines(CLASSES, width, 15)

    assert [one for line in lines for one in line] == list(CLASSES.classes)
    for line in lines:
        assert sum(24 + text_width(one.name, size=15) + 22 for one in line) <= width


def test_missing_picture_is_said_to_be_missing() -> None:
    with_it = Sheet('t', 's', ('mask',), [SheetRow(('0 s',), [None])], CLASSES, {}).draw()

    assert with_it.shape[2] == 3
    assert len(np.unique(with_it)) > 3  # the words 'nothing received'


def test_tall_pictures_do_not_make_endless_pages() -> None:
    assert sheet(rows=1, height=4000).tile_height == TILE_WIDTH


@pytest.mark.usefixtures('font')
def test_captions_get_the_room_that_they_need() -> None:
    name = 'a_long_name_of_a_frame'
    page = Sheet('t', 's', COLUMNS, [SheetRow((name,), [None] * 3)], CLASSES, KEYS)

    assert page.left(0) > MARGIN + text_width(name, size=15, weight=600)
    assert page.left(0) > sheet().left(0)


def test_a_sheet_grows_with_its_rows() -> None:
    heights = [sheet(rows).draw().shape[0] for rows in (1, 2, 3)]

    assert heights[2] - heights[1] == heights[1] - heights[0] > sheet().tile_height


@pytest.mark.usefixtures('font')
@pytest.mark.parametrize('size', [13, 17, 30])
def test_written_text_is_as_wide_as_it_says(size: int) -> None:
    canvas = np.full((80, 900, 3), WHITE, np.uint8)

    end = write(canvas, 'traffic light 0.5', (10, 40), size=size)

    inked = np.nonzero((canvas < 128).any(axis=(0, 2)))[0]
    assert inked.min() >= 9
    assert abs(int(inked.max()) - end) <= 0.2 * size + 2


@pytest.mark.usefixtures('font')
def test_ellipsis_shortens_only_what_does_not_fit() -> None:
    text = 'procedural drive, seed 0'

    short = ellipsis(text, 100, size=17)

    assert ellipsis(text, 2000, size=17) == text
    assert short.endswith('...')
    assert text.startswith(short[:-3])
    assert text_width(short, size=17) <= 100
