# SPDX-License-Identifier: Apache-2.0
"""The two kernels of the dense CRF as linear filters: n_i sum_j k(i, j) n_j q_j, j = i included.

n_i = 1 / sqrt(sum_j k(i, j)) normalises symmetrically (Krähenbühl and Koltun, "Parameter learning
and convergent inference for dense random fields", ICML 2013, section 5). Values are (N, h, w, K),
classes last; both filters keep shape and type and work wherever their inputs are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seg_node.model.lattice import PermutohedralLattice


class GaussianFilter:
    """exp(-|p_i - p_j|^2 / (2 sxy^2)), exactly: it is a product of rows and columns."""

    def __init__(self, images: Tensor, sxy: float) -> None:
        """Prepare for images of one size.

        Args:
            images: (N, 3, h, w) float32 or float64; only size, type and device count.
            sxy: Width [px].
        """
        height, width = images.shape[-2:]
        self._rows = _normalised_kernel(height, sxy, images)
        self._columns = _normalised_kernel(width, sxy, images)

    def __call__(self, values: Tensor) -> Tensor:
        """Filter (N, h, w, K) values."""
        down = (self._rows @ values.flatten(2)).reshape(values.shape)
        return (down.mT @ self._columns).mT  # few large products; K columns alone would be slow


class BilateralFilter:
    """exp(-|p_i - p_j|^2 / (2 sxy^2) - |I_i - I_j|^2 / (2 srgb^2)), on the lattice."""

    def __init__(self, images: Tensor, sxy: float, srgb: float) -> None:
        """Prepare for these very images.

        Args:
            images: (N, 3, h, w) float32 or float64, RGB levels 0..255.
            sxy: Width in the image [px].
            srgb: Width in colour [levels].

        Raises:
            CrfError: The widths are too small for the lattice.
        """
        self._lattice = PermutohedralLattice(*_features(images.detach(), sxy, srgb))
        mass = self._lattice.filter(images.new_ones(images[:, 0].numel(), 1))
        self._norm = mass.rsqrt()

    def __call__(self, values: Tensor) -> Tensor:
        """Filter (N, h, w, K) values."""
        messages = self._lattice.filter(values.flatten(0, 2) * self._norm) * self._norm
        return messages.reshape(values.shape)


def _normalised_kernel(side: int, sxy: float, like: Tensor) -> Tensor:
    """Return the (side, side) kernel between the pixels of a row, normalised symmetrically."""
    place = torch.arange(side, dtype=like.dtype, device=like.device) / sxy
    kernel = (-(place[:, None] - place).square() / 2).exp()
    norm = kernel.sum(1).rsqrt()
    return kernel * norm * norm[:, None]


def _features(images: Tensor, sxy: float, srgb: float) -> tuple[Tensor, Tensor]:
    """Return (P, 5) x, y, red, green, blue in units of the widths, and (P,) the image of each."""
    count, _, height, width = images.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, device=images.device).to(images) / sxy,
        torch.arange(width, device=images.device).to(images) / sxy,
        indexing='ij',
    )
    place = torch.stack([columns, rows]).expand(count, -1, -1, -1)
    features = torch.cat([place, images / srgb], 1).permute(0, 2, 3, 1).flatten(0, 2)
    groups = torch.arange(count, device=images.device).repeat_interleave(height * width)
    return features, groups
