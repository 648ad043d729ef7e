# SPDX-License-Identifier: Apache-2.0
"""IoU of the seven categories of Cityscapes: confusion inside a category does not count.

M. Cordts et al., "The Cityscapes dataset for semantic urban scene understanding", CVPR 2016,
section 4.2. The sums are those of cityscapesScripts: with S the classes of a category, TP is the
sum of all entries whose row and column are in S, FN the rest of these rows, FP the rest of these
columns.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.scores import class_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ['CATEGORIES', 'category_iou', 'has_categories', 'sum_categories']

CATEGORIES = {
    'flat': ('road', 'sidewalk'),
    'construction': ('building', 'wall', 'fence'),
    'object': ('pole', 'traffic light', 'traffic sign'),
    'nature': ('vegetation', 'terrain'),
    'sky': ('sky',),
    'human': ('person', 'rider'),
    'vehicle': ('car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle'),
}
"""The classes of each category, in the order of all results."""


def has_categories(names: Sequence[str]) -> bool:
    """Tell whether every class belongs to a category of Cityscapes.

    Args:
        names: Names of the classes, as ``Taxonomy.names``.

    Example:
        >>> has_categories(['road', 'sky']), has_categories(['Road', 'Sky'])
        (True, False)
    """
    return set(names) <= set(chain.from_iterable(CATEGORIES.values()))


def sum_categories(counts: npt.NDArray[np.int64], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Sum the counts of classes to counts of categories.

    Args:
        counts: (K, K) as from ``count_pairs``.
        names: The names of these K classes, all of Cityscapes.

    Returns:
        (7, 7) int64, row the true category, column the predicted one, in the order of
        ``CATEGORIES``; every score of a confusion matrix can be made from it.

    Raises:
        ValueError: If a class belongs to no category, or the numbers of classes differ.
    """
    if counts.shape != (len(names), len(names)):
        msg = f'Counts are {counts.shape} for {len(names)} names; expected a row for each name.'
        raise ValueError(msg)
    if not has_categories(names):
        msg = f'Classes {list(names)!r} are not those of Cityscapes, so they have no categories.'
        raise ValueError(msg)
    member = np.array([[name in one for name in names] for one in CATEGORIES.values()], np.int64)
    total: npt.NDArray[np.int64] = member @ counts @ member.T
    return total


def category_iou(counts: npt.NDArray[np.int64], names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the IoU of each category: (7,), in the order of ``CATEGORIES``.

    NaN for a category that occurs neither in truth nor in prediction.

    Args:
        counts: (K, K) as from ``count_pairs``.
        names: The names of these K classes, all of Cityscapes.

    Raises:
        ValueError: As ``sum_categories``.

    Example:
        Road taken for sidewalk is still flat:

        >>> category_iou(np.array([[1, 3, 0], [0, 2, 0], [1, 0, 1]]), ['road', 'sidewalk', 'car'])
        array([0.85714286,        nan,        nan,        nan,        nan,
                      nan, 0.5       ])
    """
    return class_iou(sum_categories(counts, names))
