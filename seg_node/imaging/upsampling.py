# SPDX-License-Identifier: Apache-2.0
"""Scale score maps to the image, a few rows at a time, so that they stay in the processor's cache.

Bilinear with half-pixel centres and replicated borders, which is what ``cv2.resize`` with
INTER_LINEAR computes and ONNX calls ``half_pixel``: image row y reads the score rows around
(y + 0.5) h / H - 0.5. Columns are scaled first, once per score row; then each image row is one
weighted sum of two score rows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.imaging.fitting import Placement

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

STRIP_BYTES = 600_000  # of scaled scores; a caller's buffer of the same size fits the cache, too
BLOCK_ROWS = 4  # score rows whose columns are scaled at once, plus one shared with the next block
FARTHEST = 1e37  # scores that far below the best keep this distance: sums stay finite
ROUNDING = 1e-5  # of the spread of all scores; a scaled score is off by a hundredth of that


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of an image with their scores.

    Attributes:
        pixels: Which pixels of the image, counted in reading order.
        scores: (K, pixels) float32; the next strip overwrites it.
    """

    pixels: slice
    scores: Float32Array


@dataclass(frozen=True, slots=True)
class Contest:
    """Some rows of an image with the scores of the classes that can be the label there.

    Attributes:
        pixels: Which pixels of the image, counted in reading order.
        classes: (C,) uint8 ids, ascending, at least one.
        scores: (C, pixels) float32; the next contest overwrites it. Empty if C is 1.
    """

    pixels: slice
    classes: UInt8Array
    scores: Float32Array


