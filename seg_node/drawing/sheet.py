# SPDX-License-Identifier: Apache-2.0
"""A page of pictures side by side, with titles and legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .legend import class_lines, draw_classes, draw_scale, draw_swatch, LINE
from .picture import fitted
from .typography import ellipsis, INK, MUTED, text_width, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import SegClass, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['Sheet', 'SheetRow']

# All in [px].
MARGIN = 28
GAP = 8
CAPTION_WIDTH = 92  # or more where a caption needs it
HEAD_HEIGHT = 84
COLUMN_TITLE_HEIGHT = 30
LEGEND_GAP = 22
TEXT_SIZE = 15
GROUND = 255
# Height of a tile over its width, for images of odd shapes.
ASPECTS = (0.4, 1.0)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One line of pictures.

    Attributes:
        caption: Lines at the left; the first is set in bold.
        pictures: One per column, (H, W, 3) uint8 RGB; None leaves the tile empty.
    """

    caption: Sequence[str]
    pictures: Sequence[UInt8Array | None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of pictures.

    Attributes:
        title: Large, at the top.
        subtitle: One line below it.
        columns: Title of each column.
        rows: Each has as many pictures as there are columns.
        taxonomy: Whose colours the legend explains.
        keys: Further colours and OpenCV colour maps that the legend explains.
        keys_title: What these are.
        tile_width: Of each picture [px].
    """

    title: str
    subtitle: str
    columns: Sequence[str]
    rows: Sequence[SheetRow]
    taxonomy: Taxonomy
    keys: Mapping[str, Color | int]
    keys_title: str = 'scales'
    tile_width: int = 300

    def draw(self) -> UInt8Array:
        """Return the page: (H, W, 3) uint8 RGB."""
        legend = class_lines(self.taxonomy, self.width - self.left(0) - MARGIN, TEXT_SIZE)
        height = (
            MARGIN
            + HEAD_HEIGHT
            + COLUMN_TITLE_HEIGHT
            + len(self.rows) * (self.tile_height + GAP)
            + LEGEND_GAP
            + (len(legend) + 1) * LINE
            + MARGIN
        )
        page = np.full((height, self.width, 3), GROUND, np.uint8)
        self._draw_head(page)
        top = MARGIN + HEAD_HEIGHT + COLUMN_TITLE_HEIGHT
        for row in self.rows:
            self._draw_row(page, row, top)
            top += self.tile_height + GAP
        self._draw_legend(page, legend, top + LEGEND_GAP)
        return page

    @property
    def width(self) -> int:
        """Width of the page [px]."""
        return self.left(len(self.columns)) - GAP + MARGIN

    @property
    def caption_width(self) -> int:
        """Width of the captions with the gap after them [px]."""
        lines = (line for row in self.rows for line in row.caption)
        widths = (text_width(line, size=TEXT_SIZE, weight=600) + GAP for line in lines)
        return max((CAPTION_WIDTH, *widths))

    @property
    def tile_height(self) -> int:
        """Height of a tile [px], in the shape of the first picture."""
        first = next((p for row in self.rows for p in row.pictures if p is not None), None)
        aspect = 0.5625 if first is None else first.shape[0] / first.shape[1]
        return round(self.tile_width * float(np.clip(aspect, *ASPECTS)))

    def left(self, column: int) -> int:
        """Return where a column begins [px]."""
        return MARGIN + self.caption_width + column * (self.tile_width + GAP)

    def _draw_head(self, page: UInt8Array) -> None:
        room = self.width - 2 * MARGIN
        title = ellipsis(self.title, room, size=30, weight=600)
        write(page, title, (MARGIN, MARGIN + 26), size=30, weight=600)
        subtitle = ellipsis(self.subtitle, room, size=17)
        write(page, subtitle, (MARGIN, MARGIN + 58), size=17, color=MUTED)
        for index, text in enumerate(self.columns):
            base = MARGIN + HEAD_HEIGHT + COLUMN_TITLE_HEIGHT - 10
            write(page, text, (self.left(index), base), size=17, weight=600)

    def _draw_row(self, page: UInt8Array, row: SheetRow, top: int) -> None:
        for index, line in enumerate(row.caption):
            color, weight = (INK, 600) if index == 0 else (MUTED, 400)
            place = (MARGIN, top + 16 + 22 * index)
            write(page, line, place, size=TEXT_SIZE, weight=weight, color=color)
        for index, picture in enumerate(row.pictures):
            left = self.left(index)
            page[top : top + self.tile_height, left : left + self.tile_width] = self._tile(picture)

    def _tile(self, picture: UInt8Array | None) -> UInt8Array:
        if picture is not None:
            return fitted(picture, self.tile_height, self.tile_width)
        empty = np.full((self.tile_height, self.tile_width, 3), 240, np.uint8)
        text = 'nothing received'
        left = (self.tile_width - text_width(text, size=TEXT_SIZE)) // 2
        write(empty, text, (left, self.tile_height // 2 + 5), size=TEXT_SIZE, color=MUTED)
        return empty

    def _draw_legend(
        self, page: UInt8Array, lines: Sequence[Sequence[SegClass]], top: int
    ) -> None:
        write(page, 'classes', (MARGIN, top + 13), size=TEXT_SIZE, weight=600)
        top = draw_classes(page, (self.left(0), top), lines, size=TEXT_SIZE)
        write(page, self.keys_title, (MARGIN, top + 13), size=TEXT_SIZE, weight=600)
        x = self.left(0)
        for name, key in self.keys.items():
            if isinstance(key, int):
                x = draw_scale(page, (x, top), key, name, size=TEXT_SIZE)
            else:
                x = draw_swatch(page, (x, top), key, name, size=TEXT_SIZE)
