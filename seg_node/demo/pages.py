# SPDX-License-Identifier: Apache-2.0
"""A recorded run turned into pictures: rows of the contact sheet, frames of the video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.imaging import colorize, overlay

from .legend import class_lines, draw_classes, LINE
from .picture import CONFIDENCE_MAP, drivable_picture, ENTROPY_MAP, fitted, heat
from .sheet import Sheet, SheetRow
from .typography import text_width, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['VideoPage', 'contact_sheet', 'pick']

ROWS = 5
OVERLAY_ALPHA = 0.55
MILLI = 1e3


def pick(moments: Sequence[Moment], count: int = ROWS) -> list[Moment]:
    """Return moments spread evenly over a run, neither the first nor the last."""
    places = (np.arange(count) + 0.5) / count * len(moments)
    return [moments[int(place)] for place in dict.fromkeys(places.astype(int).tolist())]


def contact_sheet(
    moments: Sequence[Moment],
    titles: tuple[str, str],
    classes: Taxonomy,
    truth_classes: Taxonomy | None,
    score: Callable[[Moment], float | None],
) -> Sheet:
    """Lay out a few moments.

    Args:
        moments: Those with a mask; a few are picked.
        titles: Title and subtitle of the page.
        classes: Of the masks.
        truth_classes: Of the true labels; None leaves out their column.
        score: Gives a moment's mean IoU, 0 to 1, or None.
    """
    columns = ['image', 'truth', 'mask', 'overlay', 'confidence', 'entropy', 'drivable area']
    if truth_classes is None:
        columns.remove('truth')
    start = moments[0].stamp_ns if moments else 0
    rows = []
    for moment in pick(moments):
        pictures = moment_pictures(moment, classes, truth_classes)
        caption = [f'{(moment.stamp_ns - start) / 1e9:.1f} s']
        caption += caption_details(moment, score(moment))
        rows.append(SheetRow(caption, [pictures[name] for name in columns]))
    return Sheet(*titles, columns, rows, classes)


def caption_details(moment: Moment, score: float | None) -> list[str]:
    """Return latency and score of a moment in words, one per line."""
    lines = []
    if moment.latency is not None:
        lines.append(f'{MILLI * moment.latency:.0f} ms')
    if score is not None:
        lines.append(f'mIoU {score:.2f}')
    return lines


def moment_pictures(
    moment: Moment, classes: Taxonomy, truth_classes: Taxonomy | None
) -> dict[str, UInt8Array | None]:
    """Return what there is of a moment, (H, W, 3) uint8 RGB by column title; None if it is not."""
    image, truth = moment.image(), moment.truth()
    mask, area = moment.plane('mask'), moment.plane('drivable_area')
    confidence, entropy = moment.plane('confidence'), moment.plane('entropy')
    known = truth is not None and truth_classes is not None
    return {
        'image': image,
        'truth': colorize(truth, truth_classes) if known else None,
        'mask': None if mask is None else colorize(mask, classes),
        'overlay': None if mask is None else overlay(image, mask, classes, OVERLAY_ALPHA),
        'confidence': None if confidence is None else heat(confidence, CONFIDENCE_MAP),
        'entropy': None if entropy is None else heat(entropy, ENTROPY_MAP),
        'drivable area': None if area is None else drivable_picture(image, area),
    }


# The video's layout, all in [px].
VIDEO_WIDTH = 1080
EDGE = 16
HEAD = 44
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
    """Frames of the video: the overlay, what else came out below it, and the legend.

    Attributes:
        classes: Of the masks.
        aspect: Height over width of the pictures.
        title: At the top left.
    """

    classes: Taxonomy
    aspect: float
    title: str

    def frames(self, moments: Sequence[Moment]) -> Iterator[UInt8Array]:
        """Yield a frame per moment: (H, W, 3) uint8 RGB, always of the same even size."""
        ground = self._ground()
        start = moments[0].stamp_ns if moments else 0
        for moment in moments:
            frame = ground.copy()
            self._draw(frame, moment, (moment.stamp_ns - start) / 1e9)
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
        write(ground, self.title, (EDGE, 29), size=19, weight=600, color=LIGHT)
        for index, name in enumerate(TILES):
            place = (self._tile_left(index), self._tiles_top() - 9)
            write(ground, name, place, size=SMALL, color=DIM)
        draw_classes(ground, (EDGE, top), lines, size=LEGEND_SIZE, ink=LIGHT)
        return ground

    def _tile_left(self, index: int) -> int:
        return EDGE + index * (self.tile_size[1] + TILE_GAP)

    def _draw(self, frame: UInt8Array, moment: Moment, seconds: float) -> None:
        """Draw one moment; without a mask the bare image stands in, and the words say so."""
        pictures = moment_pictures(moment, self.classes, None)
        main = pictures['overlay']
        words = f'{seconds:4.1f} s     latency {MILLI * (moment.latency or 0):.0f} ms'
        if main is None:
            main = pictures['image']
            words = f'{seconds:4.1f} s     no mask for this frame'
        left = VIDEO_WIDTH - EDGE - text_width(words, size=17)
        write(frame, words, (left, 29), size=17, color=DIM)
        paste(frame, main, (HEAD, EDGE), self.main_size)
        for index, name in enumerate(TILES):
            corner = (self._tiles_top(), self._tile_left(index))
            paste(frame, pictures[name], corner, self.tile_size)


def paste(
    page: UInt8Array, picture: UInt8Array | None, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Put a picture into a box whose top left corner (y, x) and (height, width) are given [px]."""
    if picture is not None:
        (top, left), (height, width) = corner, size
        page[top : top + height, left : left + width] = fitted(picture, height, width, DARK)
