# SPDX-License-Identifier: Apache-2.0
"""Sharpen class probabilities along the edges of an image: checks, and the way to a back end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.crf.compat import compat_matrix
from seg_node.crf.margin import settled_labels
from seg_node.crf.registry import (
    CheckingBackend,
    choose,
    DeviceBackend,
    ScoresBackend,
    why_missing,
)
from seg_node.errors import CrfError
from seg_node.imaging import finish, MAX_PIXELS, Placement
from seg_node.imaging import probabilities as probabilities_of
from seg_node.imaging.device_scores import DeviceScores
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['is_available', 'refine', 'refine_labels', 'refine_scores']

SUM_TOLERANCE = 1e-3
FEWEST_CLASSES = 2
MOST_CLASSES = 255  # id 255 means unlabelled
DIMENSIONS = 3
PIXELS_AT_ONCE = 16_384  # with 19 classes 1.2 MB, so that they stay in cache


def refine(
    probabilities: npt.NDArray[np.floating], image: UInt8Array, options: CrfOptions
) -> Float32Array:
    """Sharpen class probabilities along the edges of an image with a dense CRF.

    Args:
        probabilities: (K, H, W) of any float type and strides, each pixel sums to 1. Scores of
            shape (H, W, K) become that by ``np.moveaxis(scores, -1, 0)``, never by ``reshape``.
        image: (H, W, 3) uint8 RGB of any strides, the same pixels as ``probabilities``.
        options: Kernels and back end; ``resolution`` and ``margin`` are for the scores of a
            network and have no influence.

    Returns:
        (K, H, W) float32, each pixel sums to 1: the mean-field marginals. One update costs
        O(K H W). They are surer than they are right; confidence is the network's affair.

    Raises:
        CrfError: If the shapes do not match, there are not 2 to 255 classes or not 1 to 64 million
            pixels, a probability is not finite or negative, a pixel does not sum to 1 within 1e-3,
            a compat is for other classes, the back end does not work here, or it has not the
            memory.
    """
    values, pixels = _checked(probabilities, image, options)
    return choose(options.backend).backend.marginals(values, pixels, options)


def refine_labels(
    probabilities: npt.NDArray[np.floating], image: UInt8Array, options: CrfOptions
) -> UInt8Array:
    """Return the class with the largest marginal; cheaper than ``refine`` where a back end can.

    Arguments and errors as for ``refine``.

    Returns:
        (H, W) uint8 class ids.
    """
    values, pixels = _checked(probabilities, image, options)
    return choose(options.backend).backend.labels(values, pixels, options)


def refine_scores(
    scores: Float32Array | DeviceScores,
    placement: Placement,
    temperature: float,
    image: UInt8Array,
    options: CrfOptions,
) -> UInt8Array:
    """Return the refined labels of an image from the scores of a network.

    With ``resolution='output'`` the scores are scaled to the image first; the ``native`` back end
    does that on its way and never holds all probabilities. With ``'network'`` the CRF runs on the
    grid of the scores, over the image scaled down to it, with ``sxy`` scaled alike (by the
    geometric mean of both directions), and the logarithms of the marginals are scaled up.

    Args:
        scores: (K, h, w) float32, as an engine gave them, at output stride 1, 2 or 4. A back end
            that works on their device uses them there.
        placement: Where the image lies in the network's input.
        temperature: Divisor of the scores.
        image: (H, W, 3) uint8 RGB of any strides.
        options: Kernels, resolution, margin and back end.

    Returns:
        (H, W) uint8 class ids.

    Raises:
        CrfError: As for ``refine``, or if the image is not that of the placement, a score is NaN
            or infinite, or the temperature is not above 0.
        ValueError: If the scores do not belong to the placement.
    """
    _check_scores(scores, placement, image)
    _check_options(options, scores.shape[0])
    pixels = np.ascontiguousarray(image)
    backend = choose(options.backend).backend
    at_output = options.resolution == 'output'
    if isinstance(scores, DeviceScores) and isinstance(backend, DeviceBackend) and at_output:
        _check_temperature(temperature)
        labels = backend.labels_on_device(scores.tensor, placement, temperature, pixels, options)
        return _but_settled(labels, scores, placement, temperature, options)
    values = np.ascontiguousarray(scores, np.float32)
    _check_range(placement.crop(values), temperature)
    if at_output and isinstance(backend, ScoresBackend):
        window = placement.window(values.shape[1:])
        return backend.labels_of_scores(values, window, temperature, pixels, options)
    if at_output:
        prior = probabilities_of(values, placement, temperature)
        labels = backend.labels(prior, pixels, options)
    else:
        labels = _refine_on_the_grid(values, placement, temperature, pixels, options)
    return _but_settled(labels, values, placement, temperature, options)


def _but_settled(
    labels: UInt8Array,
    scores: Float32Array | DeviceScores,
    placement: Placement,
    temperature: float,
    options: CrfOptions,
) -> UInt8Array:
    """Return the labels, but the network's where its scores are sure."""
    if options.margin is None:
        return labels
    part = placement.crop(np.asarray(scores))
    settled = settled_labels(part, placement.image_size, temperature, options.margin)
    return np.where(settled == UNLABELLED, labels, settled)


def is_available(backend: str = 'auto') -> bool:
    """Return whether a back end works here.

    Raises:
        CrfError: If there is no back end of that name.
    """
    return not why_missing(backend)


