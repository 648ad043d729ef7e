# SPDX-License-Identifier: Apache-2.0
"""A sparse matrix as many small dense ones: numpy has no sparse product, but a fast dense one."""

from __future__ import annotations

from typing import NamedTuple, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.crf.memory import check_memory

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    IntArray = npt.NDArray[np.intp]

__all__ = ['BlockMatrix']

ROWS = 64  # of a block: enough for BLAS to pay, few enough to touch few columns
STEP = 8  # blocks whose numbers of columns round up to the same multiple are multiplied at once


class _Group(NamedTuple):
    """Blocks of one width.

    Attributes:
        width: How many slots each has.
        blocks: Which blocks.
        slots: Which slots; a slot is a column of a block.
    """

    width: int
    blocks: slice
    slots: slice


class BlockMatrix:
    """A matrix of few entries in each row, quick where rows can be sorted by their columns.

    The sorted rows are cut into blocks, dense over the columns that any of their rows touches.
    """

    def __init__(
        self, columns: IntArray, kinds: IntArray, weights: Float32Array, rows: IntArray
    ) -> None:
        """Lay out the blocks.

        Args:
            columns: (E, S) the columns of the E entries of each of S kinds of rows, different
                within a kind. Each column from 0 to the largest occurs.
            kinds: (N,) the kind of each entry of ``rows``, ascending: neighbours share columns.
            weights: (E, N) the entries.
            rows: (N,) all numbers of rows, 0 to N - 1, in the order of ``kinds``.

        Raises:
            CrfError: If there is not enough memory.
        """
        block = np.arange(len(kinds)) // ROWS
        # Rows of one kind in one block need to be looked at once.
        changes = np.diff(kinds + block, prepend=-1) != 0
        piece = np.cumsum(changes) - 1
        columns, owner = columns[:, kinds[changes]], block[changes]
        self._height = int(columns.max()) + 1
        keys, number = np.unique(owner * self._height + columns, return_inverse=True)
        owner_of_key = keys // self._height
        touched = np.bincount(owner_of_key)
        widths = -(-touched // STEP) * STEP
        check_memory(4 * ROWS * int(widths.sum()), 'The numpy CRF back end')

        order = np.argsort(widths, kind='stable')
        self._groups = _groups(widths[order])
        first_slot, first_key = _starts(widths, order), np.cumsum(touched) - touched
        slot = first_slot[owner_of_key] + np.arange(len(keys)) - first_key[owner_of_key]
        self._column = np.full(int(widths.sum()), self._height)  # unused slots: one column more
        self._column[slot] = keys % self._height
        self._weights = np.zeros((len(self._column), ROWS), np.float32)
        slots = slot[number.reshape(columns.shape)][:, piece]
        self._weights[slots, np.arange(len(kinds)) % ROWS] = weights
        self._by_column = np.argsort(self._column, kind='stable')
        ends = np.cumsum(np.bincount(self._column, minlength=self._height))[: self._height]
        self._by_column = self._by_column[: ends[-1]]
        self._starts = np.concatenate([[0], ends[:-1]])

        self._position = np.empty(len(rows), np.intp)
        self._position[rows] = np.argsort(order)[block] * ROWS + np.arange(len(kinds)) % ROWS
        self._row = np.zeros(len(order) * ROWS, np.intp)  # of those beyond the last: any
        self._row[self._position] = np.arange(len(rows))

    def times(self, values: Float32Array) -> Float32Array:
        """Return the product with (columns, C) values, transposed: (C, N) float32."""
        channels = values.shape[1]
        padded = np.concatenate([values, np.zeros((1, channels), np.float32)])
        read = padded[self._column]
        result = np.empty((len(self._row) // ROWS, ROWS, channels), np.float32)
        for width, blocks, slots in self._groups:
            weights = self._weights[slots].reshape(-1, width, ROWS)
            factors = read[slots].reshape(-1, width, channels)
            result[blocks] = np.matmul(factors.transpose(0, 2, 1), weights).transpose(0, 2, 1)
        # Rows are put in order with all their channels at once: that is what memory is good at.
        return _transposed(np.take(result.reshape(-1, channels), self._position, axis=0))

    def transposed_times(self, values: Float32Array) -> Float32Array:
        """Return the product of the transposed matrix with (C, N) values: (columns, C) float32."""
        channels = len(values)
        ordered = np.take(_transposed(values), self._row, axis=0).reshape(-1, ROWS, channels)
        sums = np.empty((len(self._column), channels), np.float32)
        for width, blocks, slots in self._groups:
            weights = self._weights[slots].reshape(-1, width, ROWS)
            np.matmul(weights, ordered[blocks], out=sums[slots].reshape(-1, width, channels))
        return np.add.reduceat(sums[self._by_column], self._starts, axis=0)


def _transposed(values: Float32Array) -> Float32Array:
    """Return the transpose as an array of its own; OpenCV does that in tiles."""
    return np.ascontiguousarray(cv2.transpose(values), np.float32)


def _starts(widths: IntArray, order: IntArray) -> IntArray:
    """Return where the slots of each block start if blocks stand in this order."""
    starts = np.empty_like(widths)
    starts[order] = np.cumsum(widths[order]) - widths[order]
    return starts


def _groups(widths: IntArray) -> list[_Group]:
    """Return the runs of equal widths."""
    groups, block, slot = [], 0, 0
    for width, count in zip(*np.unique(widths, return_counts=True), strict=True):
        blocks, slots = int(count), int(count * width)
        groups.append(_Group(int(width), slice(block, block + blocks), slice(slot, slot + slots)))
        block, slot = block + blocks, slot + slots
    return groups
