# SPDX-License-Identifier: Apache-2.0
"""Pictures of windows in which a dense CRF gains or loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.crf.regions import entropy, gain, WINDOW
from seg_node.drawing import ENTROPY_MAP, heat, Sheet, SheetRow
from seg_node.imaging.color import colorize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from measuring.crf.frames import Frame
    from measuring.crf.regions import Window
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['JUDGED', 'Found', 'cut_out', 'draw_cases']

JUDGED = 'classic'
SCALE = 2
TILE_WIDTH = SCALE * WINDOW[1]
QUALITY = 82


@dataclass(frozen=True, slots=True)
class Found:
    """A window and what is seen in it.

    Attributes:
        frame: Name of the frame.
        window: Where in the frame.
        nets: For each set of parameters, pixels of the window that became right less those that
            became wrong.
        pictures: What is drawn of the window, in colours.
    """

    frame: str
    window: Window
    nets: Mapping[str, int]
    pictures: Mapping[str, UInt8Array]

    def clarity(self) -> int:
        """Return how much is gained or lost, both in the region and in the whole window."""
        return min(self.window.strength, abs(self.nets[JUDGED]))

    def to_dict(self) -> dict[str, Any]:
        """Return where it is and what it is worth."""
        return {
            'frame': self.frame,
            'top': self.window.top,
            'left': self.window.left,
            'net_pixels': dict(self.nets),
        }


def cut_out(
    frame: Frame, labels: Mapping[str, UInt8Array], window: Window, taxonomy: Taxonomy
) -> Found:
    """Return a window of a frame.

    Args:
        frame: Image, probabilities and truth.
        labels: By the network, which is the first, and by each set of parameters.
        window: Where to look.
        taxonomy: Whose colours to use.
    """
    network, *refined = labels
    nets = {
        who: int(window.of(gain(frame.truth, labels[network], labels[who])).sum(dtype=np.int64))
        for who in refined
    }
    uncertain = np.rint(255 * entropy(frame)).astype(np.uint8)
    maps = {'truth': frame.truth, **labels}
    pictures = {
        'image': window.of(frame.image),
        'entropy': heat(np.ascontiguousarray(window.of(uncertain)), ENTROPY_MAP),
        **{
            who: colorize(np.ascontiguousarray(window.of(one)), taxonomy)
            for who, one in maps.items()
        },
    }
    return Found(frame.name, window, nets, {who: _enlarged(one) for who, one in pictures.items()})


def draw_cases(
    file: Path, title: str, subtitle: str, cases: Mapping[str, Found], taxonomy: Taxonomy
) -> None:
    """Write a page with a row for each case.

    Args:
        file: To write.
        title: Of the page.
        subtitle: What it is drawn from.
        cases: By what they show; at least one.
        taxonomy: Whose colours to use.
    """
    rows = [
        SheetRow(
            [name, *(f'{who} {net:+d} px' for who, net in one.nets.items())],
            list(one.pictures.values()),
        )
        for name, one in cases.items()
    ]
    columns = list(next(iter(cases.values())).pictures)
    keys = {'entropy': ENTROPY_MAP}
    sheet = Sheet(title, subtitle, columns, rows, taxonomy, keys, '', TILE_WIDTH)
    page = cv2.cvtColor(sheet.draw(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(file), page, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _enlarged(piece: UInt8Array) -> UInt8Array:
    size = (SCALE * piece.shape[1], SCALE * piece.shape[0])
    return np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_NEAREST), np.uint8)
