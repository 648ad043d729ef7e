# SPDX-License-Identifier: Apache-2.0
"""The dense CRF with numpy and OpenCV alone: works everywhere, without a compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.crf.compat import compat_matrix
from seg_node.crf.options import BilateralKernel
from seg_node.crf.permutohedral import PermutohedralLattice

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions, Kernel

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]
    Filter = Callable[[Float32Array], Float32Array]

__all__ = ['labels', 'marginals', 'why_missing']

REACH = 4  # standard deviations after which a Gaussian counts as 0
WIDEST = 20.0  # [px] of a convolution; wider ones are quicker as a product of matrices


def why_missing() -> str:
    """Return why this back end cannot work: never."""
    return ''


def marginals(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> Float32Array:
    """Return the marginals; see ``registry.Backend``.

    Raises:
        CrfError: If a compat is for other classes, or a lattice would not fit memory or 63 bits.
    """
    classes = len(probabilities)
    minus_unary = np.maximum(probabilities, np.float32(options.clip)).reshape(classes, -1)
    cv2.log(minus_unary, minus_unary)
    messages = [_Messages(image, kernel, classes) for kernel in options.kernels]
    belief = _softmax(minus_unary.copy())
    for _ in range(options.iterations):
        belief = _softmax(sum((message(belief) for message in messages), minus_unary))
    return belief.reshape(probabilities.shape)


def labels(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> UInt8Array:
    """Return the labels; see ``registry.Backend``. Errors as for ``marginals``."""
    winners: npt.NDArray[np.intp] = marginals(probabilities, image, options).argmax(axis=0)
    return winners.astype(np.uint8)


class _Messages:
    """What one kernel adds to the logits: M n (k * (n Q)), with n = 1 / sqrt(k * 1)."""

    def __init__(self, image: UInt8Array, kernel: Kernel, classes: int) -> None:
        height, width = image.shape[:2]
        self._filter = _filter_over(image, kernel)
        total = self._filter(np.ones((1, height * width), np.float32))
        self._norm: Float32Array = np.reciprocal(np.sqrt(total))
        matrix = compat_matrix(kernel.compat, classes).astype(np.float32)
        is_one_number = np.ndim(kernel.compat) == 0
        self._weight = matrix[0, 0] * self._norm if is_one_number else self._norm
        self._matrix = None if is_one_number else matrix

    def __call__(self, belief: Float32Array) -> Float32Array:
        """Return the messages to (K, N) from beliefs (K, N)."""
        messages = self._filter(belief * self._norm)
        messages *= self._weight
        return messages if self._matrix is None else self._matrix @ messages


def _filter_over(image: UInt8Array, kernel: Kernel) -> Filter:
    """Return the filter sum_j k(i, j) v_j of (C, N) values, up to a constant."""
    height, width = image.shape[:2]
    if not isinstance(kernel, BilateralKernel):
        gaussian = _convolution if kernel.sxy <= WIDEST else _product
        return gaussian(height, width, kernel.sxy)
    features = np.empty((5, height, width), np.float32)
    features[:2] = np.mgrid[:height, :width][::-1] / kernel.sxy
    features[2:] = image.transpose(2, 0, 1) / kernel.srgb
    return PermutohedralLattice(features.reshape(5, -1)).filter


def _convolution(height: int, width: int, sxy: float) -> Filter:
    """Return the Gaussian filter of (C, N) values; beyond the image is nothing."""
    reach = int(np.ceil(REACH * sxy))
    taps = _gaussian(np.arange(-reach, reach + 1), sxy)

    def convolve(values: Float32Array) -> Float32Array:
        result = np.empty_like(values)
        for plane, out in zip(values, result, strict=True):
            cv2.sepFilter2D(
                plane.reshape(height, width),
                cv2.CV_32F,
                taps,
                taps,
                out.reshape(height, width),
                borderType=cv2.BORDER_CONSTANT,
            )
        return result

    return convolve


def _product(height: int, width: int, sxy: float) -> Filter:
    """Return the same without end to the Gaussian: O(H + W) for each value."""
    down, across = _gaussian(_distances(height), sxy), _gaussian(_distances(width), sxy)

    def multiply(values: Float32Array) -> Float32Array:
        planes = values.reshape(-1, height, width)
        filtered: Float32Array = np.matmul(np.matmul(down, planes), across)
        return filtered.reshape(values.shape)

    return multiply


def _distances(length: int) -> npt.NDArray[np.intp]:
    places = np.arange(length)
    return places[:, None] - places


def _gaussian(distances: npt.NDArray[np.intp], sxy: float) -> Float32Array:
    shares: npt.NDArray[np.float64] = np.exp(-((distances / sxy) ** 2) / 2)
    return shares.astype(np.float32)


def _softmax(logits: Float32Array) -> Float32Array:
    """Return the softmax over the first axis, in place."""
    logits -= logits.max(axis=0)
    cv2.exp(logits, logits)
    logits /= logits.sum(axis=0)
    return logits
