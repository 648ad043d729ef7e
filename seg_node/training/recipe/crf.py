# SPDX-License-Identifier: Apache-2.0
"""A dense CRF that is trained with the network: the part ``crf`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seg_node.errors import ParameterError
from seg_node.training.recipe.loss import expect_in_range

LEAST_SRGB = 1.0


@dataclass(frozen=True, slots=True)
class KernelPart:
    """One kernel; its widths are fixed, and its compatibility is where learning starts.

    Attributes:
        sxy: Width in the network's input [px].
        srgb: Width in colour [levels], at least 1; 0 for the Gaussian kernel, which knows none.
        compat: Penalty for different labels, the same for all classes; positive is a penalty.
    """

    sxy: float
    srgb: float = 0.0
    compat: float = 1.0

    def __post_init__(self) -> None:
        """Refuse widths that are no widths.

        Raises:
            ParameterError: A number is out of its range.
        """
        if not 0 < self.sxy < float('inf'):
            msg = f'The value of crf.kernels sxy is {self.sxy!r}; expected more than 0 px.'
            raise ParameterError(msg)
        if self.srgb:
            expect_in_range('crf.kernels srgb', self.srgb, LEAST_SRGB)


@dataclass(frozen=True, slots=True)
class CrfPart:
    """Mean field behind the network during training, on the grid of its scores.

    What is learnt goes into the manifest as a preset of the CRF; the exported network is the
    network alone. The defaults are the preset ``classic``.

    Attributes:
        train: ``none`` for no CRF; ``head`` learns its weights alone and leaves the network as it
            is; ``joint`` learns both.
        kernels: At least one.
        weights: What is learnt for each kernel: one number, a ``vector`` with one for each class,
            or a symmetric ``matrix`` of classes.
        iterations: Mean-field updates.
        clip: Probabilities below it count as this much.
        lr: Factor on ``optimizer.lr`` for the CRF's weights, which are large numbers.
        network_loss: Factor of the loss of the network's own scores, which keeps confidences
            meaningful; without effect on ``head``.
        temperature: Divisor of the scores before the CRF, and of the bundle, which fits none of
            its own then. With ``head`` that of the bundle the network is from.
    """

    train: Literal['none', 'head', 'joint'] = 'none'
    kernels: tuple[KernelPart, ...] = (KernelPart(3.0, 0.0, 3.0), KernelPart(80.0, 13.0, 10.0))
    weights: Literal['scalar', 'vector', 'matrix'] = 'vector'
    iterations: int = 5
    clip: float = 1e-5
    lr: float = 20.0
    network_loss: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no CRF.

        Raises:
            ParameterError: A number is out of its range, or there is no kernel.
        """
        expect_in_range('crf.iterations', self.iterations, 1, 1000)
        for name in ('lr', 'network_loss'):
            expect_in_range(f'crf.{name}', getattr(self, name), 0)
        for name in ('clip', 'temperature'):
            expect_in_range(f'crf.{name}', getattr(self, name), 1e-30)
        if not self.kernels:
            msg = 'The value of crf.kernels is empty; expected at least one kernel.'
            raise ParameterError(msg)

    @property
    def scores_factor(self) -> float:
        """Factor of the loss of the network's own scores: 1 without a CRF."""
        return {'none': 1.0, 'head': 0.0, 'joint': self.network_loss}[self.train]
