# SPDX-License-Identifier: Apache-2.0
"""The dense CRF in C++: all classes at once on one lattice, a few times to dozens of times faster.

``mode`` says how exactly it computes.

* ``exact``: every pixel takes part in every update.
* ``balanced``: all but the last update are done on every s-th pixel in both directions. The last
  one is done at the full size, for labels only where the pixels around do not agree already with
  a probability above 0.99, or the network disagrees with them.
* ``fast``: the same with s + 2.

With ``margin`` no update at the full size is done either where the network's scores are sure.

In every mode the Gaussian kernel is a separable filter instead of a lattice, and pixels are worked
on with the widest instructions that the processor has.
"""

from __future__ import annotations

from math import inf, isqrt
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.crf.options import BilateralKernel
from seg_node.errors import CrfError
from seg_node.imaging.native_module import load_native

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions, Kernel

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'extremes',
    'labels',
    'labels_and_count',
    'labels_of_scores',
    'marginals',
    'stride_of',
    'why_missing',
]

INTERFACE = 3  # of the extension, see native/module.cpp
SMALLEST_CLIP = 1e-30
# Images of so many s^3 pixels keep their labels with every s-th pixel as a source: measured. Where
# colours have to be closer, neighbours say less about each other.
PIXELS_PER_CUBED_STRIDE = 14_000
PIXELS_IF_NARROW = 19_000
NARROW = 10.0  # srgb [levels]
LARGEST_STRIDE = 6
FEWEST_SOURCES = 8_000  # of an image; fewer save no time
FEWEST_ROWS = 8  # of sources, and columns


def why_missing() -> str:
    """Return why the extension cannot be used here; empty if it can."""
    return _load()[1]


def marginals(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> Float32Array:
    """Return the marginals; see ``registry.Backend``.

    Raises:
        CrfError: If the extension is missing, a kernel is too narrow for the lattice, or memory
            or threads do not suffice.
    """
    result = np.empty(probabilities.shape, np.float32)
    arguments = _arguments(options, len(probabilities), image)
    _call('crf_refine', probabilities, **arguments, labels=None, marginals=result)
    return result


def labels(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> UInt8Array:
    """Return the labels; see ``registry.Backend``. Errors as for ``marginals``."""
    return labels_and_count(probabilities, image, options)[0]


def labels_and_count(
    probabilities: Float32Array, image: UInt8Array, options: CrfOptions
) -> tuple[UInt8Array, int]:
    """Return the labels, and for how many pixels the last update was computed at full size.

    The other pixels took over the label that the sources around them agree in.
    """
    result = np.empty(image.shape[:2], np.uint8)
    arguments = _arguments(options, len(probabilities), image)
    count = _call('crf_refine', probabilities, **arguments, labels=result, marginals=None)
    return result, count


def extremes(probabilities: Float32Array, threads: int) -> tuple[float, float]:
    """Return the extremes; see ``registry.CheckingBackend``."""
    error, lowest = _load()[0].crf_extremes(probabilities, threads)
    return error, lowest


def labels_of_scores(
    scores: Float32Array,
    window: tuple[int, int, int, int],
    temperature: float,
    image: UInt8Array,
    options: CrfOptions,
) -> UInt8Array:
    """Return the labels; see ``registry.ScoresBackend``. Errors as for ``marginals``.

    Scores are scaled up, and their softmax is taken, only where a probability is needed.
    """
    top, left, height, width = window
    part = np.ascontiguousarray(scores[:, top : top + height, left : left + width])
    result = np.empty(image.shape[:2], np.uint8)
    arguments = _arguments(options, len(scores), image)
    margin = inf if options.margin is None else options.margin
    _call('crf_refine_scores', part, temperature, margin, **arguments, labels=result)
    return result


def stride_of(options: CrfOptions, size: tuple[int, ...]) -> int:
    """Return every how many pixels, in both directions, a pixel is a source of messages.

    Args:
        options: Mode and kernels.
        size: (height, width) of the image [px].
    """
    if options.mode == 'exact':
        return 1
    colours = [one.srgb for one in options.kernels if isinstance(one, BilateralKernel)]
    narrow = min(colours, default=inf) < NARROW
    cube = PIXELS_IF_NARROW if narrow else PIXELS_PER_CUBED_STRIDE
    pixels = size[0] * size[1]
    stride = 1
    while stride < LARGEST_STRIDE and pixels >= cube * (stride + 1) ** 3:
        stride += 1
    if options.mode == 'fast':
        stride += 2
    fewest = isqrt(pixels // FEWEST_SOURCES), min(size) // FEWEST_ROWS
    return max(min(stride, *fewest), 1)


def _arguments(options: CrfOptions, classes: int, image: UInt8Array) -> dict[str, Any]:
    return {
        'image': image,
        'kernels': [_plain(kernel, classes) for kernel in options.kernels],
        'iterations': options.iterations,
        'clip': max(options.clip, SMALLEST_CLIP),
        'stride': stride_of(options, image.shape[:2]),
        'threads': options.threads,
        'level': None,
    }


def _plain(kernel: Kernel, classes: int) -> tuple[float, float, Float32Array]:
    srgb = kernel.srgb if isinstance(kernel, BilateralKernel) else 0.0
    penalties = np.asarray(kernel.compat, np.float32)
    if penalties.ndim and len(penalties) != classes:
        msg = f'compat is for {len(penalties)} classes, the probabilities have {classes}.'
        raise CrfError(msg)
    return kernel.sxy, srgb, penalties


def _call(function: str, *arguments: Any, **keywords: Any) -> int:
    module, missing = _load()
    if module is None:
        raise CrfError(missing)
    try:
        count: int = getattr(module, function)(*arguments, **keywords)
    except (ValueError, MemoryError, OSError) as err:
        kernels = ', '.join(f'sxy={sxy:g} srgb={srgb:g}' for sxy, srgb, _ in keywords['kernels'])
        height, width, _ = keywords['image'].shape
        msg = (
            f'The native CRF cannot refine {height} x {width} pixels with {kernels}: '
            f'{str(err) or type(err).__name__}. Use wider kernels, a smaller image or fewer '
            'threads.'
        )
        raise CrfError(msg) from err
    return count


def _load() -> tuple[Any, str]:
    return load_native('INTERFACE', INTERFACE)
