# SPDX-License-Identifier: Apache-2.0
"""Fitting and post-processing in C++, each in one pass with vectors of the processor.

Fitting gives the very levels that OpenCV gives.

In post-processing each block of pixels looks only at the classes that can count there: for labels
those that can win, for bytes those that are not less than e^-14 as probable as another. What that
leaves out is less than a hundredth of a level.
"""

from __future__ import annotations

from functools import cache
import logging
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.imaging.native_module import load_native

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.drivable import DrivableRule
    from seg_node.imaging.fitting import Placement
    from seg_node.imaging.maps import PixelMaps

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = [
    'fill',
    'fill_confidence',
    'fill_probabilities',
    'fit',
    'is_here',
    'plan_fit',
    'why_missing',
]

INTERFACE = 3  # of fitting and post-processing, see native/module.cpp

_logger = logging.getLogger(__name__)


def why_missing() -> str:
    """Return why the extension cannot be used here; empty if it can."""
    return _load()[1]


@cache
def is_here() -> bool:
    """Return whether the extension can be used; if not, log once why."""
    missing = why_missing()
    if missing:
        _logger.warning('Post-processing is several times slower than it could be: %s', missing)
    return not missing


def plan_fit(placement: Placement) -> object:
    """Prepare for ``fit``: compute all that depends on sizes alone.

    Args:
        placement: Any that ``fitting.place`` gives; lengths of the image up to 2^28 px.

    Raises:
        ValueError: If the image is larger.
    """
    size = (placement.height, placement.width)
    plan: object = _load()[0].plan_fit(placement.image_size, size)
    return plan


def fit(plan: object, image: UInt8Array, batch: Float32Array, placement: Placement) -> None:
    """Scale an image bilinearly into its rectangle of a batch, to the levels of ``cv2.resize``.

    Args:
        plan: What ``plan_fit`` gave for the placement.
        image: (H, W, 3) uint8 RGB of the placement's image size. It is read where it is if the
            pixels of a row lie side by side, wherever rows lie; else it is copied.
        batch: (1, 3, h, w) float32, contiguous, of the placement's network size; levels are whole
            numbers in 0..255, and what lies beside the rectangle stays as it is.
        placement: Where the rectangle lies.

    Raises:
        ValueError: If an array is not as described here.
    """
    pixels = image if image.strides[1:] == (3, 1) else np.ascontiguousarray(image)
    _load()[0].fit(plan, pixels, batch, placement.top, placement.left, None)


def fill(
    maps: PixelMaps,
    scores: Float32Array,
    placement: Placement,
    temperature: float,
    *,
    drivable: DrivableRule | None = None,
    threads: int = 1,
) -> bool:
    """Fill the arrays of ``maps``; the arguments were checked by ``postprocess.finish``.

    Returns:
        Whether all scores are finite; if not, the maps mean nothing.
    """
    return _finish(
        scores,
        placement,
        temperature,
        labels=maps.labels,
        confidence=maps.confidence,
        entropy=maps.entropy,
        planes=tuple(map(maps.planes.get, range(len(scores)))),
        area=maps.drivable_area,
        rule=drivable and (drivable.table, drivable.least_confidence, drivable.most_entropy),
        threads=threads,
    )


def fill_probabilities(
    out: Float32Array,
    scores: Float32Array,
    placement: Placement,
    temperature: float,
    threads: int,
) -> bool:
    """Fill (K, H, W) float32 with probabilities; otherwise as ``fill``."""
    return _finish(scores, placement, temperature, probabilities=out, threads=threads)


def fill_confidence(
    out: UInt8Array,
    scores: Float32Array,
    placement: Placement,
    temperature: float,
    points: tuple[UInt8Array, npt.NDArray[np.bool_]],
) -> None:
    """Fill (n,) uint8 with the confidence at n pixels.

    Args:
        out: As many as there are pixels.
        scores: All finite.
        placement: As for ``fill``.
        temperature: As for ``fill``.
        points: (H, W) labels and (H, W) which of the pixels; see ``points.confidence_at``.
    """
    labels, where = points
    _load()[0].confidence_at(
        np.ascontiguousarray(scores, np.float32),
        placement.window(scores.shape[1:]),
        temperature,
        np.ascontiguousarray(labels),
        np.ascontiguousarray(where).view(np.uint8),
        out,
        None,
    )


def _finish(scores: Float32Array, placement: Placement, temperature: float, **wanted: Any) -> bool:
    nothing = {
        'labels': None,
        'confidence': None,
        'entropy': None,
        'planes': (None,) * len(scores),
        'probabilities': None,
        'area': None,
        'rule': None,
        'level': None,
    }
    finite: bool = _load()[0].finish(
        np.ascontiguousarray(scores, np.float32),
        placement.window(scores.shape[1:]),
        temperature,
        placement.image_size,
        **{**nothing, **wanted},
    )
    return finite


def _load() -> tuple[Any, str]:
    return load_native('POSTPROCESS_INTERFACE', INTERFACE)
