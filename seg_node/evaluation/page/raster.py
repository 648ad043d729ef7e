# SPDX-License-Identifier: Apache-2.0
"""Pictures inside the page: maps of errors, and frames."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.drawing import ENTROPY_MAP, heat

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.drawing import SheetRow
    from seg_node.evaluation.sums import Sums
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['error_maps', 'frames', 'picture']

QUALITY = 88
TILE = 480  # [px] largest width of a frame
MAP_WIDTH, MAP_HEIGHT = 240, 180
LEVELS = 255
FEWEST = 1e-5  # share of the class's pixels that a part must have to be shown


def error_maps(sums: Sums, classes: Taxonomy) -> str:
    """Return where in the image pixels are wrong: of all classes, and of each true class."""
    whole = _map(sums.errors.sum(axis=0), 'all classes')
    parts = [
        _map(sums.errors[index], name)
        for index, name in enumerate(classes.names)
        if sums.errors[index, ..., 0].any()
    ]
    ramp = np.repeat(np.linspace(0, LEVELS, 160).astype(np.uint8)[None], 12, axis=0)
    scale = picture(heat(ramp, ENTROPY_MAP), 'colours from 0 to 100 percent')
    key = f'<p class="key">0 % {scale} 100 % of the pixels there are wrong</p>'
    return f'{key}<div class="maps">{whole}{"".join(parts)}</div>'


def frames(rows: Sequence[SheetRow], titles: Sequence[str]) -> str:
    """Return frames with their pictures side by side."""
    parts = []
    for row in rows:
        name, *facts = (escape(line) for line in row.caption)
        tiles = ''.join(
            f'<div>{picture(_small(one), title)}<small>{escape(title)}</small></div>'
            for one, title in zip(row.pictures, titles, strict=True)
            if one is not None
        )
        words = ', '.join(facts[:2])
        words += f'; {" ".join(facts[2:])}' if facts[2:] else ''
        parts.append(
            f'<figure><figcaption><b>{name}</b> {words}</figcaption>'
            f'<div class="tiles">{tiles}</div></figure>'
        )
    return ''.join(parts)


def picture(pixels: UInt8Array, words: str, *, lossless: bool = False) -> str:
    """Return an image that carries its own data.

    Args:
        pixels: (H, W, 3) uint8 RGB, or with a fourth channel for opacity, which needs PNG.
        words: What it shows, for those who cannot see it.
        lossless: As PNG and not as JPEG.
    """
    kind = 'png' if lossless else 'jpeg'
    order = [2, 1, 0, 3][: pixels.shape[2]]
    options = [] if lossless else [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, data = cv2.imencode(f'.{kind}', np.ascontiguousarray(pixels[..., order]), options)
    packed = base64.b64encode(data.tobytes()).decode('ascii')
    return f'<img alt="{escape(words)}" src="data:image/{kind};base64,{packed}">'


def _map(counts: npt.NDArray[np.int64], name: str) -> str:
    """Return the share of wrong pixels in each part of the image."""
    pixels, wrong = counts[..., 0], counts[..., 1]
    shares = np.divide(wrong, pixels, out=np.zeros(pixels.shape), where=pixels > 0)
    levels = np.rint(LEVELS * shares).astype(np.uint8)
    seen = np.where(pixels > FEWEST * pixels.sum(), LEVELS, 0).astype(np.uint8)
    cells = np.dstack([heat(levels, ENTROPY_MAP), seen])
    size = (MAP_WIDTH, MAP_HEIGHT)
    large = np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    total = 100 * wrong.sum() / max(pixels.sum(), 1)
    caption = f'<small>{escape(name)}: {total:.1f} % wrong</small>'
    return f'<div>{picture(large, f"errors in {name}", lossless=True)}{caption}</div>'


def _small(pixels: UInt8Array) -> UInt8Array:
    """Return a picture that is at most as wide as a tile."""
    height, width = pixels.shape[:2]
    if width <= TILE:
        return pixels
    size = (TILE, round(height * TILE / width))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
