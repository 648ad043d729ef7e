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

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.imaging.upsampling import ScoreMaps

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

MAX_SPREAD = np.float32(80)  # exp(-80) is a normal float32, exp(-88) is not
LEVELS = 255.0


@dataclass(frozen=True, slots=True)
class _Desk:
    """Room for the work on n pixels, as views that are made once.

    Attributes:
        powers: (K, n) float32, exp of the scores.
        wins: (K, n) uint8, 1 where a class has the largest score.
        hits: The same memory as bool.
        halves: Pieces of ``wins``; the maximum of each pair goes into its first.
        best: (1, n) float32, the largest score.
        total: (1, n) float32, the sum of the powers.
        spare: (1, n) float32, for whatever comes up.
    """

    powers: Float32Array
    wins: UInt8Array
    hits: npt.NDArray[np.bool_]
    halves: Sequence[tuple[UInt8Array, UInt8Array]]
    best: Float32Array
    total: Float32Array
    spare: Float32Array


class StripSoftmax:
    """The softmax of one strip after another, in buffers that are reused.

    The order of calls for each strip: ``load``, ``labels``; then ``exponentiate``; then
    ``confidence``, ``plane`` and ``probabilities`` as wanted; ``entropy`` last.
    Each writes to its argument, n pixels of an image: (1, n) uint8.
    """

    def __init__(self, maps: ScoreMaps) -> None:
        """Lay out buffers for the largest strip of an image."""
        pixels = maps.strip_rows * maps.image_size[1]
        self._own_shift = maps.spread > MAX_SPREAD
        self._entropy_levels = LEVELS / math.log(max(maps.classes, 2))
        self._ranks = np.arange(maps.classes, 0, -1, dtype=np.uint8)[:, None]
        self._powers = np.empty(maps.classes * pixels, np.float32)
        self._wins = np.empty(maps.classes * pixels, np.uint8)
        self._rows = np.empty((3, 1, pixels), np.float32)
        self._desks: dict[int, _Desk] = {}

    def load(self, scores: Float32Array) -> None:
        """Take the scores of a strip, (K, n) float32; they will be overwritten."""
        classes, pixels = scores.shape
        if pixels not in self._desks:
            self._desks[pixels] = self._lay(classes, pixels)
        self._desk = self._desks[pixels]
        self._scores = scores
        np.maximum.reduce(scores, axis=0, keepdims=True, out=self._desk.best)

    def labels(self, out: UInt8Array) -> None:
        """Write the class with the largest score, the first of equals.

        numpy's argmax along the first axis takes the pixels one by one; comparing with the
        maximum does not. The maximum of bytes is found by halving, because numpy's own
        reduction of bytes takes them one by one before version 1.23.
        """
        desk = self._desk
        np.equal(self._scores, desk.best, out=desk.hits)
        np.multiply(desk.wins, self._ranks, out=desk.wins)  # K for class 0, 1 for the last
        for one, other in desk.halves:
            cv2.max(one, other, one)
        np.subtract(len(desk.wins), desk.wins[:1], out=out)

    def exponentiate(self) -> None:
        """Compute exp of all scores and the sum over the classes."""
        desk = self._desk
        if self._own_shift:
            self._scores -= desk.best
            desk.best.fill(0)
            # What exp would make subnormal adds nothing, but costs ten times as much.
            np.maximum(self._scores, -MAX_SPREAD, out=self._scores)
        cv2.exp(self._scores, desk.powers)
        cv2.reduce(desk.powers, 0, cv2.REDUCE_SUM, desk.total)

    def confidence(self, out: UInt8Array) -> None:
        """Write 255 times the probability of the label."""
        desk = self._desk
        cv2.exp(desk.best, desk.spare)
        cv2.divide(desk.spare, desk.total, desk.spare)
        cv2.convertScaleAbs(desk.spare, out, LEVELS)

    def plane(self, index: int, out: UInt8Array) -> None:
        """Write 255 times the probability of one class."""
        desk = self._desk
        cv2.divide(desk.powers[index : index + 1], desk.total, desk.spare)
        cv2.convertScaleAbs(desk.spare, out, LEVELS)

    def probabilities(self, out: Float32Array) -> None:
        """Write all probabilities, (K, n) float32."""
        np.divide(self._desk.powers, self._desk.total, out=out)

    def entropy(self, out: UInt8Array) -> None:
        """Write 255 times entropy / log K; the scores are lost."""
        desk = self._desk
        np.multiply(self._scores, desk.powers, out=self._scores)
        cv2.reduce(self._scores, 0, cv2.REDUCE_SUM, desk.spare)
        cv2.divide(desk.spare, desk.total, desk.spare)
        cv2.log(desk.total, desk.total)
        cv2.subtract(desk.total, desk.spare, desk.total)
        cv2.convertScaleAbs(desk.total, out, self._entropy_levels)

    def _lay(self, classes: int, pixels: int) -> _Desk:
        """Make the views for strips of so many pixels."""
        wins = self._wins[: classes * pixels].reshape(classes, pixels)
        best, total, spare = self._rows[..., :pixels]
        return _Desk(
            powers=self._powers[: classes * pixels].reshape(classes, pixels),
            wins=wins,
            hits=wins.view(np.bool_),
            halves=_halves(wins),
            best=best,
            total=total,
            spare=spare,
        )


def _halves(rows: UInt8Array) -> list[tuple[UInt8Array, UInt8Array]]:
    """Return the pairs whose maxima, one after the other, bring the largest to the first row."""
    pairs = []
    count = len(rows)
    while count > 1:
        half = count // 2
        pairs.append((rows[:half], rows[count - half : count]))
        count -= half
    return pairs
