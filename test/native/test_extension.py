# SPDX-License-Identifier: Apache-2.0
"""The extension itself: what it refuses, and that no instruction set or thread changes results."""

from __future__ import annotations

from importlib import import_module
import math
import os
import threading
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import native_backend
from seg_node.crf.margin import settled_labels
from seg_node.crf.options import BilateralKernel, CrfOptions, GaussianKernel
from seg_node.errors import CrfError
from seg_node.imaging import Placement, probabilities
from seg_node.imaging.native_module import load_native
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

if os.environ.get('SEG_NODE_REQUIRE_NATIVE') == '1':
    native: Any = import_module('seg_node._native')
else:
    native = pytest.importorskip('seg_node._native', reason='the extension is not built')

LEVELS = native.levels()
WEIGHTS = np.array([2, 3, 4], np.float32)
FAR = ((2.0, 0.0, np.float32(1.5)), (8.0, 20.0, np.float32(2)))


def scene(
    classes: int, height: int, width: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return probabilities and an image of random surfaces."""
    rng = np.random.default_rng(classes + height + width)
    rows, columns = np.mgrid[:height, :width]
    surface = (rows // 9 + 2 * (columns // 11)) % 6
    image = 30 + 35 * surface[..., None] + rng.normal(0, 4, (height, width, 3))
    scores = rng.normal(0, 1, (classes, height, width))
    scores += 2.5 * (np.arange(classes)[:, None, None] == surface % classes)
    powers = np.exp(scores)
    return (powers / powers.sum(axis=0)).astype(np.float32), image.clip(0, 255).astype(np.uint8)


def marginals(
    shares: npt.NDArray[np.float32], image: npt.NDArray[np.uint8], **changes: Any
) -> npt.NDArray[np.float32]:
    """Call the extension, with other arguments than usual where given."""
    usual = {'kernels': FAR, 'iterations': 3, 'clip': 1e-5, 'stride': 1, 'threads': 1}
    result = np.full_like(shares, np.nan)
    outputs = {'labels': None, 'marginals': result, 'level': None}
    native.crf_refine(shares, image, **{**usual, **outputs, **changes})
    return result


@pytest.mark.parametrize('level', LEVELS)
def test_log_and_exp_are_as_exact_as_stated(level: str) -> None:
    """Without kernels the result is exp(log(max(p, clip))) over its sum."""
    first = np.geomspace(1e-7, 1, 4001, dtype=np.float32)
    shares = np.stack([first, 1 - first])[:, None]
    image = np.zeros((1, 4001, 3), np.uint8)

    got = marginals(shares, image, kernels=(), iterations=1, level=level)

    clipped = np.maximum(shares.astype(np.float64), 1e-5)
    expected = clipped / clipped.sum(axis=0)
    assert np.abs(got / expected - 1).max() < 3e-6
    assert np.abs(got - expected).max() < 3e-7


@pytest.mark.parametrize('classes', [1, 2, 4, 5, 8, 9, 16, 17, 24, 25, 33, 49, 150, 255])
@pytest.mark.parametrize('stride', [1, 2])
def test_all_instruction_sets_give_the_same(classes: int, stride: int) -> None:
    shares, image = scene(classes, 13, 70)

    results = [marginals(shares, image, level=level, stride=stride) for level in LEVELS]

    np.testing.assert_allclose(results[0].sum(axis=0), 1, atol=1e-5)
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=2e-4)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('threads', [2, 3, 64])
def test_threads_share_the_work_without_changing_it(threads: int, stride: int) -> None:
    shares, image = scene(5, 40, 50)

    several = marginals(shares, image, threads=threads, stride=stride)

    np.testing.assert_allclose(several, marginals(shares, image, stride=stride), atol=2e-5)
    assert np.array_equal(several, marginals(shares, image, threads=threads, stride=stride))


def test_a_matrix_mixes_classes_and_a_vector_weighs_them() -> None:
    """One bilateral kernel that holds all pixels: the message is the mean of Q, times M."""
    shares, image = scene(3, 9, 10)
    image[:] = 100
    matrix = np.array([[2, 1, 0], [1, 3, 0.5], [0, 0.5, 4]], np.float32)
    wide = 1e4

    got = marginals(shares, image, kernels=((wide, 10.0, matrix),), iterations=1)
    weighed = marginals(shares, image, kernels=((wide, 10.0, WEIGHTS),), iterations=1)

    mean = shares.mean(axis=(1, 2))
    for result, message in ((got, matrix @ mean), (weighed, WEIGHTS * mean)):
        powers = shares * np.exp(message)[:, None, None]
        np.testing.assert_allclose(result, powers / powers.sum(axis=0), atol=2e-3)


def test_sources_on_every_second_pixel_come_near_the_whole() -> None:
    shares, image = scene(6, 90, 120)
    kernels = ((3.0, 0.0, np.float32(2)), (30.0, 15.0, np.float32(5)))

    whole = marginals(shares, image, kernels=kernels)
    strided = marginals(shares, image, kernels=kernels, stride=2)

    changed = whole.argmax(axis=0) != shares.argmax(axis=0)
    same = whole.argmax(axis=0) == strided.argmax(axis=0)
    assert changed.mean() > 0.05
    assert same.mean() > 0.98
    assert same[changed].mean() > 0.9
    assert np.abs(whole - strided).mean() < 0.02


@pytest.mark.parametrize('mode', ['exact', 'balanced', 'fast'])
def test_labels_of_scores_are_those_of_their_probabilities(mode: Any) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (7, 36, 48)).astype(np.float32)
    scores[:, :12] += 300  # far apart, but never at one place
    size = (250, 330)
    placement = Placement(size, (72, 96), top=4, left=8, height=64, width=80)
    _, image = scene(7, *size)
    options = CrfOptions((GaussianKernel(2, 1), BilateralKernel(20, 15, 3)), mode=mode)
    shares = probabilities(scores, placement, 1.5)

    labels = native_backend.labels_of_scores(scores, (2, 4, 32, 40), 1.5, image, options)

    expected = native_backend.labels(shares, image, options)
    assert (expected != shares.argmax(axis=0)).mean() > 0.01
    assert (labels == expected).mean() > 0.999


def test_other_threads_run_meanwhile() -> None:
    shares, image = scene(19, 200, 300)
    work = threading.Thread(target=marginals, args=(shares, image), kwargs={'iterations': 30})
    turns = 0

    work.start()
    while work.is_alive():
        turns += 1
        time.sleep(0.001)

    assert turns > 5


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'iterations': 0}, 'iteration'),
        ({'clip': 0.0}, 'clip'),
        ({'clip': float('nan')}, 'clip'),
        ({'stride': 0}, 'stride'),
        ({'stride': 19}, 'stride'),
        ({'threads': 0}, 'threads'),
        ({'threads': 100_000}, 'threads'),
        ({'level': 'altivec'}, 'altivec'),
        ({'kernels': ((0.0, 0.0, np.float32(1)),)}, 'sxy'),
        ({'kernels': ((float('nan'), 0.0, np.float32(1)),)}, 'sxy'),
        ({'kernels': ((1.0, -1.0, np.float32(1)),)}, 'srgb'),
        ({'kernels': ((1.0, 0.0, np.float32(np.inf)),)}, 'penalty'),
        ({'kernels': ((1.0, 0.0, np.ones(4, np.float32)),)}, 'penalties'),
        ({'kernels': ((1.0, 0.0, np.ones((3, 3, 3), np.float32)),)}, 'penalties'),
        ({'kernels': ((1.0, 0.0, np.float64(1)),)}, 'float32'),
        ({'kernels': ((1e-30, 1.0, np.float32(1)),)}, 'narrow'),
        ({'kernels': ((1.0, 1e-4, np.float32(1)),)}, 'narrow'),
        ({'kernels': (3,)}, 'tuple'),
        ({'labels': np.zeros((18, 24), np.uint8)}, 'labels'),
        ({'labels': np.zeros((18, 25), np.float32)}, 'uint8'),
        ({'marginals': np.zeros((3, 18, 24), np.float32)}, 'marginals'),
    ],
)
def test_wrong_arguments_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    shares, image = scene(3, 18, 25)
    with pytest.raises(ValueError, match=words):
        marginals(shares, image, **changes)


@pytest.mark.parametrize(
    ('shares', 'image', 'error'),
    [
        (np.ones((3, 4, 5)), np.zeros((4, 5, 3), np.uint8), ValueError),
        (np.ones((3, 4, 6), np.float32), np.zeros((4, 5, 3), np.uint8), ValueError),
        (np.ones((3, 4, 5), np.float32), np.zeros((4, 5, 4), np.uint8), ValueError),
        (np.ones((3, 4, 5), np.float32), np.zeros((4, 5), np.uint8), ValueError),
        (np.ones((3, 0, 5), np.float32), np.zeros((0, 5, 3), np.uint8), ValueError),
        (np.ones((256, 4, 5), np.float32), np.zeros((4, 5, 3), np.uint8), ValueError),
        (np.ones((3, 5, 4), np.float32).swapaxes(1, 2), np.zeros((4, 5, 3), np.uint8), ValueError),
        (np.ones((3, 4, 5), np.float32), np.zeros((4, 5, 3), np.float32), ValueError),
        ('text', np.zeros((4, 5, 3), np.uint8), TypeError),
    ],
)
def test_wrong_arrays_are_refused(shares: Any, image: Any, error: type[Exception]) -> None:
    target = np.zeros((4, 5), np.uint8)
    with pytest.raises(error):
        native.crf_refine(shares, image, (), 1, 1e-5, 1, 1, target, None, None)


def test_a_result_that_cannot_be_written_is_refused() -> None:
    shares, image = scene(3, 18, 25)
    target = np.zeros((18, 25), np.uint8)
    target.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        marginals(shares, image, labels=target)


@pytest.mark.parametrize('value', [np.nan, np.inf, -1.0, 0.0])
@pytest.mark.parametrize('stride', [1, 2])
def test_numbers_that_are_no_probabilities_do_no_harm(value: float, stride: int) -> None:
    """The Python side refuses them; here they must at least not crash or spread as NaN."""
    shares, image = scene(3, 18, 25)
    shares[:, 3:9, 4:20] = value
    labels = np.full((18, 25), 99, np.uint8)

    got = marginals(shares, image, stride=stride, labels=labels)

    assert labels.max() < 3
    assert value == np.inf or np.isfinite(got).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 300), (300, 1), (2, 2), (65, 3), (3, 129)])
@pytest.mark.parametrize('stride', [1, 2, 3])
def test_images_of_few_rows_or_columns(size: tuple[int, int], stride: int) -> None:
    shares, image = scene(4, *size)
    stride = min(stride, *size)

    got = marginals(shares, image, stride=stride, threads=2)

    np.testing.assert_allclose(got.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize('srgb', [0.5, 1.0, 1e6])
@pytest.mark.parametrize('sxy', [0.05, 1.0, 1e9])
def test_very_narrow_and_very_wide_kernels(sxy: float, srgb: float) -> None:
    shares, image = scene(4, 40, 30)
    kernels = ((sxy, srgb, np.float32(2)), (sxy, 0.0, np.float32(1)))

    got = marginals(shares, image, kernels=kernels)

    np.testing.assert_allclose(got.sum(axis=0), 1, atol=1e-5)


def test_a_kernel_that_does_not_fit_the_lattice_is_a_clear_error() -> None:
    shares, image = scene(3, 20, 30)
    options = CrfOptions((BilateralKernel(1e-6, 1.0, 1.0),))
    with pytest.raises(CrfError, match=r'sxy=1e-06 srgb=1.*too narrow.*wider'):
        native_backend.labels(shares, image, options)


def test_a_module_of_other_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_backend, 'INTERFACE', 999)
    load_native.cache_clear()
    try:
        assert 'expected 999' in native_backend.why_missing()
    finally:
        monkeypatch.undo()
        load_native.cache_clear()
    assert not native_backend.why_missing()


@pytest.mark.parametrize(
    ('size', 'srgb', 'strides'),
    [
        ((20, 30), 13.0, (1, 1, 1)),
        ((360, 480), 13.0, (1, 2, 4)),
        ((512, 1024), 13.0, (1, 3, 5)),
        ((720, 1280), 13.0, (1, 4, 6)),
        ((720, 1280), 5.0, (1, 3, 5)),
        ((3, 10**7), 13.0, (1,) * 3),
    ],
)
def test_the_larger_the_image_and_the_wider_the_colours_the_fewer_sources(
    size: tuple[int, int], srgb: float, strides: tuple[int, int, int]
) -> None:
    modes: tuple[Any, ...] = ('exact', 'balanced', 'fast')
    kernels = (GaussianKernel(), BilateralKernel(srgb=srgb))
    options = [CrfOptions(kernels, mode=mode) for mode in modes]
    assert tuple(native_backend.stride_of(one, size) for one in options) == strides


def test_pixels_whose_label_is_settled_are_not_computed() -> None:
    shares, image = scene(3, 96, 160)
    scores = np.log(shares[:, ::4, ::4]).copy()
    computed = []
    for margin in (math.inf, 3.0, 0.5):
        labels = np.zeros(image.shape[:2], np.uint8)
        count = native.crf_refine_scores(
            scores, 1.0, margin, image, FAR, 3, 1e-5, 2, 1, labels, None
        )
        settled = settled_labels(scores, (96, 160), 1.0, margin)
        assert count <= np.count_nonzero(settled == UNLABELLED)
        computed.append(count)
    assert computed[0] > computed[1] > computed[2] > 0


def test_the_extension_tells_how_many_pixels_it_computed() -> None:
    shares, image = scene(3, 18, 25)
    result = np.empty_like(shares)
    assert native.crf_refine(shares, image, FAR, 1, 1e-5, 1, 1, None, result, None) == 18 * 25
