# SPDX-License-Identifier: Apache-2.0
"""Weights and widths of the dense CRF."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

from seg_node.errors import CrfError, one_of

__all__ = ['PRESETS', 'BilateralKernel', 'CrfOptions', 'GaussianKernel', 'preset']


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            msg = f'{name} is {value!r}; expected a positive number.'
            raise CrfError(msg)


def _check_finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            msg = f'{name} is {value!r}; expected a finite number.'
            raise CrfError(msg)


@dataclass(frozen=True, slots=True)
class GaussianKernel:
    """Neighbours should have the same label, whatever they look like.

    Attributes:
        sxy: Width in the image [px].
        compat: Penalty for different labels; positive is a penalty.
    """

    sxy: float = 3.0
    compat: float = 3.0

    def __post_init__(self) -> None:
        """Refuse widths that are no widths."""
        _check_positive(sxy=self.sxy)
        _check_finite(compat=self.compat)


@dataclass(frozen=True, slots=True)
class BilateralKernel:
    """Pixels that are near and look alike should have the same label.

    Attributes:
        sxy: Width in the image [px]; the larger, the farther pixels influence each other.
        srgb: Width in colour [8-bit levels]; the larger, the more colours may differ and still
            count as one surface. Below 1 the lattice of the fast filters grows without bound.
        compat: Penalty for different labels; positive is a penalty.
    """

    sxy: float = 80.0
    srgb: float = 13.0
    compat: float = 10.0

    def __post_init__(self) -> None:
        """Refuse widths that are no widths."""
        _check_positive(sxy=self.sxy, srgb=self.srgb)
        _check_finite(compat=self.compat)
        if self.srgb < 1.0:
            msg = f'srgb is {self.srgb!r}; expected at least 1 level of 255.'
            raise CrfError(msg)


@dataclass(frozen=True, slots=True)
class CrfOptions:
    """Energy and inference of the fully connected CRF.

    E(x) = sum_i u_i(x_i) + sum_{i<j} [x_i != x_j] k(i, j), with u_i(x) = -log p_i(x) and

    k(i, j) = g.compat * exp(-|p_i - p_j|^2 / (2 g.sxy^2))
            + b.compat * exp(-|p_i - p_j|^2 / (2 b.sxy^2) - |I_i - I_j|^2 / (2 b.srgb^2)),

    p in pixels, I in 8-bit levels, each kernel normalised symmetrically by n_i n_j with
    n = 1 / sqrt(sum_j k(i, j)). Mean-field inference.

    Attributes:
        gaussian: The smoothness kernel g, or ``None`` to leave it out.
        bilateral: The appearance kernel b, or ``None`` to leave it out.
        iterations: Mean-field updates, at least 1.
        clip: Probabilities below it count as this much, so that no energy is infinite.

    Reference: P. Krähenbühl, V. Koltun, "Efficient inference in fully connected CRFs with Gaussian
    edge potentials", NIPS 2011.
    """

    gaussian: GaussianKernel | None = field(default_factory=GaussianKernel)
    bilateral: BilateralKernel | None = field(default_factory=BilateralKernel)
    iterations: int = 5
    clip: float = 1e-5

    def __post_init__(self) -> None:
        """Refuse what cannot be inferred."""
        if self.iterations < 1:
            msg = f'CRF iterations is {self.iterations!r}; expected at least 1.'
            raise CrfError(msg)
        if not 0.0 < self.clip < 1.0:
            msg = f'CRF clip is {self.clip!r}; expected a probability between 0 and 1.'
            raise CrfError(msg)


PRESETS = {'classic': CrfOptions()}
"""``classic``: the values of most tutorials. On driving scenes they remove poles and signs."""


def preset(name: str) -> CrfOptions:
    """Return a set of options by name.

    Raises:
        CrfError: If there is no such preset.
    """
    if name not in PRESETS:
        raise CrfError(one_of('CRF preset', name, PRESETS))
    return PRESETS[name]
