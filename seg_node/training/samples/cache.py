# SPDX-License-Identifier: Apache-2.0
"""Decoded samples in memory that the worker processes of a loader share."""

from __future__ import annotations

import mmap
import multiprocessing
import sys
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.datasets.base import Sample

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.datasets.base import Dataset
    from seg_node.taxonomy import Taxonomy

    Int64Array = npt.NDArray[np.int64]

MEBIBYTE = 2**20
UNREAD, LEFT_OUT = 0, -1  # instead of a place in the memory


def workers_share_memory() -> bool:
    """Tell whether worker processes are forked here and so share a cache; elsewhere it is idle."""
    return sys.platform == 'linux'


class SampleCache:
    """Memory of a fixed size that fills with samples as they are read.

    Worker processes are forked from the one that made the cache; they read and fill the same
    memory, so a sample is kept once, whoever reads it first. When the memory is full, further
    samples are read anew each time. A process that was not forked, but gets a pickled copy, gets
    an empty cache that keeps nothing.
    """

    def __init__(self, mebibytes: int) -> None:
        """Reserve memory; none is taken from the system before samples fill it.

        Args:
            mebibytes: Size [MiB], at least 1.
        """
        self._memory: mmap.mmap | None = mmap.mmap(-1, mebibytes * MEBIBYTE)
        self._used = _shared_zeros((1,))
        self._used[0] = 1  # place 0 means UNREAD
        self._lock: Any = multiprocessing.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the memory out: it cannot be shared in this way."""
        return {'_memory': None, '_used': None, '_lock': None}

    @property
    def used(self) -> int:
        """Memory that samples fill [bytes]."""
        return int(self._used[0]) - 1 if self._memory else 0

    def over(self, dataset: Dataset) -> CachedDataset:
        """Return a data set whose samples are kept here."""
        return CachedDataset(dataset, self)

    def find(self, row: Int64Array) -> Sample | None:
        """Return the sample that a row of a table tells of; None if it is not kept.

        Args:
            row: (4,): place, height, width, bytes of the name.
        """
        if self._memory is None:
            return None
        with self._lock:
            place, height, width, letters = row.tolist()
        if place <= UNREAD:
            return None
        pixels = height * width
        data = np.frombuffer(self._memory, np.uint8, 4 * pixels + letters, place)
        data.flags.writeable = False
        image, labels, name = np.split(data, (3 * pixels, 4 * pixels))
        return Sample(
            name.tobytes().decode(), image.reshape(height, width, 3), labels.reshape(height, width)
        )

    def keep(self, sample: Sample, row: Int64Array) -> None:
        """Keep a sample, if there is room, and write into its row where it is."""
        if self._memory is None:
            return
        parts = (sample.image.tobytes(), sample.labels.tobytes(), sample.name.encode())
        size = sum(map(len, parts))
        with self._lock:
            place = int(self._used[0])
            if row[0] != UNREAD:
                return
            if place + size > len(self._memory):
                row[0] = LEFT_OUT
                return
            self._memory[place : place + size] = b''.join(parts)
            row[:] = place, *sample.labels.shape, len(parts[2])
            self._used[0] = place + size


class CachedDataset:
    """A data set whose samples are read once, as far as the cache has room."""

    def __init__(self, dataset: Dataset, cache: SampleCache) -> None:
        """Keep the samples of ``dataset`` in ``cache``; their arrays must not be written to."""
        self._dataset, self._cache = dataset, cache
        self._table = _shared_zeros((len(dataset), 4))

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the data set."""
        return self._dataset.taxonomy

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample, kept or read."""
        row = self._table[index]
        kept = self._cache.find(row)
        if kept is not None:
            return kept
        sample = self._dataset[index]
        self._cache.keep(sample, row)
        return sample


def _shared_zeros(shape: tuple[int, ...]) -> Int64Array:
    """Return zeros, int64, that forked processes share."""
    count = int(np.prod(shape))
    return np.frombuffer(mmap.mmap(-1, max(8, 8 * count)), np.int64, count).reshape(shape)
