# SPDX-License-Identifier: Apache-2.0
"""What is minimised: the part ``loss`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class WeightsPart:
    """Class weights from the pixel counts of the data; see ``class_weights``.

    Attributes:
        kind: Formula.
        power: Exponent that flattens (below 1) the weights.
        clip: Smallest and largest weight after scaling the mean over pixels to 1.
    """

    kind: Literal['none', 'inverse', 'balanced', 'median', 'enet'] = 'none'
    power: float = 1.0
    clip: tuple[float, float] = (0.1, 10.0)


@dataclass(frozen=True, slots=True)
class LossPart:
    """``cross_entropy`` times the weighted cross-entropy plus ``dice`` times the Dice loss.

    Attributes:
        cross_entropy: Factor alpha.
        dice: Factor beta.
        label_smoothing: Share of the target spread evenly over all classes.
        class_weights: Weights of the cross-entropy.
    """

    cross_entropy: float = 1.0
    dice: float = 0.5
    label_smoothing: float = 0.0
    class_weights: WeightsPart = field(default_factory=WeightsPart)
