# SPDX-License-Identifier: Apache-2.0
"""The native CRF against the definition and against pydensecrf."""

from __future__ import annotations

from dataclasses import replace
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import brute_force, native_backend
from seg_node.crf.options import BilateralKernel, CrfOptions, GaussianKernel

if TYPE_CHECKING:
    import numpy.typing as npt

pytestmark = pytest.mark.skipif(
    bool(native_backend.why_missing()) and os.environ.get('SEG_NODE_REQUIRE_NATIVE') != '1',
    reason=native_backend.why_missing(),
)

EXACT = CrfOptions(
    kernels=(GaussianKernel(3, 2), BilateralKernel(20, 25, 4)), iterations=5, mode='exact'
)


def scene(
    classes: int, height: int, width: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return smooth random probabilities and an image of a few noisy surfaces."""
    rng = np.random.default_rng(classes + height + width)
    rows, columns = np.mgrid[:height, :width]
    surface = (rows // 12 + 2 * (columns // 16)) % 5
    image = 40 + 45 * surface[..., None] + rng.normal(0, 4, (height, width, 3))
    phases = rng.uniform(0, 6, (classes, 2))
    waves = [np.sin(rows / 9 + a) + np.cos(columns / 7 + b) for a, b in phases]
    scores = 2 * np.stack(waves) + rng.normal(0, 0.5, (classes, height, width))
    powers = np.exp(scores - scores.max(axis=0))
    probabilities = (powers / powers.sum(axis=0)).astype(np.float32)
    return probabilities, image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize('shape', [(5, 24, 30), (11, 25, 31), (19, 20, 33), (40, 16, 24)])
def test_exact_marginals_are_near_the_definition(shape: tuple[int, int, int]) -> None:
    probabilities, image = scene(*shape)

    refined = native_backend.marginals(probabilities, image, EXACT)

    error = np.abs(refined - brute_force.marginals(probabilities, image, EXACT))
    assert np.abs(refined.sum(axis=0) - 1).max() < 1e-5
    assert error.mean() < 0.01  # the lattice is an approximation
    assert error.max() < 0.35


@pytest.mark.parametrize('shape', [(5, 30, 40), (11, 37, 53), (19, 20, 33), (40, 16, 24)])
@pytest.mark.needs_crf
def test_exact_marginals_are_those_of_pydensecrf(shape: tuple[int, int, int]) -> None:
    from seg_node.crf import pydensecrf_backend  # noqa: PLC0415 - optional

    probabilities, image = scene(*shape)

    refined = native_backend.marginals(probabilities, image, EXACT)

    reference = pydensecrf_backend.marginals(probabilities, image, EXACT)
    assert np.abs(refined - reference).max() < 0.1
    assert np.mean(refined.argmax(axis=0) == reference.argmax(axis=0)) > 0.99


def test_labels_are_the_classes_with_the_largest_marginals() -> None:
    probabilities, image = scene(7, 40, 50)

    labels = native_backend.labels(probabilities, image, EXACT)

    marginals = native_backend.marginals(probabilities, image, EXACT)
    assert np.array_equal(labels, marginals.argmax(axis=0))


def test_scalar_vector_and_matrix_are_one_compat() -> None:
    probabilities, image = scene(5, 24, 32)
    forms = (
        4.0,
        (4.0,) * 5,
        tuple(tuple(4.0 * (row == column) for column in range(5)) for row in range(5)),
    )

    results = [
        native_backend.marginals(
            probabilities, image, replace(EXACT, kernels=(BilateralKernel(20, 25, form),))
        )
        for form in forms
    ]

    assert np.abs(results[1] - results[0]).max() < 1e-5
    assert np.abs(results[2] - results[0]).max() < 1e-5


@pytest.mark.parametrize('threads', [1, 2, 5])
@pytest.mark.parametrize('shape', [(3, 1, 7), (2, 32, 32), (19, 45, 67)])
def test_extremes_are_those_of_numpy(shape: tuple[int, int, int], threads: int) -> None:
    values = np.random.default_rng(1).normal(0.3, 0.5, shape).astype(np.float32)

    error, lowest = native_backend.extremes(values, threads)

    assert error == pytest.approx(np.abs(values.sum(axis=0) - 1).max(), rel=1e-6)
    assert lowest == values.min()


@pytest.mark.parametrize('threads', [1, 3])
@pytest.mark.parametrize('place', [0, 1023, 1024, 3014])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_found(value: float, place: int, threads: int) -> None:
    values = np.full((4, 45, 67), 0.25, np.float32)
    values[2].flat[place] = value

    error, _ = native_backend.extremes(values, threads)

    assert not np.isfinite(error)
