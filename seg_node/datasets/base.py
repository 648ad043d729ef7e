# SPDX-License-Identifier: Apache-2.0
"""What a data set is: a sequence of images with the true class of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy


__all__ = ['Dataset', 'Sample']


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and its truth.

    Attributes:
        name: Name of the frame, unique in its split and free of path separators.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, class ids of the data set's taxonomy; 255 is unlabelled.
    """

    name: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


class Dataset(Protocol):
    """A split of a data set; samples are read when they are asked for.

    Indices run from 0 to ``len(dataset) - 1`` in an order that never changes; an index past the
    end raises IndexError.
    """

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes that ``Sample.labels`` refer to."""
        ...

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """Return one sample, freshly read: the caller may change its arrays."""
        ...
