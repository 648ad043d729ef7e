# SPDX-License-Identifier: Apache-2.0
"""One frame under every corruption and strength, to be looked at before numbers are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.drawing import fitted, write
from seg_node.evaluation.corruptions import corrupt, CORRUPTIONS, STRENGTHS

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets import Sample

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['corruption_sheet']

# All in [px].
MARGIN = 28
GAP = 8
HEAD = 110
CAPTION = 160
TILE_WIDTH = 300
MUTED = (105, 112, 122)


def corruption_sheet(sample: Sample) -> UInt8Array:
    """Draw one frame under every corruption and strength: (H, W, 3) uint8 RGB."""
    height = round(TILE_WIDTH * sample.image.shape[0] / sample.image.shape[1])
    columns = ['clean', *(f'strength {strength}' for strength in STRENGTHS)]
    width = 2 * MARGIN + CAPTION + len(columns) * (TILE_WIDTH + GAP) - GAP
    rows = MARGIN + HEAD + len(CORRUPTIONS) * (height + GAP) + MARGIN
    page = np.full((rows, width, 3), 255, np.uint8)
    write(page, 'Corruptions', (MARGIN, MARGIN + 26), size=30, weight=600)
    write(page, f'frame {sample.name}', (MARGIN, MARGIN + 58), size=17, color=MUTED)
    for index, title in enumerate(columns):
        write(page, title, (_left(index), MARGIN + HEAD - 10), size=17, weight=600)
    for row, (name, kind) in enumerate(CORRUPTIONS.items()):
        top = MARGIN + HEAD + row * (height + GAP)
        write(page, name, (MARGIN, top + 18), size=17, weight=600)
        for line, words in enumerate(kind.words.split(', ')):
            write(page, words, (MARGIN, top + 44 + 20 * line), size=15, color=MUTED)
        tiles = [
            sample.image,
            *(corrupt(sample.image, name, one, sample.name) for one in STRENGTHS),
        ]
        for index, tile in enumerate(tiles):
            left = _left(index)
            page[top : top + height, left : left + TILE_WIDTH] = fitted(tile, height, TILE_WIDTH)
    return page


def _left(column: int) -> int:
    return MARGIN + CAPTION + column * (TILE_WIDTH + GAP)
