# SPDX-License-Identifier: Apache-2.0
"""Refuses arrays that do not belong together, in one set of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['check_bytes', 'check_planes']


def check_bytes(
    truth: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], what: str = 'prediction'
) -> None:
    """Refuse two images of bytes that cannot be compared pixel by pixel.

    Args:
        truth: Class ids.
        other: Class ids or levels.
        what: What the other is called in the message.

    Raises:
        TypeError: If one is not uint8.
        ValueError: If the shapes differ.
    """
    for name, pixels in (('truth', truth), (what, other)):
        if pixels.dtype != np.uint8:
            msg = f'Pixels of the `{name}` are {pixels.dtype}; expected uint8.'
            raise TypeError(msg)
    if truth.shape != other.shape:
        msg = f'Truth has shape {truth.shape}, the {what} {other.shape}; expected equal.'
        raise ValueError(msg)


def check_planes(planes: npt.NDArray[np.float32], truth: npt.NDArray[np.uint8]) -> None:
    """Refuse class planes (K, ...) that do not cover the same pixels as the truth (...).

    Raises:
        ValueError: If the sizes differ.
    """
    if planes.shape[1:] != truth.shape:
        msg = (
            f'Class planes are {planes.shape[1:]}, the truth is {truth.shape}; '
            'expected equal sizes after the axis of the classes.'
        )
        raise ValueError(msg)
