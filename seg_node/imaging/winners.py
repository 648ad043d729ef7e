# SPDX-License-Identifier: Apache-2.0
"""Labels alone, without probabilities: only classes that can win are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.upsampling import Contest, ScoreMaps

    UInt8Array = npt.NDArray[np.uint8]


class Referee:
    """Finds the class with the largest score, the first of equals, as ``StripSoftmax`` does."""

    def __init__(self, maps: ScoreMaps) -> None:
        """Lay out buffers for the largest contest of an image."""
        self._classes = maps.classes
        self._wins = np.empty(maps.contest_size, np.uint8)
        self._best = np.empty(maps.contest_size // 2 + 1, np.float32)
        self._ranks = np.arange(maps.classes, 0, -1, dtype=np.uint8)[:, None]

    def decide(self, contest: Contest, out: UInt8Array) -> None:
        """Write the winner of each pixel.

        Args:
            contest: The scores of the classes that can win.
            out: (1, pixels) uint8.
        """
        count, pixels = contest.scores.shape
        if count == 1:
            out.fill(contest.classes[0])
            return
        wins = self._wins[: count * pixels].reshape(count, pixels)
        best = self._best[:pixels].reshape(1, pixels)
        np.maximum.reduce(contest.scores, axis=0, keepdims=True, out=best)
        np.equal(contest.scores, best, out=wins.view(np.bool_))
        np.multiply(wins, self._ranks[-count:], out=wins)  # from count down to 1
        length = count
        while length > 1:  # leave the maximum in the first row, by halving
            half = length // 2
            cv2.max(wins[:half], wins[length - half : length], wins[:half])
            length -= half
        np.subtract(count, wins[:1], out=out)
        if count < self._classes:
            np.take(contest.classes, out, out=out, mode='clip')
