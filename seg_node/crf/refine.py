# SPDX-License-Identifier: Apache-2.0
"""Sharpen class probabilities along the edges of an image."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.crf.options import BilateralKernel
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions

__all__ = ['is_available', 'refine']

SUM_TOLERANCE = 1e-3
FEWEST_CLASSES = 2
DIMENSIONS = 3


def refine(
    probabilities: npt.NDArray[np.floating],
    image: npt.NDArray[np.uint8],
    options: CrfOptions,
) -> npt.NDArray[np.float32]:
    """Sharpen class probabilities along the edges of an image with a dense CRF.

    Args:
        probabilities: (K, H, W) of any float type and strides, each pixel sums to 1.
        image: (H, W, 3) uint8 RGB, the same pixels as ``probabilities``.
        options: Weights and widths; see ``CrfOptions``.

    Returns:
        (K, H, W) float32, each pixel sums to 1: the mean-field marginals. One update costs
        O(K H W).

    Raises:
        CrfError: If the shapes do not match, there are fewer than two classes, a probability is
            not finite or negative, a pixel does not sum to 1 within 1e-3, or no CRF library is
            installed.
    """
    _check(probabilities, image)
    module = _pydensecrf()
    classes, height, width = probabilities.shape
    field = module.DenseCRF2D(width, height, classes)
    energy = -np.log(np.maximum(probabilities, options.clip, dtype=np.float32))
    field.setUnaryEnergy(np.ascontiguousarray(energy.reshape(classes, -1)))
    for kernel in options.kernels:
        compat: Any = kernel.compat
        if isinstance(kernel, BilateralKernel):
            field.addPairwiseBilateral(
                sxy=kernel.sxy,
                srgb=kernel.srgb,
                rgbim=np.ascontiguousarray(image),
                compat=compat,
            )
        else:
            field.addPairwiseGaussian(sxy=kernel.sxy, compat=compat)
    marginals = np.array(field.inference(options.iterations), np.float32)
    return marginals.reshape(classes, height, width)


def is_available() -> bool:
    """Return whether a CRF library is installed."""
    try:
        _pydensecrf()
    except CrfError:
        return False
    return True


def _pydensecrf() -> Any:
    try:
        from pydensecrf import densecrf  # noqa: PLC0415 - optional
    except ImportError as err:
        msg = (
            f'The dense CRF needs pydensecrf, which cannot be imported ({err}): '
            'pip install pydensecrf2, or set crf.enabled to false.'
        )
        raise CrfError(msg) from err
    return densecrf


def _check(probabilities: npt.NDArray[np.floating], image: npt.NDArray[np.uint8]) -> None:
    _check_shapes(probabilities, image)
    if not np.isfinite(probabilities).all() or probabilities.min() < 0.0:
        msg = 'Probabilities hold NaN, infinite or negative values; expected those of a softmax.'
        raise CrfError(msg)
    error = float(np.abs(probabilities.sum(axis=0) - 1.0).max())
    if error > SUM_TOLERANCE:
        msg = (
            f'Probabilities of a pixel sum to 1 only within {error:.3g}; expected '
            f'{SUM_TOLERANCE:g}. Pass probabilities with classes first, not scores or energies.'
        )
        raise CrfError(msg)


def _check_shapes(probabilities: npt.NDArray[np.floating], image: npt.NDArray[np.uint8]) -> None:
    shape = probabilities.shape
    if len(shape) != DIMENSIONS or shape[0] < FEWEST_CLASSES or not probabilities.size:
        msg = (
            f'Probabilities have shape {shape}; expected (K, H, W) with at least '
            f'{FEWEST_CLASSES} classes and one pixel.'
        )
        raise CrfError(msg)
    if image.shape != (*shape[1:], 3) or image.dtype != np.uint8:
        msg = (
            f'Image is {image.shape} {image.dtype}, probabilities are {shape}; expected an '
            '(H, W, 3) uint8 image and (K, H, W) probabilities of the same pixels.'
        )
        raise CrfError(msg)
