# SPDX-License-Identifier: Apache-2.0
"""The permutohedral lattice against the kernel itself, over all pairs of points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seg_node.errors import CrfError
from seg_node.model.lattice import PermutohedralLattice

COUNT = 300


def points(dimensions: int, *, spread: float = 4.0) -> Tensor:
    """Return (COUNT, dimensions) float64 points, as dense as pixels in a smooth image."""
    generator = torch.Generator().manual_seed(dimensions)
    return spread * torch.rand(COUNT, dimensions, generator=generator, dtype=torch.float64)


def one_group() -> Tensor:
    return torch.zeros(COUNT, dtype=torch.int64)


def normalised(features: Tensor, values: Tensor) -> Tensor:
    """Filter with the kernel exp(-|f_i - f_j|^2 / 2), normalised symmetrically."""
    kernel = (-torch.cdist(features, features).square() / 2).exp()
    norm = kernel.sum(1, keepdim=True).rsqrt()
    return norm * (kernel @ (norm * values))


def on_lattice(lattice: PermutohedralLattice, values: Tensor) -> Tensor:
    norm = lattice.filter(torch.ones_like(values[:, :1])).rsqrt()
    return norm * lattice.filter(norm * values)


@pytest.mark.parametrize('dimensions', [1, 2, 5])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_filter_is_close_to_the_gaussian(dimensions: int, dtype: torch.dtype) -> None:
    """As close as the paper's filter is: it interpolates linearly between its corners."""
    features = points(dimensions, spread=2.0 if dimensions == 5 else 8.0)
    values = (features.sin().sum(1, keepdim=True) > 0).double()

    filtered = on_lattice(PermutohedralLattice(features.to(dtype), one_group()), values.to(dtype))

    error = (filtered.double() - normalised(features, values)).abs()
    assert filtered.dtype == dtype
    assert error.mean() < 0.02
    assert error.max() < 0.1


def test_points_far_apart_do_not_meet() -> None:
    features = torch.tensor([[0.0, 0.0], [0.2, 0.1], [50.0, 50.0]])
    lattice = PermutohedralLattice(features, torch.zeros(3, dtype=torch.int64))

    filtered = lattice.filter(torch.tensor([[0.0], [1.0], [0.0]]))

    assert filtered[0] > 0
    assert filtered[2] == 0


def test_groups_are_filtered_each_for_itself() -> None:
    features, values = points(5), torch.rand(COUNT, 3, dtype=torch.float64)
    groups = (torch.arange(COUNT) > COUNT // 3).long()

    together = PermutohedralLattice(features, groups).filter(values)

    for group in (0, 1):
        own = groups == group
        alone = PermutohedralLattice(features[own], groups[own] * 0).filter(values[own])
        assert torch.allclose(together[own], alone, atol=1e-12)


def test_gradient_is_the_transposed_filter() -> None:
    lattice = PermutohedralLattice(points(5), one_group())
    values = torch.rand(COUNT, 2, dtype=torch.float64, requires_grad=True)
    others = torch.rand(COUNT, 2, dtype=torch.float64)

    (lattice.filter(values) * others).sum().backward()

    matrix = lattice.apply(torch.eye(COUNT, dtype=torch.float64))
    assert values.grad is not None
    assert torch.allclose(values.grad, matrix.T @ others, atol=1e-12)
    assert not torch.allclose(matrix, matrix.T, atol=1e-6)  # so the order of the blurs matters


def test_points_that_63_bits_cannot_number_are_refused() -> None:
    features = points(5) * 1e5

    with pytest.raises(CrfError, match=r'Use wider kernels \(sxy, srgb\)'):
        PermutohedralLattice(features, one_group())
