# SPDX-License-Identifier: Apache-2.0
"""The definition of the dense CRF, computed over all pairs of pixels: the judge in tests.

Krähenbühl and Koltun, NIPS 2011, algorithm 1, without any approximation of the message passing.
Nothing here is clever, so that it can be read beside the equations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.crf.compat import compat_matrix
from seg_node.crf.options import BilateralKernel
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions, Kernel

    Float64Array = npt.NDArray[np.float64]

__all__ = ['MOST_PIXELS', 'kernel_matrix', 'marginals']

MOST_PIXELS = 4096  # a kernel of all pairs takes 8 N^2 bytes


def marginals(
    probabilities: npt.NDArray[np.floating], image: npt.NDArray[np.uint8], options: CrfOptions
) -> Float64Array:
    """Return the mean-field marginals by definition: O(K N^2) for N pixels.

    Args:
        probabilities: (K, H, W) of any float type.
        image: (H, W, 3) uint8 RGB.
        options: Kernels, iterations and clip; the rest has no influence.

    Returns:
        (K, H, W) float64, each pixel sums to 1.

    Raises:
        CrfError: If the image has more than 4096 pixels, or a compat is for other classes.
    """
    classes = len(probabilities)
    clipped = np.maximum(probabilities.astype(np.float64), options.clip)
    minus_unary = np.log(clipped).reshape(classes, -1)
    terms = [
        (compat_matrix(kernel.compat, classes), kernel_matrix(image, kernel))
        for kernel in options.kernels
    ]
    belief = _softmax(minus_unary)
    for _ in range(options.iterations):
        messages = [compat @ belief @ kernel for compat, kernel in terms]
        belief = _softmax(minus_unary + sum(messages))
    return belief.reshape(probabilities.shape)


def kernel_matrix(image: npt.NDArray[np.uint8], kernel: Kernel) -> Float64Array:
    """Return n_i k(i, j) n_j over all pairs of pixels, n = 1 / sqrt(sum_j k(i, j)).

    Args:
        image: (H, W, 3) uint8 RGB.
        kernel: Widths; its compat has no influence.

    Returns:
        (N, N) float64, symmetric, pixels in reading order.

    Raises:
        CrfError: If the image has more than 4096 pixels.
    """
    height, width = image.shape[:2]
    if height * width > MOST_PIXELS:
        msg = (
            f'Image is {height} x {width} (height x width); the definition over all pairs takes '
            f'at most {MOST_PIXELS} pixels. Use a back end of seg_node.crf.refine.'
        )
        raise CrfError(msg)
    rows, columns = np.mgrid[:height, :width]
    features = np.stack([rows.ravel(), columns.ravel()]) / kernel.sxy
    if isinstance(kernel, BilateralKernel):
        features = np.concatenate([features, image.reshape(-1, 3).T / kernel.srgb])
    distance = np.zeros((height * width, height * width))
    for feature in features:
        distance += (feature[:, None] - feature[None]) ** 2
    affinity: Float64Array = np.exp(-distance / 2)
    norm = 1 / np.sqrt(affinity.sum(axis=1))
    affinity *= norm[:, None] * norm
    return affinity


def _softmax(logits: Float64Array) -> Float64Array:
    powers = np.exp(logits - logits.max(axis=0))
    shares: Float64Array = powers / powers.sum(axis=0)
    return shares
