# SPDX-License-Identifier: Apache-2.0
"""What an evaluation adds up: every figure is divided out of these sums, once, at the end.

Sums of frames are added to sums of a set, and sums of sets that different models were held out
from (folds) to pooled sums. Nothing here depends on the order of the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import DatasetError
from seg_node.metrics import count_confidence, LEVELS, TEMPERATURES
from seg_node.metrics.calibration import BINS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from typing_extensions import Self

    Float64Array = npt.NDArray[np.float64]
    Int64Array = npt.NDArray[np.int64]

__all__ = ['ERROR_GRID', 'Sums', 'binned']

ERROR_GRID = (18, 24)
"""Rows and columns of the map of errors: the image's height and width in equal parts."""

DIGITS = 9


@dataclass(slots=True)
class Sums:
    """Additive sums over frames; K classes of the comparison.

    Attributes:
        confusion: (K, K) int64, pixels of each true class (row) taken for each class (column).
        confidence: (256, 3) float64: pixels, their confidence and right ones, by the 8-bit level
            of the confidence.
        class_confidence: (K, 15, 3) float64, see ``metrics.count_class_confidence``.
        nll: (2,) float64: negative log-likelihood [nat], pixels.
        brier: (2,) float64: Brier scores, pixels.
        nll_of_temperatures: (T, 2) float64: the same as ``nll`` on a part of the pixels, for each
            of ``metrics.TEMPERATURES``.
        drivable: (K, 257) int64, see ``metrics.count_drivable``.
        boundary: (K, 2) int64, see ``metrics.count_boundaries``.
        errors: (K, 18, 24, 2) int64: pixels of each true class in each part of the image, and how
            many of them are wrong.
        entropy: (2,) float64: normalised entropy, pixels.
        of_images: (3, 2) float64: figures of single images and how many images have one: mean IoU,
            boundary F1, calibration error.
    """

    confusion: Int64Array
    confidence: Float64Array
    class_confidence: Float64Array
    nll: Float64Array
    brier: Float64Array
    nll_of_temperatures: Float64Array
    drivable: Int64Array
    boundary: Int64Array
    errors: Int64Array
    entropy: Float64Array
    of_images: Float64Array

    @classmethod
    def zero(cls, classes: int) -> Self:
        """Return the sums of no frame.

        Args:
            classes: Number of classes K.
        """
        return cls(
            confusion=np.zeros((classes, classes), np.int64),
            confidence=np.zeros((LEVELS, 3)),
            class_confidence=np.zeros((classes, BINS, 3)),
            nll=np.zeros(2),
            brier=np.zeros(2),
            nll_of_temperatures=np.zeros((len(TEMPERATURES), 2)),
            drivable=np.zeros((classes, LEVELS + 1), np.int64),
            boundary=np.zeros((classes, 2), np.int64),
            errors=np.zeros((classes, *ERROR_GRID, 2), np.int64),
            entropy=np.zeros(2),
            of_images=np.zeros((3, 2)),
        )

    def add(self, other: Sums) -> None:
        """Add the sums of other frames."""
        for one in fields(self):
            total = getattr(self, one.name)
            total += getattr(other, one.name)

    def to_plain(self) -> dict[str, Any]:
        """Return nested lists for JSON; the inverse of ``from_plain``."""
        return {
            one.name: np.round(getattr(self, one.name), DIGITS).tolist() for one in fields(self)
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], classes: int) -> Self:
        """Read what ``to_plain`` returned.

        Args:
            data: Nested lists by name; further names are left alone.
            classes: Number of classes K.

        Raises:
            DatasetError: If sums are missing or of another shape.
        """
        sums = cls.zero(classes)
        for one in fields(cls):
            total = getattr(sums, one.name)
            got = np.array(data.get(one.name), np.float64)
            if got.shape != total.shape or not (np.isfinite(got) & (got >= 0)).all():
                msg = (
                    f'Sums {one.name!r} have the shape {got.shape}; expected {total.shape} '
                    'numbers from 0 on. Evaluate again with this version of seg_node.'
                )
                raise DatasetError(msg)
            total[:] = got
        return sums


def binned(confidence: Float64Array) -> Float64Array:
    """Return the confidence of the 256 levels in the 15 bins of the calibration error.

    Args:
        confidence: (256, 3) as in ``Sums.confidence``.

    Returns:
        (15, 3) float64, exactly what ``count_confidence`` counts for the same pixels.
    """
    levels = np.arange(LEVELS).astype(np.uint8)
    in_bins = count_confidence(levels, np.zeros(LEVELS, np.bool_), BINS)[:, 0].astype(np.intp)
    counts = np.zeros((BINS, 3))
    np.add.at(counts, np.repeat(np.arange(BINS), in_bins), confidence)
    return counts
