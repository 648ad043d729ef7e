# SPDX-License-Identifier: Apache-2.0
"""Who is right where ``exact`` and pydensecrf are far apart: the same mathematics in doubles.

pydensecrf puts its Gaussian kernel on a permutohedral lattice, too, whose corners are farther
apart than the kernel is wide, so that its Gaussian is not quite one. ``exact`` computes the
Gaussian itself. Mean field of doubles is run with either, by code that neither of them shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from seg_node.crf import BilateralKernel
from seg_node.model.lattice import PermutohedralLattice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from measuring.crf.frames import Frame
    from seg_node.crf import CrfOptions, Kernel

    Float32Array = npt.NDArray[np.float32]
    Filter = Callable[[Tensor], Tensor]

__all__ = ['judged_by_doubles']

REACH = 6  # standard deviations after which a Gaussian counts as 0


def judged_by_doubles(
    frame: Frame, options: CrfOptions, reference: Float32Array, exact: Float32Array
) -> dict[str, float]:
    """Return the largest differences of marginals to those that doubles give.

    Args:
        frame: Image and probabilities.
        options: With a number as ``compat`` of each kernel.
        reference: (K, H, W) marginals of pydensecrf.
        exact: Those of the mode ``exact``.
    """
    height, width = frame.image.shape[:2]
    lattices = [_on_lattice(frame, kernel) for kernel in options.kernels]
    filters = [
        lattice if isinstance(kernel, BilateralKernel) else _gaussian(height, width, kernel.sxy)
        for kernel, lattice in zip(options.kernels, lattices, strict=True)
    ]
    true = _mean_field(frame, options, filters)
    approximate = _mean_field(frame, options, lattices)
    return {
        'apart': float(np.abs(exact - reference).max()),
        'exact_to_gaussian': float(np.abs(exact - true).max()),
        'pydensecrf_to_gaussian': float(np.abs(reference - true).max()),
        'pydensecrf_to_gaussian_on_lattice': float(np.abs(reference - approximate).max()),
    }


def _mean_field(
    frame: Frame, options: CrfOptions, filters: Sequence[Filter]
) -> npt.NDArray[np.float64]:
    """Return (K, H, W) marginals, with a filter of (pixels, C) values for each kernel."""
    classes, height, width = frame.probabilities.shape
    prior = torch.from_numpy(frame.probabilities).double().reshape(classes, -1).T
    minus_unary = prior.clamp(min=options.clip).log()
    norms = [one(torch.ones_like(minus_unary[:, :1])).rsqrt() for one in filters]
    belief = minus_unary.softmax(1)
    for _ in range(options.iterations):
        energy = minus_unary
        for kernel, one, norm in zip(options.kernels, filters, norms, strict=True):
            energy = energy + float(np.asarray(kernel.compat)) * norm * one(norm * belief)
        belief = energy.softmax(1)
    return np.asarray(belief.T.reshape(classes, height, width).numpy())


def _on_lattice(frame: Frame, kernel: Kernel) -> Filter:
    """Return the filter of (pixels, C) values that pydensecrf approximates a kernel by."""
    rows, columns = np.indices(frame.image.shape[:2])
    features = [columns / kernel.sxy, rows / kernel.sxy]
    if isinstance(kernel, BilateralKernel):
        features += [plane / kernel.srgb for plane in np.moveaxis(frame.image, -1, 0)]
    points = torch.from_numpy(np.stack(features, axis=-1).reshape(-1, len(features)))
    return PermutohedralLattice(points, torch.zeros(len(points), dtype=torch.int64)).filter


def _gaussian(height: int, width: int, sxy: float) -> Filter:
    """Return the Gaussian filter of (pixels, C) values; beyond the image is nothing."""
    reach = int(np.ceil(REACH * sxy))
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    taps = (-((places / sxy) ** 2) / 2).exp()[None, None, None]

    def convolve(values: Tensor) -> Tensor:
        planes = values.T.reshape(-1, 1, height, width)
        along = functional.conv2d(planes, taps, padding=(0, reach))
        both = functional.conv2d(along, taps.transpose(2, 3), padding=(reach, 0))
        return both.reshape(values.shape[1], -1).T

    return convolve
