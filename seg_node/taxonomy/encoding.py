# SPDX-License-Identifier: Apache-2.0
"""Labels as ids and as one-hot maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.taxonomy.classes import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['from_one_hot', 'one_hot']


def one_hot(labels: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.float32]:
    """Return one plane per class that is 1 where the class is.

    Args:
        labels: (H, W) uint8 ids; 255 is unlabelled.
        classes: Number of classes K.

    Returns:
        (K, H, W) float32 of 0 and 1; an unlabelled pixel is 0 in every plane.

    Raises:
        ValueError: If an id is neither below ``classes`` nor 255.

    Example:
        >>> one_hot(np.array([[0, 2, 255]], np.uint8), 3)[:, 0].T.tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    wrong = np.unique(labels[(labels >= classes) & (labels != UNLABELLED)])
    if wrong.size:
        msg = f'Labels hold ids {wrong.tolist()}; expected 0 to {classes - 1}, or {UNLABELLED}.'
        raise ValueError(msg)
    maps: npt.NDArray[np.bool_] = labels == np.arange(classes, dtype=np.uint8)[:, None, None]
    return maps.astype(np.float32)


def from_one_hot(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the id of the largest plane at each pixel: the inverse of ``one_hot``.

    Args:
        maps: (K, H, W), one-hot or soft.

    Returns:
        (H, W) uint8 ids; 255 where every plane is 0.
    """
    labels: npt.NDArray[np.uint8] = maps.argmax(axis=0).astype(np.uint8)
    labels[~maps.any(axis=0)] = UNLABELLED
    return labels
