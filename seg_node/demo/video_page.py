# SPDX-License-Identifier: Apache-2.0
"""Frames of the video: the overlay, what else came out below it, and the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.drawing import (
    class_lines,
    draw_classes,
    ellipsis,
    fitted,
    LINE,
    text_width,
    write,
)

from .picture import moment_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['VideoPage']

MILLI = 1e3

# The video's layout, all in [px].
VIDEO_WIDTH = 1080
EDGE = 16
HEAD = 44
STATE_WIDTH = 340
TILE_GAP = 8
TILES = ('image', 'entropy', 'drivable area')
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
        rate: Frames per second of the drive's own time [Hz].
    """

    classes: Taxonomy
    aspect: float
    title: str
    rate: float

    def frames(self, moments: Sequence[Moment]) -> Iterator[UInt8Array]:
        """Yield a frame per moment: (H, W, 3) uint8 RGB, always of the same even size."""
        ground = self._ground()
        for moment in moments:
            frame = ground.copy()
            self._draw(frame, moment)
            yield frame

    @property
    def main_size(self) -> tuple[int, int]:
        """Height and width of the overlay [px]."""
        width = VIDEO_WIDTH - 2 * EDGE
        return round(width * float(np.clip(self.aspect, *ASPECTS))), width

    @property
    def tile_size(self) -> tuple[int, int]:
        """Height and width of a tile [px]."""
        width = (self.main_size[1] - (len(TILES) - 1) * TILE_GAP) // len(TILES)
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
        for index, name in enumerate(TILES):
            place = (self._tile_left(index), self._tiles_top() - 9)
            write(ground, name, place, size=SMALL, color=DIM)
        draw_classes(ground, (EDGE, top), lines, size=LEGEND_SIZE, ink=LIGHT)
        return ground

    def _tile_left(self, index: int) -> int:
        return EDGE + index * (self.tile_size[1] + TILE_GAP)

    def _draw(self, frame: UInt8Array, moment: Moment) -> None:
        """Draw one moment; without a mask the bare image stands in, and the words say so."""
        main = moment_picture(moment, 'overlay', self.classes)
        seconds = moment.index / self.rate
        refined = 'CRF     ' if moment.status.get('crf') == 'ran' else ''
        latency = f'latency {MILLI * (moment.latency or 0):.0f} ms'
        words = f'{refined}{seconds:4.1f} s     {latency}'
        if main is None:
            main = moment.image()
            words = f'{seconds:4.1f} s     no mask for this frame'
        left = VIDEO_WIDTH - EDGE - text_width(words, size=17)
        write(frame, words, (left, 29), size=17, color=DIM)
        paste(frame, main, (HEAD, EDGE), self.main_size)
        for index, name in enumerate(TILES):
            corner = (self._tiles_top(), self._tile_left(index))
            paste(frame, moment_picture(moment, name, self.classes), corner, self.tile_size)


def paste(
    page: UInt8Array, picture: UInt8Array | None, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Put a picture into a box whose top left corner (y, x) and (height, width) are given [px]."""
    if picture is not None:
        (top, left), (height, width) = corner, size
        page[top : top + height, left : left + width] = fitted(picture, height, width, DARK)
