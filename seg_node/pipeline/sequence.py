# SPDX-License-Identifier: Apache-2.0
"""Which frames follow one another, for everything that remembers the frame before."""

from __future__ import annotations

import math

__all__ = ['LONGEST_GAP_S', 'Sequence']

LONGEST_GAP_S = 1.0
"""Frames farther apart are no sequence: a bag that starts again, a camera that was off [s]."""


class Sequence:
    """Tells for each frame of a camera whether it continues the one before.

    A sequence begins anew with an image of another size and where the stamps jump, back or by more
    than a second.
    """

    def __init__(self) -> None:
        """Begin with nothing before."""
        self._stamp = -math.inf
        self._size = (0, 0)

    def follows(self, size: tuple[int, int], stamp: float) -> bool:
        """Take in a frame and return whether it continues the sequence.

        Args:
            size: (height, width) of the image [px].
            stamp: When the image was taken [s].
        """
        passed = stamp - self._stamp
        continues = size == self._size and 0.0 <= passed <= LONGEST_GAP_S
        self._stamp, self._size = stamp, size
        return continues
