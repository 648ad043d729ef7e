# SPDX-License-Identifier: Apache-2.0
"""Smoothing over time: each frame takes in some of what the frames before it said.

The probabilities p of the network's grid become s(t) = (1 - h) p(t) + h s'(t - 1), an exponential
average; s' is what was there before, carried along the optical flow where that is wanted. A pixel
that the flow cannot follow has no past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args, Literal, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import one_of, ParameterError
from seg_node.imaging.optical_flow import grey_image, Tracker
from seg_node.pipeline.sequence import Sequence

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.imaging import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['SMOOTHING_METHODS', 'Smoother', 'SmoothingMethod', 'SmoothingOptions']

SmoothingMethod = Literal['average', 'flow']
SMOOTHING_METHODS: tuple[str, ...] = get_args(SmoothingMethod)
LEAST = 1e-30  # a logarithm needs more than 0


@dataclass(frozen=True, slots=True)
class SmoothingOptions:
    """How frames are smoothed over time.

    Attributes:
        method: ``'average'``: at the same place of the image; ``'flow'``: at the place from where
            the optical flow has come.
        history: Share of what was before, 0 to below 1.

    Raises:
        ParameterError: If the method is unknown or the share is out of range.
    """

    method: SmoothingMethod = 'average'
    history: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.method not in SMOOTHING_METHODS:
            raise ParameterError(one_of('smoothing method', self.method, SMOOTHING_METHODS))
        if not 0.0 <= self.history < 1.0:
            msg = f'Smoothing history is {self.history!r}; expected 0 to below 1.'
            raise ParameterError(msg)


class Smoother:
    """Smooths the frames of one camera; begins anew where they are no ``Sequence``."""

    def __init__(self, temperature: float = 1.0) -> None:
        """Begin with no past.

        Args:
            temperature: Divisor of the scores.
        """
        self._temperature = temperature
        self._sequence = Sequence()
        self._past: Float32Array | None = None
        self._grey: UInt8Array | None = None
        self._origins = Tracker()

    def __call__(
        self,
        scores: Float32Array,
        image: UInt8Array,
        placement: Placement,
        options: SmoothingOptions,
        stamp: float | None,
    ) -> Float32Array:
        """Return the scores of a frame that takes in those before it.

        Args:
            scores: (K, h, w) float32 of the network's whole input, not divided by the temperature.
            image: (H, W, 3) uint8 RGB.
            placement: Where the image lies in the network's input.
            options: How; may change from frame to frame.
            stamp: When the image was taken [s]; ``None`` for one that is no part of a sequence,
                which is left as it is and changes nothing.

        Returns:
            (K, h, w) float32, a new array or the same; its softmax are the smoothed probabilities.
        """
        if stamp is None:
            return scores
        window = placement.crop(scores)
        now = _softmax(window, self._temperature)
        grey = grey_image(image, window.shape[-2:]) if options.method == 'flow' else None
        past, follows = self._past, self._sequence.follows(placement.image_size, stamp)
        if follows and past is not None and past.shape == now.shape:
            past, weight = self._carried(past, grey)
            now += np.float32(options.history) * weight * (past - now)
        # One score that is no number spoils all classes of its pixel, so that one plane tells.
        self._past, self._grey = now if np.isfinite(now[0]).all() else None, grey
        smoothed = scores.copy()
        logarithms = np.log(np.maximum(now, LEAST))
        np.multiply(logarithms, np.float32(self._temperature), out=placement.crop(smoothed))
        return smoothed

    def _carried(
        self, past: Float32Array, grey: UInt8Array | None
    ) -> tuple[Float32Array, Float32Array]:
        """Return what was before at each place, (K, h, w), and where to trust it: 0 or 1.

        Args:
            past: (K, h, w) float32 probabilities of the frame before.
            grey: (h, w) uint8 of this frame; ``None`` to stay at the same places.
        """
        if grey is None:
            return past, np.ones((), np.float32)
        if self._grey is None:  # the method has just changed
            return past, np.zeros((), np.float32)
        origins = self._origins(grey, self._grey)
        carried = [cv2.remap(plane, origins.x, origins.y, cv2.INTER_LINEAR) for plane in past]
        return np.asarray(carried, np.float32), origins.found.astype(np.float32)


def _softmax(scores: Float32Array, temperature: float) -> Float32Array:
    """Return the probabilities of scores: (K, h, w) each."""
    powers = (scores - scores.max(axis=0)) * np.float32(1.0 / temperature)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=0)
    return np.asarray(powers, np.float32)
