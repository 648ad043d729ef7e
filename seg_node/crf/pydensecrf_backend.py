# SPDX-License-Identifier: Apache-2.0
"""The reference implementation by the authors of the paper, through its Python wrapper.

It takes ``pip install pydensecrf2`` (the wrapper as wheel or source; the name ``pydensecrf`` on
PyPI is not the library). One thread; the interpreter waits while it works.
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.crf.compat import compat_matrix
from seg_node.crf.memory import check_memory
from seg_node.crf.options import BilateralKernel
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions, Kernel

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['labels', 'marginals', 'why_missing']

LARGEST_KEY = 2**15 - 16  # its lattice counts in short, some steps beyond the outermost point
BRIGHTEST = 255
BYTES_PER_SCORE = 24
BYTES_PER_CORNER = 20


def why_missing() -> str:
    """Return why pydensecrf cannot be used here; empty if it can."""
    try:
        _library()
    except ImportError as err:
        return f'pydensecrf cannot be imported ({err}): pip install pydensecrf2.'
    return ''


def marginals(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> Float32Array:
    """Return the marginals; see ``registry.Backend``.

    Raises:
        CrfError: If a compat is for other classes, or the library would run out of memory or of
            lattice coordinates, on either of which it crashes.
    """
    classes, height, width = probabilities.shape
    check_memory(_bytes_needed(probabilities.shape, options), 'pydensecrf')
    field = _library().DenseCRF2D(width, height, classes)
    energy = -np.log(np.maximum(probabilities, np.float32(options.clip)))
    field.setUnaryEnergy(energy.reshape(classes, -1))
    pixels = np.require(image, requirements='W')  # it takes no read-only view of a message
    for kernel in options.kernels:
        _check_range(kernel, height, width)
        compat = _compat(kernel, classes)
        if isinstance(kernel, BilateralKernel):
            field.addPairwiseBilateral(
                sxy=kernel.sxy, srgb=kernel.srgb, rgbim=pixels, compat=compat
            )
        else:
            field.addPairwiseGaussian(sxy=kernel.sxy, compat=compat)
    refined = np.array(field.inference(options.iterations), np.float32, order='C')
    return refined.reshape(classes, height, width)


def labels(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> UInt8Array:
    """Return the labels; see ``registry.Backend``. Errors as for ``marginals``."""
    winners: npt.NDArray[np.intp] = marginals(probabilities, image, options).argmax(axis=0)
    return winners.astype(np.uint8)


def _library() -> Any:
    from pydensecrf import densecrf  # noqa: PLC0415 - optional

    return densecrf


def _compat(kernel: Kernel, classes: int) -> float | Float32Array:
    """Return a compatibility in the library's signs.

    It subtracts what a compatibility gives from the logits. Its Potts model gives -w Q, so a
    positive number is a penalty for different labels; its diagonal gives +w Q and its matrix
    +(M + M^T) / 2 Q, so there a positive number is a penalty for *equal* labels.
    """
    matrix = compat_matrix(kernel.compat, classes)
    if isinstance(kernel.compat, tuple):
        return np.ascontiguousarray(-matrix, np.float32)
    return float(kernel.compat)


def _check_range(kernel: Kernel, height: int, width: int) -> None:
    """Refuse widths whose lattice coordinates the library cannot count: it would crash."""
    extents = [width / kernel.sxy, height / kernel.sxy]
    if isinstance(kernel, BilateralKernel):
        extents += [BRIGHTEST / kernel.srgb] * 3
    size = len(extents) + 1
    scale = np.sqrt(2 / 3) * size
    # Coordinate j of the lattice, from 1, is at least -j times the jth feature, scaled.
    furthest = sum(
        j * extent * scale / np.sqrt(j * (j + 1)) for j, extent in enumerate(extents, start=1)
    )
    if furthest > LARGEST_KEY:
        msg = (
            f'{kernel!r} on {height} x {width} pixels spans {furthest:.0f} lattice steps; '
            f'pydensecrf counts to {LARGEST_KEY}. Use larger widths or another back end.'
        )
        raise CrfError(msg)


def _bytes_needed(shape: tuple[int, ...], options: CrfOptions) -> int:
    """Return about the peak of the library's memory."""
    classes, height, width = shape
    corners = sum(6 if isinstance(one, BilateralKernel) else 3 for one in options.kernels)
    per_pixel = BYTES_PER_SCORE * classes + BYTES_PER_CORNER * corners
    return height * width * per_pixel
