# SPDX-License-Identifier: Apache-2.0
"""The extension beside the strips that stand in for it, and what happens where it is missing."""

from __future__ import annotations

import logging
import tracemalloc
from typing import Any, TYPE_CHECKING

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from imaging.ways import taking
from seg_node.imaging import (
    extension,
    finish,
    InputSpec,
    PixelMaps,
    place,
    Placement,
    probabilities,
)
from seg_node.imaging.native_module import load_native

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.imaging.fitting import Fit

    Scores = npt.NDArray[np.float32]

NETWORK = (96, 128)


@pytest.fixture(scope='module', autouse=True)
def native() -> Iterator[None]:
    """Use the extension, or skip."""
    with taking('native'):
        yield


def placed(image_size: tuple[int, int], fit: Fit = 'letterbox') -> Placement:
    return place(image_size, InputSpec(*NETWORK, fit, (0, 0, 0), (1, 1, 1)))


def scene(classes: int, stride: int, height: float, seed: int) -> Scores:
    """Return smooth scores, in which few classes compete for each place, plus some noise."""
    draw = np.random.default_rng(seed)
    size = (NETWORK[0] // stride, NETWORK[1] // stride)
    coarse = draw.normal(0, height, (classes, 4, 5)).astype(np.float32)
    smooth = np.stack([cv2.resize(one, size[::-1]) for one in coarse])
    return (smooth + draw.normal(0, 0.3, smooth.shape)).astype(np.float32)


def gap_of(scores: Scores, placement: Placement) -> npt.NDArray[np.float32]:
    """Return how far the best score of each pixel is above the second."""
    size = placement.image_size[::-1]
    scaled = np.sort(np.stack([cv2.resize(one, size) for one in placement.crop(scores)]), axis=0)
    return np.asarray(scaled[-1] - scaled[-2], np.float32)


def apart(one: PixelMaps, other: PixelMaps) -> int:
    """Return by how many levels any two bytes differ at most."""
    pairs: list[tuple[Any, Any]]
    pairs = [(one.confidence, other.confidence), (one.entropy, other.entropy)]
    pairs += [(plane, other.planes[index]) for index, plane in one.planes.items()]
    return max(int(np.abs(np.subtract(a, b, dtype=np.int16)).max()) for a, b in pairs)


@settings(max_examples=40, deadline=None)
@given(
    size=strategies.tuples(strategies.integers(2, 300), strategies.integers(2, 300)),
    fit=strategies.sampled_from(['letterbox', 'stretch']),
    classes=strategies.integers(2, 40),
    stride=strategies.sampled_from([1, 2, 4]),
    height=strategies.sampled_from([0.5, 5.0, 30.0, 300.0]),
)
def test_extension_and_strips_agree(
    size: tuple[int, int], fit: Fit, classes: int, stride: int, height: float
) -> None:
    scores = scene(classes, stride, height, seed=size[0])
    placement = placed(size, fit)

    fast = finish(scores, placement, temperature=1.3, planes=range(classes))
    with taking('strips'):
        slow = finish(scores, placement, temperature=1.3, planes=range(classes))

    clear = gap_of(scores, placement) > 1e-5 * height
    np.testing.assert_array_equal(fast.labels[clear], slow.labels[clear])
    assert apart(fast, slow) <= 1


def test_bytes_of_extension_and_strips_are_hardly_ever_apart() -> None:
    """One level where rounding falls on either side of a half, nothing that leans one way."""
    scores = scene(19, 2, 8.0, 0)
    placement = placed((360, 480))

    fast = finish(scores, placement)
    with taking('strips'):
        slow = finish(scores, placement)

    for one, other in ((fast.confidence, slow.confidence), (fast.entropy, slow.entropy)):
        assert one is not None
        assert other is not None
        assert (one == other).mean() > 0.998


def test_only_wanted_maps_are_written() -> None:
    scores = scene(5, 2, 3.0, 0)
    maps = PixelMaps(np.empty((40, 50), np.uint8), None, None, {3: np.empty((40, 50), np.uint8)})

    assert extension.fill(maps, scores, placed((40, 50)), 1.0)

    whole = finish(scores, placed((40, 50)), planes=[3])
    np.testing.assert_array_equal(maps.labels, whole.labels)
    np.testing.assert_array_equal(maps.planes[3], whole.planes[3])


def test_nothing_but_the_results_is_allocated_per_frame() -> None:
    scores = scene(19, 2, 5.0, 0)
    placement = placed((360, 480))
    maps = finish(scores, placement, planes=range(19))

    def fill() -> None:
        extension.fill(maps, scores, placement, 1.0, threads=2)

    fill()
    tracemalloc.start()
    try:
        fill()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000  # arguments, no array


def test_scores_are_read_where_they_are() -> None:
    """Contiguous scores in float32, as engines give them, are not copied on their way."""
    scores = scene(19, 1, 5.0, 0)
    placement = placed((96, 128))
    maps = PixelMaps(np.empty((96, 128), np.uint8), None, None, {})
    extension.fill(maps, scores, placement, 1.0)

    tracemalloc.start()
    try:
        extension.fill(maps, scores, placement, 1.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < scores.nbytes / 100


def test_an_extension_of_other_sources_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Strips do the work, and the log says once why."""
    scores = scene(5, 2, 3.0, 0)
    expected = probabilities(scores, placed((40, 50)))
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extension, 'is_here', extension_is_here)
        patch.setattr(extension, 'INTERFACE', 999)
        load_native.cache_clear()
        extension_is_here.cache_clear()
        with caplog.at_level(logging.WARNING):
            finish(scores, placed((40, 50)))
            got = probabilities(scores, placed((40, 50)))
        missing = extension.why_missing()
    load_native.cache_clear()
    extension_is_here.cache_clear()

    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert 'expected 999' in missing
    assert [record.getMessage() for record in caplog.records] == [
        f'Post-processing is several times slower than it could be: {missing}'
    ]
    assert not extension.why_missing()


extension_is_here = extension.is_here  # the fixture replaces it
