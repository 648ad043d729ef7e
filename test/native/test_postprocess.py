# SPDX-License-Identifier: Apache-2.0
"""Post-processing in the extension itself: what it refuses, instruction sets and threads."""

from __future__ import annotations

from importlib import import_module
import os
import threading
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

if os.environ.get('SEG_NODE_REQUIRE_NATIVE') == '1':
    native: Any = import_module('seg_node._native')
else:
    native = pytest.importorskip('seg_node._native', reason='the extension is not built')

LEVELS = native.levels()
TABLE = np.zeros(256, np.uint8)
SIZES = [(1, 1), (7, 5), (33, 100), (64, 64), (61, 193)]


def scores_of(classes: int, height: int = 9, width: int = 12, spread: float = 4.0) -> Float32Array:
    """Return random scores."""
    draw = np.random.default_rng(classes + height + width)
    return draw.normal(0, spread, (classes, height, width)).astype(np.float32)


def finished(scores: Float32Array, image_size: tuple[int, int], **changes: Any) -> dict[str, Any]:
    """Call the extension for everything, with other arguments than usual where given."""
    classes, height, width = scores.shape
    maps = {
        'labels': np.full(image_size, 99, np.uint8),
        'confidence': np.full(image_size, 99, np.uint8),
        'entropy': np.full(image_size, 99, np.uint8),
        'planes': tuple(np.full(image_size, 99, np.uint8) for _ in range(classes)),
        'probabilities': None,
        'area': None,
        'rule': None,
    }
    usual = {'window': (0, 0, height, width), 'temperature': 1.0, 'size': image_size, 'threads': 1}
    maps['finite'] = native.finish(scores, **{**usual, 'level': None, **maps, **changes})
    return maps


def probabilities_of(
    scores: Float32Array, size: tuple[int, int], level: str | None = None
) -> Float32Array:
    """Return the probabilities that the extension computes."""
    shares = np.full((len(scores), *size), np.nan, np.float32)
    nothing = dict.fromkeys(('labels', 'confidence', 'entropy'))
    planes = (None,) * len(scores)
    finished(scores, size, level=level, planes=planes, probabilities=shares, **nothing)
    return shares


def stacked(maps: dict[str, Any]) -> npt.NDArray[np.int16]:
    """Return confidence, entropy and planes as one array of whole numbers."""
    return np.stack([maps['confidence'], maps['entropy'], *maps['planes']]).astype(np.int16)


@pytest.mark.parametrize('level', LEVELS)
@pytest.mark.parametrize('size', [(1, 2001), (3, 4003)])
def test_probabilities_are_as_exact_as_exp_is(level: str, size: tuple[int, int]) -> None:
    """Two classes whose scores part from each other, by 50 in the end."""
    scores = np.zeros((2, 1, size[1]), np.float32)
    scores[1, 0] = np.linspace(-50, 50, size[1])

    shares = probabilities_of(scores, size, level)

    exact = 1 / (1 + np.exp(-scores[1].astype(np.float64)))
    np.testing.assert_allclose(shares[1], np.broadcast_to(exact, size), rtol=4e-6)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=3e-7)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('classes', [1, 2, 19, 255])
def test_all_instruction_sets_give_the_same(classes: int, size: tuple[int, int]) -> None:
    scores = scores_of(classes)

    results = [finished(scores, size, level=level) for level in LEVELS]
    shares = [probabilities_of(scores, size, level) for level in LEVELS]

    for one, share in zip(results, shares, strict=True):
        assert one['finite']
        assert (one['labels'] == results[0]['labels']).mean() > 0.999
        assert np.abs(stacked(one) - stacked(results[0])).max() <= 1
        np.testing.assert_allclose(share, shares[0], atol=1e-6)


@pytest.mark.parametrize('level', LEVELS)
def test_labels_alone_are_those_that_come_with_the_rest(level: str) -> None:
    for size in SIZES:
        scores = np.round(scores_of(7))  # many ties
        nothing = {'confidence': None, 'entropy': None, 'planes': (None,) * 7}

        alone = finished(scores, size, level=level, **nothing)

        whole = finished(scores, size, level=level)
        np.testing.assert_array_equal(alone['labels'], whole['labels'])


@pytest.mark.parametrize('threads', [2, 3, 64])
def test_threads_do_not_change_a_bit(threads: int) -> None:
    scores = scores_of(11)

    one, several = finished(scores, (173, 90)), finished(scores, (173, 90), threads=threads)

    np.testing.assert_array_equal(one['labels'], several['labels'])
    np.testing.assert_array_equal(stacked(one), stacked(several))


