# SPDX-License-Identifier: Apache-2.0
"""What the numbers or colours in label files stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.label_png import read_color_png, read_instance_png, read_label_png
from seg_node.errors import DatasetError
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets.png_kind import PngKind
    from seg_node.taxonomy import IdMap, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['ColorCode', 'Decoded', 'IdCode', 'LabelCode']

NAMED = 12  # values that a message lists


@dataclass(frozen=True, slots=True)
class Decoded:
    """The labels of one file.

    Attributes:
        labels: (H, W) uint8 ids of the taxonomy; 255 is unlabelled.
        strange: What stands for no class, as written in the file, with its number of pixels;
            these are 255 in ``labels``.
    """

    labels: UInt8Array
    strange: Mapping[str, int]


class LabelCode(Protocol):
    """How label files are written."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes they are read into."""
        ...

    @property
    def in_colors(self) -> bool:
        """Whether the files hold colours instead of ids."""
        ...

    def takes(self, kind: PngKind) -> bool:
        """Return whether a file of this kind can hold such labels."""
        ...

    def decode(self, path: Path) -> Decoded:
        """Read a file; DatasetError if it cannot be read or is of the other kind."""
        ...

    def refusal(self, strange: Iterable[str]) -> str:
        """Say what was found and what may occur, for an error message."""
        ...


@dataclass(frozen=True, slots=True)
class IdCode:
    """Files that hold a number for each pixel.

    Attributes:
        ids: What the numbers stand for.
        instances: Whether the files are 16 bit, id times 256 plus number of the object.
    """

    ids: IdMap
    instances: bool = False

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes they are read into."""
        return self.ids.target

    @property
    def in_colors(self) -> bool:
        """Numbers, no colours."""
        return False

    def takes(self, kind: PngKind) -> bool:
        """Return whether a file of this kind can hold such labels."""
        return kind.holds_instances if self.instances else kind.holds_ids

    def decode(self, path: Path) -> Decoded:
        """Read a file.

        Raises:
            DatasetError: If it cannot be read, is damaged, or holds colours.
        """
        stored = read_instance_png(path) if self.instances else read_label_png(path)
        known = self.ids.known
        strange: dict[str, int] = {}
        # OpenCV's tables are five times as fast as numpy's indexing, and loaders read all day.
        if not cv2.LUT(stored, known.astype(np.uint8)).all():
            counts = np.bincount(stored.ravel(), minlength=256)
            strange = {str(one): int(counts[one]) for one in np.flatnonzero(counts * ~known)}
        labels = cv2.LUT(stored, self.ids.table).astype(np.uint8, copy=False)
        return Decoded(labels, strange)

    def refusal(self, strange: Iterable[str]) -> str:
        """Say which ids were found and which may occur."""
        return (
            f'holds the ids {_listed(strange)}; expected only {_ranges(self.ids.known)} '
            f'(taxonomy {self.taxonomy.name!r}; {UNLABELLED} = unlabelled). '
            f'Pass the taxonomy these labels were made for, or set other pixels to 255.'
        )


@dataclass(frozen=True, slots=True)
class ColorCode:
    """Files that hold a colour for each pixel.

    Attributes:
        taxonomy: The classes they are read into.
        colors: Id, or 255, of each colour (R, G, B).
    """

    taxonomy: Taxonomy
    colors: Mapping[Color, int]

    @property
    def in_colors(self) -> bool:
        """Colours, no numbers."""
        return True

    def takes(self, kind: PngKind) -> bool:
        """Return whether a file of this kind can hold such labels."""
        return kind.holds_colors

    def decode(self, path: Path) -> Decoded:
        """Read a file.

        Raises:
            DatasetError: If it cannot be read or is damaged.
        """
        pixels = read_color_png(path).astype(np.uint32)
        packed = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
        codes = np.array([r << 16 | g << 8 | b for r, g, b in sorted(self.colors)], np.uint32)
        ids = np.array([self.colors[color] for color in sorted(self.colors)], np.uint8)
        place = np.minimum(np.searchsorted(codes, packed), len(codes) - 1)
        fits = codes[place] == packed
        labels = np.where(fits, ids[place], UNLABELLED).astype(np.uint8)
        found, counts = np.unique(packed[~fits], return_counts=True)
        strange = zip(found.tolist(), counts.tolist(), strict=True)
        colors = {f'({c >> 16}, {c >> 8 & 255}, {c & 255})': count for c, count in strange}
        return Decoded(labels, colors)

    def refusal(self, strange: Iterable[str]) -> str:
        """Say which colours were found."""
        return (
            f'holds the colours {_listed(strange)}, which stand for no class of '
            f'{self.taxonomy.name!r}. Repaint these pixels, or save the file without scaling, '
            f'smoothing or lossy compression.'
        )


def check_decoded(decoded: Decoded, path: Path, code: LabelCode) -> UInt8Array:
    """Return the labels.

    Raises:
        DatasetError: If there is something in the file that stands for no class.
    """
    if decoded.strange:
        msg = f'Label file {str(path)!r} {code.refusal(decoded.strange)}'
        raise DatasetError(msg)
    return decoded.labels


def _listed(values: Iterable[str]) -> str:
    """Return the values as a list, not too many of them."""
    every = list(values)
    more = f', and {len(every) - NAMED} more' if len(every) > NAMED else ''
    return f'[{", ".join(every[:NAMED])}{more}]'


def _ranges(known: npt.NDArray[np.bool_]) -> str:
    """Return the numbers that are known in words, for example '0 to 10, 255'."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    parts = [
        f'{start} to {stop - 1}' if stop - start > 1 else f'{start}'
        for start, stop in steps.reshape(-1, 2)
    ]
    return ', '.join(parts)
