# SPDX-License-Identifier: Apache-2.0
"""Labels, confidence, entropy and probabilities of the pixels of one strip.

With z the scores of a pixel, c any shift, e = exp(z - c) and S = sum(e):

* label = argmax(z), the first of equals;
* probability of class k = e_k / S; confidence is that of the label;
* entropy = -sum(p log p) = log(S) - sum(e (z - c)) / S.

So one exponential per class and one logarithm per pixel give everything. Scores come shifted by
the image's largest; only where they spread so far that exp would leave float32's range does each
pixel get a shift of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging.upsampling import ScoreMaps

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

MAX_SPREAD = np.float32(80)  # exp(-80) is a normal float32, exp(-88) is not
LEVELS = 255.0


class StripSoftmax:
    """The softmax of one strip after another, in buffers that are reused.

    The order of calls for each strip: ``load``, ``labels``; then ``exponentiate``; then
    ``confidence``, ``plane`` and ``probabilities`` as wanted; ``entropy`` last.
    Outputs are (rows, width) uint8 pieces of an image, contiguous, which are written.
    """

    def __init__(self, maps: ScoreMaps) -> None:
        """Lay out buffers for the largest strip of an image."""
        pixels = maps.strip_rows * maps.image_size[1]
        self._own_shift = maps.spread > MAX_SPREAD
        self._entropy_levels = LEVELS / math.log(max(maps.classes, 2))
        self._ranks = np.arange(maps.classes, 0, -1, dtype=np.uint8)[:, None]
        self._all_powers = np.empty(maps.classes * pixels, np.float32)
        self._all_wins = np.empty(maps.classes * pixels, np.uint8)
        self._all_rows = np.empty((3, pixels), np.float32)

    def load(self, scores: Float32Array) -> None:
        """Take the scores of a strip, (K, n) float32; they will be overwritten."""
        classes, pixels = scores.shape
        self._scores = scores
        self._powers = self._all_powers[: classes * pixels].reshape(classes, pixels)
        self._wins = self._all_wins[: classes * pixels].reshape(classes, pixels)
        self._best, self._total, self._spare = self._all_rows[:, None, :pixels]
        np.maximum.reduce(scores, axis=0, keepdims=True, out=self._best)

    def labels(self, out: UInt8Array) -> None:
        """Write the class with the largest score, the first of equals.

        numpy's argmax along the first axis is scalar; comparing with the maximum is not.
        """
        wins = self._wins
        np.equal(self._scores, self._best, out=wins.view(np.bool_))
        np.multiply(wins, self._ranks, out=wins)  # rank K for class 0, 1 for the last
        _fold_maximum(wins)
        np.subtract(len(wins), wins[0], out=out.reshape(-1))

    def exponentiate(self) -> None:
        """Compute exp of all scores and the sum over the classes."""
        if self._own_shift:
            self._scores -= self._best
            self._best.fill(0)
            # What exp would make subnormal adds nothing, but costs ten times as much.
            np.maximum(self._scores, -MAX_SPREAD, out=self._scores)
        cv2.exp(self._scores, dst=self._powers)
        cv2.reduce(self._powers, 0, cv2.REDUCE_SUM, dst=self._total)

    def confidence(self, out: UInt8Array) -> None:
        """Write 255 times the probability of the label."""
        cv2.exp(self._best, dst=self._spare)
        cv2.divide(self._spare, self._total, dst=self._spare)
        cv2.convertScaleAbs(self._spare, alpha=LEVELS, dst=out.reshape(1, -1))

    def plane(self, index: int, out: UInt8Array) -> None:
        """Write 255 times the probability of one class."""
        cv2.divide(self._powers[index : index + 1], self._total, dst=self._spare)
        cv2.convertScaleAbs(self._spare, alpha=LEVELS, dst=out.reshape(1, -1))

    def probabilities(self, out: Float32Array) -> None:
        """Write all probabilities, (K, rows, width) float32, rows may lie apart."""
        shape = (len(self._scores), *out.shape[1:])
        np.divide(self._powers.reshape(shape), self._total.reshape(shape[1:]), out=out)

    def entropy(self, out: UInt8Array) -> None:
        """Write 255 times entropy / log K; the scores are lost."""
        np.multiply(self._scores, self._powers, out=self._scores)
        cv2.reduce(self._scores, 0, cv2.REDUCE_SUM, dst=self._spare)
        cv2.divide(self._spare, self._total, dst=self._spare)
        cv2.log(self._total, dst=self._total)
        cv2.subtract(self._total, self._spare, dst=self._total)
        cv2.convertScaleAbs(self._total, alpha=self._entropy_levels, dst=out.reshape(1, -1))


def _fold_maximum(rows: UInt8Array) -> None:
    """Leave the maximum of each column in the first row, by halving.

    Few long calls: numpy's own reduction of bytes is scalar before version 1.23.
    """
    count = len(rows)
    while count > 1:
        half = count // 2
        cv2.max(rows[:half], rows[count - half : count], dst=rows[:half])
        count -= half
