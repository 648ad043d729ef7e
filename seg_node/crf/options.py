# SPDX-License-Identifier: Apache-2.0
"""Weights and widths of the dense CRF, and how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
import math
from numbers import Real
from typing import get_args, Literal, TypeAlias

from seg_node.crf.compat import check_compat, Compat
from seg_node.errors import CrfError, one_of

__all__ = [
    'PRESETS',
    'BackendName',
    'BilateralKernel',
    'CrfOptions',
    'GaussianKernel',
    'Kernel',
    'Mode',
    'Resolution',
    'preset',
]

Mode = Literal['exact', 'balanced', 'fast']
Resolution = Literal['output', 'network']
BackendName = Literal['auto', 'native', 'numpy', 'pydensecrf', 'torch']

MOST_ITERATIONS = 1000
MOST_THREADS = 1024
SMALLEST_CLIP = 1e-30  # float32 holds no logarithm of what is much smaller


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_width(name: str, value: object) -> None:
    if not _is_number(value) or not 0.0 < value < math.inf:  # type: ignore[operator]
        msg = f'{name} is {value!r}; expected a positive number.'
        raise CrfError(msg)


def _check_count(name: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        msg = f'CRF {name} is {value!r}; expected a whole number from 1 to {most}.'
        raise CrfError(msg)


@dataclass(frozen=True, slots=True)
class GaussianKernel:
    """Neighbours should have the same label, whatever they look like.

    k(i, j) = exp(-|p_i - p_j|^2 / (2 sxy^2)), p in pixels.

    Attributes:
        sxy: Width in the image [px].
        compat: Penalty for different labels: one for all classes, one for each class, or a
            symmetric matrix of classes. Positive is a penalty in every form.

    Raises:
        CrfError: If a value is not as described here.
    """

    sxy: float = 3.0
    compat: Compat = 3.0

    def __post_init__(self) -> None:
        """Refuse widths that are no widths."""
        _check_width('sxy', self.sxy)
        check_compat(self.compat)


@dataclass(frozen=True, slots=True)
class BilateralKernel:
    """Pixels that are near and look alike should have the same label.

    k(i, j) = exp(-|p_i - p_j|^2 / (2 sxy^2) - |I_i - I_j|^2 / (2 srgb^2)), p in pixels, I in
    8-bit levels.

    Attributes:
        sxy: Width in the image [px]; the larger, the farther pixels influence each other.
        srgb: Width in colour [8-bit levels], at least 1; the larger, the more colours may differ
            and still count as one surface. Below 1 level the kernel would tell equal colours
            apart, and the lattice of the fast filters would grow without bound.
        compat: Penalty for different labels, as in ``GaussianKernel``.

    Raises:
        CrfError: If a value is not as described here.
    """

    sxy: float = 80.0
    srgb: float = 13.0
    compat: Compat = 10.0

    def __post_init__(self) -> None:
        """Refuse widths that are no widths."""
        _check_width('sxy', self.sxy)
        _check_width('srgb', self.srgb)
        if self.srgb < 1.0:
            msg = f'srgb is {self.srgb!r}; expected at least 1 level of 255.'
            raise CrfError(msg)
        check_compat(self.compat)


Kernel: TypeAlias = GaussianKernel | BilateralKernel


@dataclass(frozen=True, slots=True)
class CrfOptions:
    """Energy and inference of the fully connected CRF.

    E(x) = sum_i u_i(x_i) + sum_{i<j} sum_m mu_m(x_i, x_j) n_i k_m(i, j) n_j, with
    u_i(x) = -log p_i(x), n_i = 1 / sqrt(sum_j k_m(i, j)) for each kernel m, and mu_m its label
    compatibility. Mean field repeats ``iterations`` times, from Q = softmax(-u):

    Q_i <- softmax(-u_i + sum_m M_m sum_j n_i k_m(i, j) n_j Q_j), j = i included.

    M is ``compat`` as a matrix: w I for a number w, which is the Potts model. For the penalty mu
    it stands for -M up to a constant; see ``seg_node.crf.compat``.

    Attributes:
        kernels: At least one; several of a kind may be stacked, for example at two scales.
        iterations: Mean-field updates, 1 to 1000.
        clip: Probabilities below it count as this much, so that no energy is infinite. 1e-5 is
            that of pydensecrf's helper; many tutorials write 1e-8. At least 1e-30.
        mode: How exactly the ``native`` back end computes; the others are always exact.
        resolution: ``'output'`` solves on the pixels of the image; ``'network'`` on the grid of
            the network's scores, and scales the refined log-probabilities up.
        backend: Who computes; ``'auto'`` is the best one that works here.
        threads: How many threads a back end may use, where it has threads.
        margin: In ``refine_scores``, pixels keep the network's label where, in all four scores
            that theirs is interpolated from, the same class leads by at least this much [nats,
            after division by the temperature]; ``None`` refines every pixel.

    Raises:
        CrfError: If a value is not as described here.

    Reference: P. Krähenbühl, V. Koltun, "Efficient inference in fully connected CRFs with Gaussian
    edge potentials", NIPS 2011, equations 1 to 3 and algorithm 1.
    """

    kernels: tuple[Kernel, ...] = (GaussianKernel(), BilateralKernel())
    iterations: int = 5
    clip: float = 1e-5
    mode: Mode = 'balanced'
    resolution: Resolution = 'output'
    backend: BackendName = 'auto'
    threads: int = 1
    margin: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be inferred."""
        self._check_kernels()
        _check_count('iterations', self.iterations, MOST_ITERATIONS)
        _check_count('threads', self.threads, MOST_THREADS)
        if not _is_number(self.clip) or not SMALLEST_CLIP <= self.clip < 1.0:
            msg = f'CRF clip is {self.clip!r}; expected a number from {SMALLEST_CLIP} to below 1.'
            raise CrfError(msg)
        if self.margin is not None and not (_is_number(self.margin) and self.margin > 0.0):
            msg = f'CRF margin is {self.margin!r}; expected a positive number, or None for none.'
            raise CrfError(msg)
        for what, value, choices in (
            ('CRF mode', self.mode, get_args(Mode)),
            ('CRF resolution', self.resolution, get_args(Resolution)),
            ('CRF back end', self.backend, get_args(BackendName)),
        ):
            if value not in choices:
                raise CrfError(one_of(what, value, choices))

    def _check_kernels(self) -> None:
        is_kernels = isinstance(self.kernels, tuple) and self.kernels
        if not is_kernels or not all(
            isinstance(kernel, (GaussianKernel, BilateralKernel)) for kernel in self.kernels
        ):
            msg = (
                f'CRF kernels is {self.kernels!r}; expected a tuple of at least one '
                'GaussianKernel or BilateralKernel.'
            )
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