def test_calls_of_several_threads_at_once_do_not_meet() -> None:
    sizes = [(200, 300), (150, 500), (301, 77)]
    expected = [finished(scores_of(9), size) for size in sizes]
    apart: list[int] = []

    def repeat(index: int) -> None:
        for _ in range(20):
            got = finished(scores_of(9), sizes[index], threads=2)
            apart.append(int(np.abs(stacked(got) - stacked(expected[index])).max()))

    threads = [threading.Thread(target=repeat, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert apart == [0] * 60


def test_other_threads_run_meanwhile() -> None:
    scores = scores_of(64, 200, 300)
    work = threading.Thread(target=finished, args=(scores, (2000, 3000)))
    turns = 0

    work.start()
    while work.is_alive():
        turns += 1
        time.sleep(0.001)

    assert turns > 5


def test_nothing_is_written_beside_the_results() -> None:
    """Results lie in the middle of larger memory, at odd addresses."""
    size = (13, 37)
    memory = np.full(3 * (size[0] * size[1] + 200), 77, np.uint8)
    pieces = memory.reshape(3, -1)
    maps = [piece[101 : 101 + size[0] * size[1]].reshape(size) for piece in pieces]
    names = ('labels', 'confidence', 'entropy')

    finished(scores_of(5), size, **dict(zip(names, maps, strict=True)))

    outside = np.concatenate([pieces[:, :101], pieces[:, 101 + size[0] * size[1] :]], axis=1)
    assert set(outside.flat) == {77}
    np.testing.assert_array_equal(maps[0], finished(scores_of(5), size)['labels'])


@pytest.mark.parametrize('level', LEVELS)
def test_confidence_at_some_pixels_is_their_probability(level: str) -> None:
    scores, size = scores_of(19, spread=8.0), (50, 77)
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 19, size, np.uint8)
    where = (draw.random(size) < 0.2).astype(np.uint8)
    where[7] = 1
    where[20:30] = 0
    got = np.full(where.sum(), 99, np.uint8)

    native.confidence_at(scores, (0, 0, 9, 12), 1.0, labels, where, got, level)

    shares = probabilities_of(scores, size)
    exact = np.take_along_axis(shares, labels[None].astype(np.intp), axis=0)[0][where == 1]
    np.testing.assert_allclose(got, 255 * exact, atol=0.51)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'window': (0, 0, 10, 12)}, 'window'),
        ({'window': (1, 0, 9, 12)}, 'window'),
        ({'window': (-1, 0, 9, 12)}, 'window'),
        ({'window': (0, 0, 0, 12)}, 'window'),
        ({'window': (0, 2**62, 9, 2**62)}, 'window'),
        ({'temperature': 0.0}, 'temperature'),
        ({'temperature': float('nan')}, 'temperature'),
        ({'size': (0, 5)}, 'no pixels'),
        ({'size': (5, 2**40)}, 'too wide'),
        ({'threads': 0}, 'threads'),
        ({'threads': 100_000}, 'threads'),
        ({'level': 'altivec'}, 'altivec'),
        ({'labels': np.zeros((18, 24), np.uint8)}, 'labels'),
        ({'labels': np.zeros((18, 25), np.float32)}, 'uint8'),
        ({'entropy': np.zeros((18, 25, 1), np.uint8)}, 'entropy'),
        ({'planes': ()}, 'planes'),
        ({'planes': [None] * 3}, 'planes'),
        ({'planes': (None, None, np.zeros((2, 2), np.uint8))}, 'plane'),
        ({'probabilities': np.zeros((2, 18, 25), np.float32)}, 'probabilities'),
        ({'labels': None}, 'neither'),
        ({'area': np.zeros((18, 24), np.uint8), 'rule': (TABLE, 0, 0)}, 'area'),
        ({'area': np.zeros((18, 25), np.uint8), 'rule': None}, 'no tuple'),
        ({'area': np.zeros((18, 25), np.uint8), 'rule': (TABLE[1:], 0, 0)}, 'classes of the rule'),
    ],
)
def test_wrong_arguments_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        finished(scores_of(3), (18, 25), **changes)


@pytest.mark.parametrize(
    ('scores', 'error'),
    [
        (np.zeros((3, 9, 12)), ValueError),
        (np.zeros((256, 9, 12), np.float32), ValueError),
        (np.zeros((3, 0, 12), np.float32), ValueError),
        (np.zeros((3, 12, 9), np.float32).swapaxes(1, 2), ValueError),
        (np.zeros((9, 12), np.float32), ValueError),
        ('text', TypeError),
    ],
)
def test_wrong_scores_are_refused(scores: Any, error: type[Exception]) -> None:
    planes = (None,) * 3
    with pytest.raises(error):
        native.finish(
            scores, (0, 0, 9, 12), 1.0, (4, 5), np.zeros((4, 5), np.uint8), None, None, planes,
            None, None, None, 1, None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'labels': np.full((18, 25), 3, np.uint8)}, 'below the number of classes'),
        ({'labels': np.zeros(18, np.uint8)}, 'labels'),
        ({'where': np.ones((18, 24), np.uint8)}, 'where'),
        ({'confidence': np.zeros(449, np.uint8)}, 'confidence'),
        ({'temperature': -1.0}, 'temperature'),
        ({'window': (0, 1, 9, 12)}, 'window'),
    ],
)
def test_wrong_pixels_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    usual = {
        'window': (0, 0, 9, 12),
        'temperature': 1.0,
        'labels': np.zeros((18, 25), np.uint8),
        'where': np.ones((18, 25), np.uint8),
        'confidence': np.zeros(450, np.uint8),
        'level': None,
    }
    with pytest.raises(ValueError, match=words):
        native.confidence_at(scores_of(3), **{**usual, **changes})


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('level', LEVELS)
def test_scores_that_are_not_finite_are_reported(value: float, level: str) -> None:
    scores = scores_of(3)
    scores[1, 8, 11] = value

    assert not finished(scores, (18, 25), level=level, threads=2)['finite']
    assert finished(scores, (18, 25), level=level, window=(0, 0, 8, 12))['finite']
