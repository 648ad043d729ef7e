# SPDX-License-Identifier: Apache-2.0
"""What a GPU engine is built for: sizes, precision and outputs of the deployed graph."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Literal, TYPE_CHECKING

import numpy as np

from seg_node.errors import EngineError, one_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['PRECISIONS', 'DeployedSpec', 'Precision', 'drivable_limits']

Size = tuple[int, int]
Precision = Literal['fp32', 'fp16', 'int8']
PRECISIONS = ('fp32', 'fp16', 'int8')
LEVELS = 255


@dataclass(frozen=True, slots=True)
class DeployedSpec:
    """The choices that fix a deployed graph; everything else is in the bundle.

    Attributes:
        image_size: Height and width of the camera's images [px]; ``None`` for any size, within
            ``sizes``.
        sizes: Smallest, most frequent and largest (height, width) [px]; there if, and only if,
            ``image_size`` is ``None``.
        batch: Fewest, usual and most images at once.
        precision: Of the network; softmax and entropy are always in fp32.
        planes: Ids of the classes whose probability is given out, ascending.
        scores: Whether the network's scores are given out.

    Raises:
        EngineError: If the choices contradict each other.
    """

    image_size: Size | None
    sizes: tuple[Size, Size, Size] | None = None
    batch: tuple[int, int, int] = (1, 1, 1)
    precision: Precision = 'fp16'
    planes: tuple[int, ...] = ()
    scores: bool = True

    def __post_init__(self) -> None:
        """Refuse what no graph can be."""
        if self.precision not in PRECISIONS:
            raise EngineError(one_of('precision of a GPU engine:', self.precision, PRECISIONS))
        if (self.image_size is None) == (self.sizes is None):
            msg = (
                f'Image size is {self.image_size} and the range of sizes {self.sizes}; expected '
                'exactly one of them.'
            )
            raise EngineError(msg)
        _check_range('heights', tuple(size[0] for size in self.size_range))
        _check_range('widths', tuple(size[1] for size in self.size_range))
        _check_range('batch', self.batch)
        if tuple(sorted(set(self.planes))) != self.planes:
            msg = f'Planes are {self.planes}; expected ids of classes, each once, ascending.'
            raise EngineError(msg)

    @property
    def size_range(self) -> tuple[Size, Size, Size]:
        """Smallest, most frequent and largest (height, width) [px], equal if the size is fixed."""
        fixed = self.image_size
        return self.sizes or ((fixed, fixed, fixed) if fixed else ((0, 0), (0, 0), (0, 0)))

    @property
    def is_fixed(self) -> bool:
        """Whether all shapes are known, so that a run can be recorded in a CUDA graph."""
        return self.image_size is not None and self.batch[0] == self.batch[2]


def drivable_limits(least_probability: float, most_entropy: float) -> npt.NDArray[np.float32]:
    """Return the input ``thresholds`` of a deployed graph.

    Args:
        least_probability: Of the label at a drivable pixel, 0 to 1.
        most_entropy: Largest normalised entropy there, 0 to 1.

    Returns:
        (2,) float32, both rounded to the cautious side of the 8-bit levels that are compared, so
        that a device that calculates in float32 decides as the processor does.
    """
    least = math.ceil(least_probability * LEVELS) / LEVELS
    most = math.floor(most_entropy * LEVELS) / LEVELS
    return np.array([least, most], np.float32)


def _check_range(what: str, values: tuple[int, ...]) -> None:
    """Refuse a smallest, usual and largest value that are not in this order, or below 1."""
    low, usual, high = values
    if not 1 <= low <= usual <= high:
        msg = (
            f'The range of {what} is {values}; expected smallest, usual and largest, in this '
            'order, from 1.'
        )
        raise EngineError(msg)
