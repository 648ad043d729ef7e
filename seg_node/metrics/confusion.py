# SPDX-License-Identifier: Apache-2.0
"""How often each true class was predicted as each class: what all scores are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.layout import check_bytes
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['count_pairs']

IDS = 256


def count_pairs(
    truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8], classes: int
) -> npt.NDArray[np.int64]:
    """Count how often each true class was predicted as each class.

    Counts of several images are added, and a score is divided out once at the end::

        total = sum(count_pairs(truth, predicted, 19) for truth, predicted in pairs)

    Args:
        truth: uint8 ids of any shape; pixels with 255 are left out.
        predicted: uint8 ids, same shape. Where ``truth`` is 255 any value may stand.
        classes: Number of classes K, 1 to 255.

    Returns:
        (K, K) int64; row is the true class, column the predicted one. Its sum is the number of
        labelled pixels.

    Raises:
        TypeError: If an array is not uint8.
        ValueError: If the shapes differ, a true id is neither below K nor 255, or the id predicted
            at a labelled pixel is not below K.

    Example:
        >>> truth = np.array([[0, 0, 1], [1, 255, 1]], np.uint8)
        >>> predicted = np.array([[0, 1, 1], [1, 0, 1]], np.uint8)
        >>> count_pairs(truth, predicted, 2).tolist()
        [[1, 1], [0, 3]]
    """
    check_bytes(truth, predicted)
    # one number per pair of bytes: a single pass, no mask, and wrong ids show up beside the table
    pairs = truth.astype(np.uint16)
    pairs <<= 8
    pairs |= predicted
    table = np.bincount(pairs.ravel(), minlength=IDS**2).reshape(IDS, IDS)
    _check_ids(table, classes)
    return table[:classes, :classes].astype(np.int64)


def _check_ids(table: npt.NDArray[np.intp], classes: int) -> None:
    odd_truth = np.flatnonzero(table[classes:UNLABELLED].any(axis=1)) + classes
    if odd_truth.size:
        msg = f'Truth holds ids {odd_truth.tolist()}; expected 0 to {classes - 1} or {UNLABELLED}.'
        raise ValueError(msg)
    odd_guess = np.flatnonzero(table[:classes, classes:].any(axis=0)) + classes
    if odd_guess.size:
        msg = (
            f'The prediction holds ids {odd_guess.tolist()} at labelled pixels; '
            f'expected 0 to {classes - 1}.'
        )
        raise ValueError(msg)