class ScoreMaps:
    """The scores of one image at the network's resolution, ready to be scaled up in strips.

    Scores are divided by the temperature and shifted so that the largest of the image is 0;
    a shift common to all classes changes no probability.

    Attributes:
        classes: Number of classes K.
        image_size: (height, width) of the image [px].
        spread: The largest minus the smallest score, after division by the temperature.
    """

    def __init__(self, scores: Float32Array, placement: Placement, temperature: float) -> None:
        """Cut out the image's part of the scores and check it.

        Args:
            scores: (K, h, w) float32, as the engine gave them.
            placement: Where the image lies in the network input.
            temperature: Divisor of the scores, above 0.

        Raises:
            EngineError: If a score is NaN or infinite.
            ValueError: If the scores do not belong to the placement, or the temperature is not
                above 0.
        """
        check_temperature(temperature)
        crop = placement.crop(scores)
        low, high = _range(crop)
        self.classes: int = crop.shape[0]
        self.image_size = placement.image_size
        spread = (high - low) / temperature
        self.spread = min(spread, FARTHEST)
        # Rows outermost, so that the score rows of a block are one piece of memory.
        self._maps = np.array(crop.transpose(1, 0, 2), np.float32, order='C')
        with np.errstate(over='ignore'):
            self._maps -= np.float32(high)
            if temperature != 1:
                self._maps *= np.float32(1 / temperature)
        if spread > FARTHEST:
            np.maximum(self._maps, np.float32(-FARTHEST), out=self._maps)
        neighbours = _neighbours(self.image_size[0], crop.shape[1])
        self._above, self._below, self._weights = neighbours

    @property
    def strip_rows(self) -> int:
        """The largest number of image rows in a strip."""
        return max(STRIP_BYTES // (4 * self.classes * self.image_size[1]), 1)

    @property
    def contest_size(self) -> int:
        """The largest number of scores in a contest."""
        return self.classes * self.strip_rows * self.image_size[1]

    def strips(self, start: int, stop: int) -> Iterator[Strip]:
        """Scale the scores to the image rows from ``start`` up to, not including, ``stop``."""
        width = self.image_size[1]
        columns = np.empty((BLOCK_ROWS + 1, self.classes, width), np.float32)
        lines = list(columns)
        buffer = _StripBuffer(self.classes, self.strip_rows, width)
        for first, block in self._blocks(start, stop):
            self._scale_columns(first, columns)
            for rows in _chunks(block, self.strip_rows):
                targets, scores = buffer.views(rows.stop - rows.start)
                self._blend(lines, first, rows.start, targets)
                yield Strip(slice(rows.start * width, rows.stop * width), scores)

    def contests(self, start: int, stop: int) -> Iterator[Contest]:
        """Do as ``strips`` does for labels alone: leave out classes that win nowhere in a strip.

        On street scenes 6 of 19 classes remain on average.
        """
        width = self.image_size[1]
        memory = np.empty(self.contest_size, np.float32)
        all_columns = np.empty((BLOCK_ROWS + 1) * self.classes * width, np.float32)
        for first, block in self._blocks(start, stop):
            classes = self._contenders(first)
            count = len(classes)
            if count == 1:
                pixels = slice(block.start * width, block.stop * width)
                yield Contest(pixels, classes, memory[:0].reshape(1, 0))
                continue
            columns = all_columns[: (BLOCK_ROWS + 1) * count * width].reshape(-1, count, width)
            self._scale_columns(first, columns, classes)
            lines = list(columns)
            for rows in _chunks(block, max(len(memory) // (count * width), 1)):
                length = rows.stop - rows.start
                strip = memory[: count * length * width].reshape(count, length, width)
                targets = [strip[:, index] for index in range(length)]
                self._blend(lines, first, rows.start, targets)
                pixels = slice(rows.start * width, rows.stop * width)
                yield Contest(pixels, classes, strip.reshape(count, -1))

    def _contenders(self, first: int) -> UInt8Array:
        """Return the classes that may have the largest score somewhere in a block, ascending.

        A scaled score lies between the smallest and the largest of the scores that it is made of.
        So a class whose largest is below another's smallest, at every place along the block, has
        the largest score nowhere in it.
        """
        block = self._maps[first : first + BLOCK_ROWS + 1]
        low, high = block.min(axis=0), block.max(axis=0)
        if low.shape[1] > 1:  # a scaled column is made of two neighbours
            low = np.minimum(low[:, :-1], low[:, 1:])
            high = np.maximum(high[:, :-1], high[:, 1:])
        bar = low.max(axis=0) - np.float32(ROUNDING * self.spread)
        return np.flatnonzero((high >= bar).any(axis=1)).astype(np.uint8)

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, slice]]:
        """Yield the image rows that read the same few score rows, and the first of those."""
        while start < stop:
            first = self._above[start] // BLOCK_ROWS * BLOCK_ROWS
            end = bisect_left(self._above, first + BLOCK_ROWS)
            yield first, slice(start, min(end, stop))
            start = end

    def _scale_columns(
        self, first: int, columns: Float32Array, classes: UInt8Array | None = None
    ) -> None:
        """Scale the score rows of a block, of some or all classes, to the image's width."""
        maps = self._maps[first : first + len(columns)]
        maps = maps if classes is None or len(classes) == self.classes else maps[:, classes]
        rows, width = maps.shape[0] * maps.shape[1], self.image_size[1]
        target = columns[: maps.shape[0]].reshape(rows, width)
        cv2.resize(maps.reshape(rows, -1), (width, rows), dst=target)

    def _blend(
        self, lines: list[Float32Array], first: int, start: int, targets: list[Float32Array]
    ) -> None:
        """Write the scores of the image rows from ``start`` on, each (K, width)."""
        all_above, all_below, weights = self._above, self._below, self._weights
        for row, target in enumerate(targets, start):
            above, below = lines[all_above[row] - first], lines[all_below[row] - first]
            cv2.addWeighted(above, 1 - weights[row], below, weights[row], 0, target)


class _StripBuffer:
    """One buffer for strips of all lengths; its views are made once, as each costs time."""

    def __init__(self, classes: int, rows: int, width: int) -> None:
        self._memory = np.empty(classes * rows * width, np.float32)
        self._classes = classes
        self._width = width
        self._views: dict[int, tuple[list[Float32Array], Float32Array]] = {}

    def views(self, rows: int) -> tuple[list[Float32Array], Float32Array]:
        """Return the rows of a strip, each (K, width), and all of it, (K, rows x width)."""
        if rows not in self._views:
            scores = self._memory[: self._classes * rows * self._width]
            strip = scores.reshape(self._classes, rows, self._width)
            targets = [strip[:, index] for index in range(rows)]
            self._views[rows] = targets, scores.reshape(self._classes, -1)
        return self._views[rows]


def check_temperature(temperature: float) -> None:
    """Refuse a divisor of scores that is not above 0.

    Raises:
        ValueError: If it is not.
    """
    if not temperature > 0:
        msg = f'Temperature is {temperature!r}; expected a number above 0.'
        raise ValueError(msg)


def not_finite(scores: Float32Array) -> EngineError:
    """Return the error for scores of which some are NaN or infinite."""
    with np.errstate(invalid='ignore'):
        low, high = float(scores.min()), float(scores.max())
    msg = (
        f'Scores range from {low} to {high}; expected finite numbers. The network overflowed '
        'or its weights are damaged: try a bundle or an engine of higher precision.'
    )
    return EngineError(msg)


def _range(scores: Float32Array) -> tuple[float, float]:
    """Return the smallest and the largest score."""
    with np.errstate(invalid='ignore'):
        low, high = float(scores.min()), float(scores.max())
    if not np.isfinite(high - low):
        raise not_finite(scores)
    return low, high


def _neighbours(count: int, available: int) -> tuple[list[int], list[int], list[float]]:
    """Return for each of ``count`` rows the two rows that it blends, and the second's weight."""
    centres = np.clip((np.arange(count) + 0.5) * available / count - 0.5, 0, available - 1)
    above = np.floor(centres).astype(np.intp)
    below = np.minimum(above + 1, available - 1)
    return above.tolist(), below.tolist(), (centres - above).tolist()


def _chunks(rows: slice, size: int) -> Iterator[slice]:
    """Cut rows into pieces of nearly equal length, at most ``size``."""
    count = rows.stop - rows.start
    pieces = -(-count // size)
    for index in range(pieces):
        yield slice(
            rows.start + index * count // pieces, rows.start + (index + 1) * count // pieces
        )
