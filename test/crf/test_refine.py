# SPDX-License-Identifier: Apache-2.0
"""The dense CRF against its definition, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import BilateralKernel, CrfOptions, GaussianKernel, is_available, preset, refine
from seg_node.errors import CrfError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

needs_crf = pytest.mark.needs_crf


def noisy_edge(seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return probabilities of a noisy vertical edge one pixel off, and the image with the edge."""
    rng = np.random.default_rng(seed)
    image = np.zeros((10, 12, 3), np.uint8)
    image[:, 6:] = 200
    right = np.full((10, 12), 0.35)
    right[:, 5:] = 0.65
    right = np.clip(right + rng.normal(0, 0.08, right.shape), 0.05, 0.95)
    return np.stack([1 - right, right]).astype(np.float32), image


def kernel_matrix(features: Float64Array) -> Float64Array:
    """Return exp(-|f_i - f_j|^2 / 2) over all pairs, normalised symmetrically."""
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    kernel: Float64Array = np.exp(-distance / 2)
    norm = 1 / np.sqrt(kernel.sum(axis=1))
    normalised: Float64Array = kernel * norm[:, None] * norm[None]
    return normalised


def mean_field(
    probabilities: npt.NDArray[np.float32], image: npt.NDArray[np.uint8], options: CrfOptions
) -> Float64Array:
    """Compute the definition over all pairs of pixels: O(N^2), for tiny images."""
    classes, height, width = probabilities.shape
    rows, columns = np.mgrid[:height, :width]
    place = np.stack([rows.ravel(), columns.ravel()], axis=1).astype(np.float64)
    weights = np.zeros((height * width, height * width))
    for kernel in options.kernels:
        features = place / kernel.sxy
        if isinstance(kernel, BilateralKernel):
            color = image.reshape(-1, 3) / kernel.srgb
            features = np.concatenate([features, color], axis=1)
        weights += kernel_matrix(features) * np.asarray(kernel.compat)
    unary = np.log(np.maximum(probabilities, options.clip)).reshape(classes, -1).astype(np.float64)
    belief = softmax(unary)
    for _ in range(options.iterations):
        belief = softmax(unary + belief @ weights)
    return belief.reshape(classes, height, width)


def softmax(logits: Float64Array) -> Float64Array:
    powers = np.exp(logits - logits.max(axis=0))
    shares: Float64Array = powers / powers.sum(axis=0)
    return shares


MILD = CrfOptions((GaussianKernel(2, 1), BilateralKernel(8, 20, 1.5)), iterations=4)
STRONG = CrfOptions((BilateralKernel(8, 20, 6),), iterations=10)


@needs_crf
@pytest.mark.parametrize('seed', range(3))
def test_refine_agrees_with_the_definition(seed: int) -> None:
    probabilities, image = noisy_edge(seed)

    got = refine(probabilities, image, MILD)

    expected = mean_field(probabilities, image, MILD)
    # The lattice is an approximation of the Gaussian: 0.1 is what it is off on single pixels.
    assert np.abs(got - expected).max() < 0.1
    assert np.array_equal(got.argmax(axis=0), expected.argmax(axis=0))


@needs_crf
def test_refine_moves_the_border_to_the_edge_of_the_image() -> None:
    probabilities, image = noisy_edge()

    labels = refine(probabilities, image, STRONG).argmax(axis=0)

    assert (probabilities.argmax(axis=0)[:, 5] == 1).mean() > 0.9
    assert labels[:, :6].sum() == 0
    assert labels[:, 6:].all()


@needs_crf
def test_refine_returns_marginals_that_sum_to_one() -> None:
    probabilities, image = noisy_edge()

    marginals = refine(probabilities, image, preset('classic'))

    assert marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(axis=0), 1.0, atol=1e-5)


@needs_crf
def test_refine_takes_any_float_type_and_strides() -> None:
    probabilities, image = noisy_edge()
    awkward = np.asfortranarray(probabilities.astype(np.float64))
    flipped = image[:, ::-1].copy()[:, ::-1]

    assert np.array_equal(refine(awkward, flipped, MILD), refine(probabilities, image, MILD))


@needs_crf
def test_zero_probabilities_do_not_make_infinite_energies() -> None:
    probabilities = np.zeros((2, 4, 4), np.float32)
    probabilities[0] = 1.0

    marginals = refine(probabilities, np.zeros((4, 4, 3), np.uint8), MILD)

    assert np.isfinite(marginals).all()
    assert (marginals.argmax(axis=0) == 0).all()


@needs_crf
@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (lambda p, i: (p[0], i), 'expected .K, H, W.'),
        (lambda p, i: (p[:1], i), 'at least 2 classes'),
        (lambda p, i: (p[:, :0], i[:0]), 'one pixel'),
        (lambda p, i: (p, i[:-1]), 'of the same pixels'),
        (lambda p, i: (np.moveaxis(p, 0, -1), i), 'of the same pixels'),
        # The classic slip: (H, W, K) reshaped to (K, H, W) mixes classes and pixels.
        (lambda p, i: (np.moveaxis(p, 0, -1).reshape(p.shape), i), 'sum to 1 only within'),
        (lambda p, i: (p, i.astype(np.float32)), 'uint8 image'),
        (lambda p, i: (p * np.nan, i), 'NaN'),
        (lambda p, i: (-p, i), 'negative'),
        (lambda p, i: (p * 2, i), 'sum to 1 only within 1; expected 0.001'),
    ],
    ids=[
        '2-d',
        'one-class',
        'empty',
        'size',
        'channels-last',
        'reshaped',
        'float-image',
        'nan',
        'negative',
        'sum',
    ],
)
def test_refine_refuses(
    spoil: Callable[[object, object], tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]],
    words: str,
) -> None:
    probabilities, image = spoil(*noisy_edge())

    with pytest.raises(CrfError, match=words):
        refine(probabilities, image, MILD)


def test_absent_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)

    assert not is_available('pydensecrf')
    with pytest.raises(CrfError, match='pip install pydensecrf2'):
        refine(*noisy_edge(), replace(MILD, backend='pydensecrf'))
