# SPDX-License-Identifier: Apache-2.0
"""How training samples are changed at random: the part ``augment`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AugmentPart:
    """Random changes of a training sample; a range of equal numbers switches a change off.

    Attributes:
        crop: Height and width of a training sample [px].
        scale: Smallest and largest zoom; drawn evenly on a log scale.
        flip: Probability of mirroring left and right.
        brightness: Largest shift of levels, as a share of 255.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        gamma: Largest exponent (and its inverse) of the tone curve; 1 leaves it.
        tint: Largest relative gain or loss of each colour channel (white balance).
        blur: Probability of a Gaussian blur of up to 1.5 px.
        noise: Probability of Gaussian noise of up to 12 levels.
    """

    crop: tuple[int, int] = (288, 384)
    scale: tuple[float, float] = (0.6, 1.8)
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    saturation: float = 0.4
    gamma: float = 1.3
    tint: float = 0.08
    blur: float = 0.15
    noise: float = 0.15