def _refine_on_the_grid(
    scores: Float32Array,
    placement: Placement,
    temperature: float,
    image: UInt8Array,
    options: CrfOptions,
) -> UInt8Array:
    size = cast('tuple[int, int]', placement.crop(scores).shape[1:])
    onto_itself = replace(placement, image_size=size)
    prior = probabilities_of(scores, onto_itself, temperature)
    small = image
    if size != image.shape[:2]:
        small = cast('Any', cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))
    shrunk = float(np.sqrt(prior[0].size / (image.shape[0] * image.shape[1])))
    kernels = tuple(replace(kernel, sxy=kernel.sxy * shrunk) for kernel in options.kernels)
    on_grid = replace(options, kernels=kernels)
    marginals = choose(options.backend).backend.marginals(prior, small, on_grid)
    logits = np.log(np.maximum(marginals, np.float32(options.clip)))
    whole = Placement(placement.image_size, size, top=0, left=0, height=size[0], width=size[1])
    return finish(logits, whole, confidence=False, entropy=False).labels


def _checked(
    probabilities: npt.NDArray[np.floating], image: UInt8Array, options: CrfOptions
) -> tuple[Float32Array, UInt8Array]:
    """Return both as back ends take them: contiguous, float32 and uint8."""
    _check_shapes(probabilities, image)
    _check_options(options, len(probabilities))
    with np.errstate(over='ignore'):  # what float32 cannot hold becomes infinite, and is refused
        values = np.ascontiguousarray(probabilities, np.float32)
    _check_values(values, options)
    return values, np.ascontiguousarray(image)


def _check_options(options: CrfOptions, classes: int) -> None:
    for kernel in options.kernels:
        compat_matrix(kernel.compat, classes)


def _check_values(probabilities: Float32Array, options: CrfOptions) -> None:
    backend = choose(options.backend).backend
    if isinstance(backend, CheckingBackend):
        error, lowest = backend.extremes(probabilities, options.threads)
    else:
        error, lowest = _extremes(probabilities)
    if not (np.isfinite(error) and lowest >= 0):  # NaN compares as false
        msg = 'Probabilities hold NaN, infinite or negative values; expected those of a softmax.'
        raise CrfError(msg)
    if error > SUM_TOLERANCE:
        msg = (
            f'Probabilities of a pixel sum to 1 only within {error:.3g}; expected '
            f'{SUM_TOLERANCE:g}. Pass probabilities with classes first, not scores or energies.'
        )
        raise CrfError(msg)


def _extremes(probabilities: Float32Array) -> tuple[float, float]:
    """Return by how much a pixel's sum misses 1 at most, and the lowest value; NaN if any is."""
    planes = probabilities.reshape(len(probabilities), -1)
    found = []
    for start in range(0, planes.shape[1], PIXELS_AT_ONCE):
        block = planes[:, start : start + PIXELS_AT_ONCE]
        found.append((np.abs(block.sum(axis=0) - 1).max(), block.min()))
    errors, lowest = np.array(found).T
    return float(errors.max()), float(lowest.min())


def _check_shapes(probabilities: npt.NDArray[np.floating], image: UInt8Array) -> None:
    shape = probabilities.shape
    is_float = np.issubdtype(probabilities.dtype, np.floating)
    if len(shape) != DIMENSIONS or not is_float or not probabilities.size:
        msg = (
            f'Probabilities are {shape} {probabilities.dtype}; expected (K, H, W) of a float type '
            f'with at least {FEWEST_CLASSES} classes and one pixel.'
        )
        raise CrfError(msg)
    _check_sizes(shape[0], shape[1:])
    if image.shape != (*shape[1:], 3) or image.dtype != np.uint8:
        msg = (
            f'Image is {image.shape} {image.dtype}, probabilities are {shape}; expected an '
            '(H, W, 3) uint8 image and (K, H, W) probabilities of the same pixels.'
        )
        raise CrfError(msg)


def _check_scores(
    scores: Float32Array | DeviceScores, placement: Placement, image: UInt8Array
) -> None:
    if scores.ndim != DIMENSIONS or scores.dtype != np.float32:
        msg = f'Scores are {scores.shape} {scores.dtype}; expected (K, h, w) float32.'
        raise CrfError(msg)
    _check_sizes(scores.shape[0], placement.image_size)
    if image.shape != (*placement.image_size, 3) or image.dtype != np.uint8:
        msg = (
            f'Image is {image.shape} {image.dtype}; the placement of the scores is for '
            f'(H, W) = {placement.image_size} and expects (H, W, 3) uint8.'
        )
        raise CrfError(msg)


def _check_range(scores: Float32Array, temperature: float) -> None:
    lowest, highest = float(scores.min()), float(scores.max())
    if not np.isfinite(highest - lowest):
        msg = f'Scores range from {lowest} to {highest}; expected finite numbers.'
        raise CrfError(msg)
    _check_temperature(temperature)


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < np.inf:
        msg = f'Temperature is {temperature!r}; expected a positive number.'
        raise CrfError(msg)


def _check_sizes(classes: int, size: tuple[int, ...]) -> None:
    if not FEWEST_CLASSES <= classes <= MOST_CLASSES:
        msg = (
            f'There are {classes} classes; expected at least {FEWEST_CLASSES} classes to choose '
            f'from and at most {MOST_CLASSES}. Give one class its complement as a second.'
        )
        raise CrfError(msg)
    if size[0] * size[1] > MAX_PIXELS:
        msg = (
            f'Image is {size[0]} x {size[1]} (height x width); expected at most {MAX_PIXELS} '
            'pixels. Cut it into pieces.'
        )
        raise CrfError(msg)
