# SPDX-License-Identifier: Apache-2.0
"""What is minimised: the part ``loss`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from seg_node.errors import ParameterError

FACTORS = ('cross_entropy', 'focal', 'ohem', 'dice', 'jaccard', 'tversky', 'lovasz')


@dataclass(frozen=True, slots=True)
class WeightsPart:
    """Class weights from the pixel counts of the data; see ``class_weights``.

    Attributes:
        kind: Formula.
        power: Exponent that flattens (below 1) the weights.
        clip: Smallest and largest weight after scaling the mean over pixels to 1.
        beta: Of ``effective``: 1 / (1 - beta) is the number of pixels beyond which a class has
            shown all there is to it.
    """

    kind: Literal['none', 'inverse', 'balanced', 'median', 'enet', 'effective'] = 'none'
    power: float = 1.0
    clip: tuple[float, float] = (0.1, 10.0)
    beta: float = 0.999999

    def __post_init__(self) -> None:
        """Refuse what gives no weights.

        Raises:
            ParameterError: A number is out of its range.
        """
        low, high = self.clip
        expect_in_range('loss.class_weights.clip.0', low, 0.0)
        expect_in_range('loss.class_weights.clip.1', high, low)
        if not 0 < self.beta < 1:
            msg = f'The value of loss.class_weights.beta is {self.beta!r}; expected 0 < beta < 1.'
            raise ParameterError(msg)


@dataclass(frozen=True, slots=True)
class LossPart:
    """A weighted sum of losses; one whose factor is 0 is not computed.

    Attributes:
        cross_entropy: Factor of the cross-entropy.
        focal: Factor of the focal loss.
        ohem: Factor of the cross-entropy of the hard pixels alone.
        dice: Factor of the soft Dice loss.
        jaccard: Factor of the soft IoU loss.
        tversky: Factor of the Tversky loss.
        lovasz: Factor of the Lovasz-softmax loss.
        label_smoothing: Share of the target that the cross-entropy spreads evenly over all
            classes.
        focal_gamma: How quickly pixels that are right stop to count in the focal loss.
        ohem_threshold: Probability of the true class from which on a pixel is easy.
        ohem_kept: Least share of the labelled pixels that count as hard.
        tversky_false_positives: Weight of probability in the wrong place.
        tversky_false_negatives: Weight of missing probability.
        class_weights: Weights of cross-entropy, focal and hard pixel loss.
    """

    cross_entropy: float = 1.0
    focal: float = 0.0
    ohem: float = 0.0
    dice: float = 0.5
    jaccard: float = 0.0
    tversky: float = 0.0
    lovasz: float = 0.0
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    ohem_threshold: float = 0.7
    ohem_kept: float = 0.0625
    tversky_false_positives: float = 0.3
    tversky_false_negatives: float = 0.7
    class_weights: WeightsPart = field(default_factory=WeightsPart)

    def __post_init__(self) -> None:
        """Refuse what cannot be minimised.

        Raises:
            ParameterError: A number is out of its range, or every factor is 0.
        """
        for name in (*FACTORS, 'focal_gamma'):
            expect_in_range(f'loss.{name}', getattr(self, name), 0.0)
        for name in ('tversky_false_positives', 'tversky_false_negatives'):
            expect_in_range(f'loss.{name}', getattr(self, name), 0.0)
        for name in ('label_smoothing', 'ohem_threshold', 'ohem_kept'):
            expect_in_range(f'loss.{name}', getattr(self, name), 0.0, 1.0)
        if not any(getattr(self, name) for name in FACTORS):
            msg = f'Every factor of the loss is 0; give one of {", ".join(FACTORS)}.'
            raise ParameterError(msg)


def expect_in_range(place: str, value: float, low: float, high: float = float('inf')) -> None:
    """Refuse a number of a recipe that is out of its range, or no number.

    Raises:
        ParameterError: It is.
    """
    if not low <= value <= high or value == float('inf'):
        limits = f'of at least {low:g}' if high == float('inf') else f'in {low:g}..{high:g}'
        msg = f'The value of {place} is {value!r}; expected a number {limits}.'
        raise ParameterError(msg)
