# SPDX-License-Identifier: Apache-2.0
"""The parts of the numpy back end against the same done slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from crf.scenes import street
from seg_node.crf import (
    BilateralKernel,
    brute_force,
    CrfOptions,
    GaussianKernel,
    numpy_backend,
)
from seg_node.crf.block_matrix import BlockMatrix
from seg_node.crf.permutohedral import PermutohedralLattice
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt


@pytest.mark.parametrize('sxy', [0.7, 3.0, 19.0, 21.0, 40.0, 500.0])
def test_gaussian_kernels_are_exact_at_any_width(sxy: float) -> None:
    """Below and above 20 px the way differs."""
    probabilities, image = street(3)
    options = CrfOptions((GaussianKernel(sxy, 2.0),))

    got = numpy_backend.marginals(probabilities, image, options)

    expected = brute_force.marginals(probabilities, image, options)
    np.testing.assert_allclose(got, expected, atol=1e-3)


@pytest.mark.parametrize('dimensions', [1, 2, 5])
def test_lattice_filter_is_a_gaussian_filter(dimensions: int) -> None:
    """With the normalisation of the CRF, so that the constant of the lattice goes."""
    rng = np.random.default_rng(0)
    features = rng.uniform(0, 4, (dimensions, 600)).astype(np.float32)
    values = np.ones((2, 600), np.float32)
    values[0] = np.sin(features[0])

    total = PermutohedralLattice(features).filter(values)

    distance = ((features[:, :, None] - features[:, None]) ** 2).sum(axis=0)
    kernel = np.exp(-distance / 2)
    expected = (kernel @ values[0]) / kernel.sum(axis=1)
    assert np.abs(total[0] / total[1] - expected).mean() < 0.05


@pytest.mark.needs_crf
def test_bilateral_kernel_is_that_of_pydensecrf() -> None:
    """Both filter on the same lattice."""
    from seg_node.crf import pydensecrf_backend  # noqa: PLC0415 - optional

    probabilities, image = street(4, 40, 56)
    options = CrfOptions((BilateralKernel(12.0, 13.0, 6.0),))

    got = numpy_backend.marginals(probabilities, image, options)

    expected = pydensecrf_backend.marginals(probabilities, image, options)
    assert np.abs(expected - probabilities).mean() > 0.1
    np.testing.assert_allclose(got, expected, atol=2e-3)


@pytest.mark.parametrize(('rows', 'kinds'), [(1, 1), (63, 2), (64, 9), (300, 40), (300, 300)])
def test_block_matrix_multiplies_like_a_dense_one(rows: int, kinds: int) -> None:
    rng = np.random.default_rng(rows + kinds)
    width = 3 * kinds
    columns = np.argsort(rng.random((kinds, width)), axis=1)[:, :3].T
    columns = np.unique(columns, return_inverse=True)[1].reshape(columns.shape)
    kind = np.sort(np.concatenate([np.arange(kinds), rng.integers(0, kinds, rows - kinds)]))
    weights = rng.random((3, rows)).astype(np.float32)
    places = rng.permutation(rows)
    dense = np.zeros((rows, columns.max() + 1), np.float32)
    dense[places, columns[:, kind]] = weights
    inward = rng.random((4, rows)).astype(np.float32)
    outward = rng.random((dense.shape[1], 4)).astype(np.float32)

    matrix = BlockMatrix(columns, kind, weights, places)

    np.testing.assert_allclose(matrix.times(outward), (dense @ outward).T, rtol=1e-5)
    np.testing.assert_allclose(matrix.transposed_times(inward), dense.T @ inward.T, rtol=1e-5)


def test_more_cells_than_can_be_numbered_are_refused() -> None:
    features = np.zeros((5, 2), np.float32)
    features[:, 1] = 1e5

    with pytest.raises(CrfError, match='63 bits'):
        PermutohedralLattice(features)


def test_blocks_that_do_not_fit_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_but(needed: int, what: str) -> None:
        if needed < 10_000_000:
            return
        msg = f'{what} {needed}'
        raise CrfError(msg)

    image: npt.NDArray[np.uint8] = np.random.default_rng(0).integers(
        0, 256, (120, 160, 3), np.uint8
    )
    probabilities = np.full((2, 120, 160), 0.5, np.float32)
    narrow, wide = (CrfOptions((BilateralKernel(80.0, srgb, 1.0),)) for srgb in (1.0, 255.0))
    monkeypatch.setattr('seg_node.crf.block_matrix.check_memory', all_but)

    numpy_backend.marginals(probabilities, image, wide)
    with pytest.raises(CrfError, match='numpy'):
        numpy_backend.marginals(probabilities, image, narrow)
