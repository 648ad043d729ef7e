# SPDX-License-Identifier: Apache-2.0
"""Label compatibility: what it costs two pixels that belong together to differ in their label.

The published pairwise term is the Potts model with one weight; a weight per class and a full
matrix generalise it (Krähenbühl and Koltun, NIPS 2011, section 2). In every form here a positive
number is a penalty for different labels, and the forms agree: ``w``, ``(w, ..., w)`` and
``w * I`` are the same compatibility.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import cast, TypeAlias

import numpy as np
import numpy.typing as npt

from seg_node.errors import CrfError

__all__ = ['Compat', 'check_compat', 'compat_matrix']

Compat: TypeAlias = 'float | tuple[float, ...] | tuple[tuple[float, ...], ...]'


def check_compat(compat: Compat) -> None:
    """Refuse what is no compatibility.

    Args:
        compat: A number, one number for each class, or a symmetric matrix of classes, as tuples.

    Raises:
        CrfError: If it has none of these forms, a number is not finite, or a matrix is not
            symmetric: mean field minimises an energy, and the energy of a pair knows no order.
    """
    if _is_number(compat):
        numbers: tuple[object, ...] = (compat,)
    elif not isinstance(compat, tuple) or not compat:
        raise CrfError(_form(compat))
    elif all(isinstance(row, tuple) for row in compat):
        rows = cast('tuple[tuple[float, ...], ...]', compat)
        _check_matrix(rows)
        numbers = tuple(number for row in rows for number in row)
    else:
        numbers = compat
    if not all(_is_number(number) for number in numbers):
        raise CrfError(_form(compat))
    if not all(math.isfinite(cast('float', number)) for number in numbers):
        msg = f'compat is {compat!r}; expected finite numbers.'
        raise CrfError(msg)


def compat_matrix(compat: Compat, classes: int) -> npt.NDArray[np.float64]:
    """Return a compatibility as a (classes, classes) float64 matrix M.

    Messages F of a kernel, (classes, pixels), add ``M @ F`` to the logits.

    Raises:
        CrfError: If the compatibility is for another number of classes.
    """
    values = np.asarray(compat, np.float64)
    if values.ndim == 0:
        return values * np.eye(classes)
    if len(values) != classes:
        msg = (
            f'compat is for {len(values)} classes, the probabilities have {classes}; expected '
            'one number, one for each class, or one row for each class.'
        )
        raise CrfError(msg)
    return np.diag(values) if values.ndim == 1 else values


def _check_matrix(rows: tuple[tuple[float, ...], ...]) -> None:
    if any(len(row) != len(rows) for row in rows):
        lengths = [len(row) for row in rows]
        msg = f'compat has {len(rows)} rows of {lengths} numbers; expected a square matrix.'
        raise CrfError(msg)
    for i, row in enumerate(rows):
        for j in range(i):
            if row[j] != rows[j][i]:
                msg = (
                    f'compat[{i}][{j}] is {row[j]!r} and compat[{j}][{i}] is {rows[j][i]!r}; '
                    'expected a symmetric matrix: use the mean of it and its transpose.'
                )
                raise CrfError(msg)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _form(compat: object) -> str:
    return (
        f'compat is {compat!r}; expected a number, a tuple of one number for each class, or a '
        'tuple of such tuples.'
    )
