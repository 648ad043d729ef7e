# SPDX-License-Identifier: Apache-2.0
"""Frames of a video: a large picture, smaller ones below it, and the legend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .legend import class_lines, draw_classes, LINE
from .picture import fitted
from .typography import ellipsis, text_width, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['VideoPage']

# The video's layout, all in [px].
VIDEO_WIDTH = 1080
EDGE = 16
HEAD = 44
STATE_WIDTH = 340
TILE_GAP = 8
TILE_HEAD = 28
LEGEND_SIZE = 14
SMALL = 15
ASPECTS = (0.4, 0.75)
DARK = (20, 23, 28)
LIGHT = (236, 239, 243)
DIM = (150, 158, 168)


@dataclass(frozen=True, slots=True)
class VideoPage:
    """The layout, the same for all frames.

    Attributes:
        classes: Of the masks.
        aspect: Height over width of the pictures.
        title: At the top left.
        tiles: Titles of the smaller pictures.
        ground: What is the same in all frames: (H, W, 3) uint8 RGB; H and W are even.
    """

    classes: Taxonomy
    aspect: float
    title: str
    tiles: tuple[str, ...]
    ground: UInt8Array = field(init=False)

    def __post_init__(self) -> None:
        """Draw the ground."""
        object.__setattr__(self, 'ground', self._ground())

    def frame(
        self, main: UInt8Array, tiles: Sequence[UInt8Array | None], words: str
    ) -> UInt8Array:
        """Return a frame: (H, W, 3) uint8 RGB, always of the same even size.

        Args:
            main: (H, W, 3) uint8 RGB of any size.
            tiles: The smaller pictures, likewise; None leaves a place empty.
            words: At the top right.
        """
        page = self.ground.copy()
        left = VIDEO_WIDTH - EDGE - text_width(words, size=17)
        write(page, words, (left, 29), size=17, color=DIM)
        paste(page, main, (HEAD, EDGE), self.main_size)
        for index, picture in enumerate(tiles):
            corner = (self._tiles_top(), self._tile_left(index))
            paste(page, picture, corner, self.tile_size)
        return page

    @property
    def main_size(self) -> tuple[int, int]:
        """Height and width of the overlay [px]."""
        width = VIDEO_WIDTH - 2 * EDGE
        return round(width * float(np.clip(self.aspect, *ASPECTS))), width

    @property
    def tile_size(self) -> tuple[int, int]:
        """Height and width of a tile [px]."""
        width = (self.main_size[1] - (len(self.tiles) - 1) * TILE_GAP) // len(self.tiles)
        return round(width * float(np.clip(self.aspect, *ASPECTS))), width

    def _tiles_top(self) -> int:
        return HEAD + self.main_size[0] + TILE_HEAD

    def _ground(self) -> UInt8Array:
        """Return what is the same in all frames."""
        lines = class_lines(self.classes, self.main_size[1], LEGEND_SIZE)
        top = self._tiles_top() + self.tile_size[0] + EDGE
        height = top + len(lines) * LINE + EDGE // 2
        ground = np.full((height + height % 2, VIDEO_WIDTH, 3), DARK, np.uint8)
        title = ellipsis(self.title, VIDEO_WIDTH - 2 * EDGE - STATE_WIDTH, size=19, weight=600)
        write(ground, title, (EDGE, 29), size=19, weight=600, color=LIGHT)
        for index, name in enumerate(self.tiles):
            place = (self._tile_left(index), self._tiles_top() - 9)
            write(ground, name, place, size=SMALL, color=DIM)
        draw_classes(ground, (EDGE, top), lines, size=LEGEND_SIZE, ink=LIGHT)
        return ground

    def _tile_left(self, index: int) -> int:
        return EDGE + index * (self.tile_size[1] + TILE_GAP)


def paste(
    page: UInt8Array, picture: UInt8Array | None, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Put a picture into a box whose top left corner (y, x) and (height, width) are given [px]."""
    if picture is not None:
        (top, left), (height, width) = corner, size
        page[top : top + height, left : left + width] = fitted(picture, height, width, DARK)
