# SPDX-License-Identifier: Apache-2.0
"""From a network's scores to what is published: labels, confidence, entropy, class planes.

Scores are scaled to the image first and only then compared, so borders are as sharp as the
scores allow. The extension does the work where it is built, strips of OpenCV and numpy elsewhere;
labels are the same but for ties within float32's rounding, bytes are within one level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.imaging import extension, strips
from seg_node.imaging.maps import PixelMaps
from seg_node.imaging.upsampling import check_temperature, not_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.imaging.drivable import DrivableRule
    from seg_node.imaging.fitting import Placement

    Float32Array = npt.NDArray[np.float32]

MAX_CLASSES = 255  # id 255 means unlabelled


def finish(
    scores: Float32Array,
    placement: Placement,
    *,
    temperature: float = 1.0,
    confidence: bool = True,
    entropy: bool = True,
    planes: Sequence[int] = (),
    drivable: DrivableRule | None = None,
    threads: int = 1,
) -> PixelMaps:
    """Scale scores to the image and return labels, confidence, entropy and class planes.

    Args:
        scores: (K, h, w) float32 scores of one image, at output stride 1, 2 or 4.
        placement: Where the image lies in the network input, as the Fitter returned it.
        temperature: Divisor of the scores; above 1 makes probabilities more even.
        confidence: Whether confidence is wanted.
        entropy: Whether entropy is wanted.
        planes: Class ids whose probabilities are wanted.
        drivable: What the drivable area is, if it is wanted; it needs confidence and entropy.
        threads: How many threads share the rows. OpenCV's own threads are a setting of the
            process (``cv2.setNumThreads``).

    Returns:
        New arrays of the image's size, the caller's own.

    Raises:
        EngineError: If a score is NaN or infinite.
        ValueError: If the scores do not belong to the placement, the temperature is not above 0,
            a class id is out of range, or the drivable area lacks what it needs.
    """
    check_temperature(temperature)
    if drivable is not None and not (confidence and entropy):
        msg = 'The drivable area needs confidence and entropy; ask for them, too.'
        raise ValueError(msg)
    _check_classes(placement.crop(scores).shape[0], planes)
    size = placement.image_size
    result = PixelMaps(
        labels=np.empty(size, np.uint8),
        confidence=np.empty(size, np.uint8) if confidence else None,
        entropy=np.empty(size, np.uint8) if entropy else None,
        planes={index: np.empty(size, np.uint8) for index in planes},
        drivable_area=np.empty(size, np.uint8) if drivable is not None else None,
    )
    if not extension.is_here():
        strips.fill(result, scores, placement, temperature, drivable=drivable, threads=threads)
    elif not extension.fill(
        result, scores, placement, temperature, drivable=drivable, threads=threads
    ):
        raise not_finite(placement.crop(scores))
    return result


def probabilities(
    scores: Float32Array, placement: Placement, temperature: float = 1.0, *, threads: int = 1
) -> Float32Array:
    """Return the softmax of the scaled scores.

    Args:
        scores: (K, h, w) float32 scores of one image, at output stride 1, 2 or 4.
        placement: Where the image lies in the network input.
        temperature: Divisor of the scores.
        threads: How many threads share the rows, where the extension is built.

    Returns:
        (K, H, W) float32, a new array; each pixel sums to 1.

    Raises:
        EngineError: If a score is NaN or infinite.
        ValueError: If the scores do not belong to the placement or the temperature is not above 0.
    """
    check_temperature(temperature)
    crop = placement.crop(scores)
    result = np.empty((crop.shape[0], *placement.image_size), np.float32)
    if not extension.is_here():
        strips.fill_probabilities(result, scores, placement, temperature)
    elif not extension.fill_probabilities(result, scores, placement, temperature, threads):
        raise not_finite(crop)
    return result


def _check_classes(classes: int, planes: Sequence[int]) -> None:
    """Refuse more classes than labels can name, and class ids that the scores do not have."""
    if classes > MAX_CLASSES:
        msg = f'Scores have {classes} classes; labels of one byte name at most {MAX_CLASSES}.'
        raise ValueError(msg)
    for index in planes:
        if not 0 <= index < classes:
            msg = f'Class {index!r} was asked for; the scores have classes 0 to {classes - 1}.'
            raise ValueError(msg)
