# SPDX-License-Identifier: Apache-2.0
"""The definition that judges the back ends, against the equations written out pixel by pixel."""

from __future__ import annotations

from itertools import product
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from crf.scenes import street
from seg_node.crf import BilateralKernel, brute_force, CrfOptions, GaussianKernel
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

MATRIX = ((4.0, -1.0, 0.5), (-1.0, 6.0, 0.0), (0.5, 0.0, 3.0))
OPTIONS = CrfOptions(
    (GaussianKernel(1.5, (1.0, 2.0, 0.5)), BilateralKernel(3.0, 25.0, MATRIX)), iterations=2
)


def affinity(
    kernel: GaussianKernel | BilateralKernel,
    image: npt.NDArray[np.uint8],
    one: tuple[int, int],
    other: tuple[int, int],
) -> float:
    distance = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / kernel.sxy**2
    if isinstance(kernel, BilateralKernel):
        colors = zip(image[one].tolist(), image[other].tolist(), strict=True)
        distance += sum((a - b) ** 2 for a, b in colors) / kernel.srgb**2
    return math.exp(-distance / 2)


def by_hand(
    probabilities: npt.NDArray[np.float32], image: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    """Return the marginals with a loop for each sum of the equations."""
    pixels = list(product(range(image.shape[0]), range(image.shape[1])))
    belief = {i: probabilities[(slice(None), *i)].astype(float) for i in pixels}
    norm = {
        (kernel, i): sum(affinity(kernel, image, i, j) for j in pixels) ** -0.5
        for kernel in OPTIONS.kernels
        for i in pixels
    }
    for _ in range(OPTIONS.iterations):
        before = dict(belief)
        for i in pixels:
            logits = np.log(probabilities[(slice(None), *i)].astype(float))
            for kernel in OPTIONS.kernels:
                message = np.zeros(3)
                for j in pixels:
                    weight = norm[kernel, i] * affinity(kernel, image, i, j) * norm[kernel, j]
                    message += weight * before[j]
                if isinstance(kernel, GaussianKernel):
                    logits += np.asarray(kernel.compat) * message
                else:
                    logits += np.asarray(kernel.compat) @ message
            powers = np.exp(logits)
            belief[i] = powers / powers.sum()
    return np.stack([belief[i] for i in pixels], axis=1).reshape(probabilities.shape)


def test_marginals_are_those_of_the_equations() -> None:
    probabilities, image = street(3, 4, 5)

    got = brute_force.marginals(probabilities, image, OPTIONS)

    np.testing.assert_allclose(got, by_hand(probabilities, image), rtol=1e-6)


def test_probabilities_below_the_clip_count_as_the_clip() -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    certain, clipped = np.zeros((2, 2, 3, 3))
    certain[0], clipped[0], clipped[1] = 1.0, 1.0, 1e-3
    options = CrfOptions((GaussianKernel(1.0, -2.0),), clip=1e-3)

    got = brute_force.marginals(certain, image, options)

    assert np.array_equal(got, brute_force.marginals(clipped, image, options))
    assert 1e-3 < got[1].min() < 1.0


def test_more_pixels_than_memory_has_pairs_for_are_refused() -> None:
    probabilities, image = street(3, 64, 65)

    with pytest.raises(CrfError, match='at most 4096 pixels'):
        brute_force.marginals(probabilities, image, OPTIONS)
