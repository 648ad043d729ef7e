# SPDX-License-Identifier: Apache-2.0
"""What is minimised: the part ``loss`` of a recipe; free of torch."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - recipes are read by these annotations
from dataclasses import dataclass, field
from typing import Literal

from seg_node.errors import ParameterError

FACTORS = ('cross_entropy', 'focal', 'ohem', 'dice', 'jaccard', 'tversky', 'lovasz')


@dataclass(frozen=True, slots=True)
class WeightsPart:
    """Class weights, from the pixel counts of the data or given; see ``class_weights``.

    Attributes:
        kind: Formula; ``given`` takes the numbers of ``given`` as they are.
        power: Exponent that flattens (below 1) the weights.
        clip: Smallest and largest weight after scaling the mean over pixels to 1.
        beta: Of ``effective``: 1 / (1 - beta) is the number of pixels beyond which a class has
            shown all there is to it.
        given: Weight by name of class; a class that is not named weighs 1.
    """

    kind: Literal['none', 'inverse', 'balanced', 'median', 'enet', 'effective', 'given'] = 'none'
    power: float = 1.0
    clip: tuple[float, float] = (0.1, 10.0)
    beta: float = 0.999999
    given: Mapping[str, float] = field(default_factory=dict)

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
        for name, value in self.given.items():
            expect_in_range(f'loss.class_weights.given.{name}', value, 0.0)
        if self.given and self.kind != 'given':
            msg = (
                f'loss.class_weights gives weights by name, but its kind is {self.kind!r}; set '
                "the kind to 'given' or leave out the weights."
            )
            raise ParameterError(msg)


@dataclass(frozen=True, slots=True)
class BoundaryPart:
    """How much more pixels weigh near a boundary between classes; see ``weight_maps``.

    Attributes:
        w0: What the weight of a boundary pixel rises by, as a share of it; 0 for nothing.
        sigma: Distance at which the rise has fallen to 61 % [px of the image, after scaling].
    """

    w0: float = 0.0
    sigma: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what gives no weights.

        Raises:
            ParameterError: A number is out of its range.
        """
        expect_in_range('loss.boundary.w0', self.w0, 0.0)
        if not 0 < self.sigma < float('inf'):
            msg = f'The value of loss.boundary.sigma is {self.sigma!r}; expected more than 0 px.'
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
        auxiliary: Factor of the mean loss of the decoder's coarser levels, which then have heads
            of their own during training (deep supervision); 0 for none, 0.4 is usual.
        label_smoothing: Share of the target that the cross-entropy spreads evenly over all
            classes.
        focal_gamma: How quickly pixels that are right stop to count in the focal loss.
        ohem_threshold: Probability of the true class from which on a pixel is easy.
        ohem_kept: Least share of the labelled pixels that count as hard.
        tversky_false_positives: Weight of probability in the wrong place.
        tversky_false_negatives: Weight of missing probability.
        class_weights: Weights of cross-entropy, focal and hard pixel loss.
        boundary: Further weights of those, near boundaries.
    """

    cross_entropy: float = 1.0
    focal: float = 0.0
    ohem: float = 0.0
    dice: float = 0.5
    jaccard: float = 0.0
    tversky: float = 0.0
    lovasz: float = 0.0
    auxiliary: float = 0.0
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    ohem_threshold: float = 0.7
    ohem_kept: float = 0.0625
    tversky_false_positives: float = 0.3
    tversky_false_negatives: float = 0.7
    class_weights: WeightsPart = field(default_factory=WeightsPart)
    boundary: BoundaryPart = field(default_factory=BoundaryPart)

    def __post_init__(self) -> None:
        """Refuse what cannot be minimised.

        Raises:
            ParameterError: A number is out of its range, or every factor is 0.
        """
        for name in (*FACTORS, 'auxiliary', 'focal_gamma'):
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
