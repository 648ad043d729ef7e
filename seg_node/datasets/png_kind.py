# SPDX-License-Identifier: Apache-2.0
"""What the header of a PNG file says (PNG specification, section 11.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['BYTE', 'GREY', 'SIGNATURE', 'PngKind', 'is_palette_png', 'kind_of', 'png_kind']

SIGNATURE = b'\x89PNG\r\n\x1a\n'
GREY, PALETTE = 0, 3
BYTE = 8  # bits
COLORED = (2, 3, 6)  # RGB, palette, RGBA
COLOR_TYPES = {0: 'grey', 2: 'colour (RGB)', 3: 'palette', 4: 'grey with alpha', 6: 'RGBA'}


@dataclass(frozen=True, slots=True)
class PngKind:
    """What the header of a PNG file says.

    Attributes:
        depth: Bits per channel.
        color_type: Number of the PNG specification.
    """

    depth: int
    color_type: int

    def __str__(self) -> str:
        """Return it in words."""
        return f'{self.depth} bit {COLOR_TYPES.get(self.color_type, self.color_type)}'

    @property
    def is_palette(self) -> bool:
        """Whether pixels are indices into a list of colours."""
        return self.color_type == PALETTE

    @property
    def holds_ids(self) -> bool:
        """Whether pixels are single numbers of at most a byte."""
        return self.color_type in (GREY, PALETTE) and self.depth <= BYTE

    @property
    def holds_instances(self) -> bool:
        """Whether pixels are single numbers of two bytes."""
        return self.color_type == GREY and self.depth == 2 * BYTE

    @property
    def holds_colors(self) -> bool:
        """Whether pixels have a colour of three bytes, their own or one of a list."""
        return self.color_type in COLORED and self.depth <= BYTE


def png_kind(path: Path) -> PngKind:
    """Return what a PNG file says about itself; only its first bytes are read.

    Raises:
        DatasetError: If it cannot be read or is no PNG file.
    """
    try:
        with path.open('rb') as stream:
            return kind_of(stream.read(26), path)
    except OSError as err:
        msg = f'Label file {str(path)!r} cannot be read: {err.strerror}.'
        raise DatasetError(msg) from err


def is_palette_png(path: Path) -> bool:
    """Return whether a file is a palette PNG; only its first bytes are read."""
    try:
        return png_kind(path).is_palette
    except DatasetError:
        return False


def kind_of(data: bytes, path: Path) -> PngKind:
    """Return what a PNG file says about itself.

    Args:
        data: At least its first 26 bytes.
        path: For the message.

    Raises:
        DatasetError: If it is no PNG file.
    """
    if not data.startswith(SIGNATURE) or len(data) < 26:  # noqa: PLR2004 - up to colour type
        msg = (
            f'Label file {str(path)!r} is not a PNG file; expected a PNG, because lossy '
            f'formats change class ids. Save the labels as PNG.'
        )
        raise DatasetError(msg)
    return PngKind(data[24], data[25])
