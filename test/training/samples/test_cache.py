# SPDX-License-Identifier: Apache-2.0
"""Samples that are read once, whichever process asks."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.training.samples.cache import SampleCache
import tiny

if TYPE_CHECKING:
    from seg_node.taxonomy import Taxonomy

PIXELS = 256 * 256  # four bytes each: four samples fill a MiB but for their names


class Scenes:
    """Scenes of two sizes that count how often they are read."""

    taxonomy: Taxonomy = tiny.TAXONOMY

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.reads: list[int] = []

    def __len__(self) -> int:
        """Count."""
        return 6

    def __getitem__(self, index: int) -> Sample:
        """Scene."""
        self.reads.append(index)
        random = np.random.default_rng(index)
        height = 256 if index % 2 else 128
        image = random.integers(0, 256, (height, 256, 3), np.uint8)
        return Sample(f'Straße {index}', image, random.integers(0, 3, (height, 256), np.uint8))


def assert_equal(got: Sample, expected: Sample) -> None:
    assert got.name == expected.name
    assert np.array_equal(got.image, expected.image)
    assert np.array_equal(got.labels, expected.labels)


def test_a_sample_is_read_once_and_comes_back_as_it_was() -> None:
    scenes = Scenes()
    cached = SampleCache(2).over(scenes)

    for index in (4, 1, 4, 1, 4):
        assert_equal(cached[index], Scenes()[index])

    assert scenes.reads == [4, 1]
    assert len(cached) == 6
    assert cached.taxonomy is scenes.taxonomy


def test_a_full_cache_reads_on_and_keeps_what_it_has() -> None:
    scenes, cache = Scenes(), SampleCache(1)
    cached = cache.over(scenes)

    for index in (1, 3, 5, 1, 3, 5, 0, 0):
        assert_equal(cached[index], Scenes()[index])

    assert scenes.reads == [1, 3, 5, 0]
    assert 3.5 * 4 * PIXELS < cache.used <= 4 * 4 * PIXELS


def test_what_does_not_fit_is_read_each_time() -> None:
    scenes = Scenes()
    cached = SampleCache(1).over(scenes)

    for index in (1, 3, 5, 0, 2, 2, 1):
        assert_equal(cached[index], Scenes()[index])

    assert scenes.reads == [1, 3, 5, 0, 2, 2]


def test_a_kept_sample_cannot_be_written_to() -> None:
    cached = SampleCache(1).over(Scenes())
    first = cached[0], cached[0]

    with pytest.raises(ValueError, match='read-only'):
        first[1].image[:] = 0


@pytest.mark.skipif(sys.platform == 'win32', reason='there is no fork')
def test_a_forked_process_fills_the_cache_of_its_parent() -> None:
    scenes = Scenes()
    cached = SampleCache(2).over(scenes)
    child = multiprocessing.get_context('fork').Process(target=cached.__getitem__, args=(3,))
    child.start()
    child.join()

    assert_equal(cached[3], Scenes()[3])

    assert child.exitcode == 0
    assert scenes.reads == []


def test_a_pickled_copy_reads_for_itself() -> None:
    cached = SampleCache(2).over(Scenes())
    _ = cached[1]

    copy = pickle.loads(pickle.dumps(cached))  # noqa: S301 - our own data

    assert_equal(copy[1], Scenes()[1])
    assert_equal(copy[1], Scenes()[1])
