# SPDX-License-Identifier: Apache-2.0
"""What is searched: widths of three kernels, their compatibility per kind of class, iterations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.crf import BilateralKernel, CrfOptions, GaussianKernel
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seg_node.crf import Kernel
    from seg_node.taxonomy import Taxonomy

__all__ = ['Range', 'kinds_of', 'options_of', 'search_space', 'starting_points']

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Range:
    """Where a number may lie, both ends included.

    Attributes:
        low: The least.
        high: The largest.
        log: Whether ratios matter, not differences.
        whole: Whether it is a whole number.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


# near: what is next to each other, whatever it looks like; fine and wide: what looks alike, at
# two scales.
WIDTHS = {
    'near.sxy': Range(0.5, 5.0, log=True),
    'fine.sxy': Range(3.0, 30.0, log=True),
    'fine.srgb': Range(3.0, 40.0, log=True),
    'wide.sxy': Range(30.0, 160.0, log=True),
    'wide.srgb': Range(3.0, 40.0, log=True),
}
COMPAT = Range(0.03, 6.0, log=True)  # of stuff
RATIO = Range(0.5, 4.0, log=True)  # of the other kinds to it
KERNELS = ('near', 'fine', 'wide')
ITERATIONS = Range(1, 10, whole=True)
NOTHING = 0.1  # a kernel of which stuff weighs less is left out, and costs nothing
DIGITS = 4


def search_space(kinds: Sequence[str]) -> dict[str, Range]:
    """Return the range of each number.

    Args:
        kinds: Of the classes; those that do not occur have no numbers. ``compat`` is that of
            stuff, ``thin`` and ``object`` are so many times as much.
    """
    compats = {
        f'{kernel}.{name}': around
        for kernel in KERNELS
        for name, around in {'compat': COMPAT, **dict.fromkeys(_others(kinds), RATIO)}.items()
    }
    return {'iterations': ITERATIONS, **WIDTHS, **compats}


def options_of(values: Mapping[str, float], kinds: Sequence[str], threads: int = 1) -> CrfOptions:
    """Return the CRF that a point of the search space stands for.

    Args:
        values: A number for each name of ``search_space``.
        kinds: Kind of each class, in order of the ids.
        threads: That the CRF may use.
    """
    found = {name: round(value, DIGITS) for name, value in values.items()}
    compats = {
        kernel: tuple(
            round(found[f'{kernel}.compat'] * found.get(f'{kernel}.{kind}', 1.0), DIGITS)
            for kind in kinds
        )
        for kernel in KERNELS
    }
    near = GaussianKernel(found['near.sxy'], compats['near'])
    looks = [
        BilateralKernel(found[f'{kernel}.sxy'], found[f'{kernel}.srgb'], compats[kernel])
        for kernel in ('fine', 'wide')
    ]
    kernels: list[Kernel] = [near, *looks]
    weighty = [
        kernel
        for name, kernel in zip(KERNELS, kernels, strict=True)
        if found[f'{name}.compat'] > NOTHING
    ]
    return CrfOptions(
        tuple(weighty or [near]), iterations=int(found['iterations']), threads=threads
    )


def starting_points(kinds: Sequence[str]) -> list[Values]:
    """Return points worth a try before any search.

    The classic values are not among them: on driving scenes the search finds nothing near them.
    """
    widths = {
        'iterations': 5.0,
        'near.sxy': 2.0,
        'fine.sxy': 15.0,
        'fine.srgb': 8.0,
        'wide.sxy': 40.0,
        'wide.srgb': 5.0,
    }
    compats = (
        (0.03, 2.0, 0.03),
        (0.03, 0.5, 0.03),
        (0.03, 3.0, 0.03),
        (0.03, 1.5, 0.7),
        (0.5, 1.0, 0.03),
    )
    return [
        {
            **widths,
            **{f'{kernel}.compat': value for kernel, value in zip(KERNELS, listed, strict=True)},
            **{
                f'{kernel}.{kind}': ratio
                for kernel in KERNELS
                for kind, ratio in _others(kinds).items()
            },
        }
        for listed in compats
    ]


def _others(kinds: Sequence[str]) -> dict[str, float]:
    """Return which kinds but stuff there are, and a ratio of their compatibility to begin with.

    What is thin loses its pixels to what is around it, unless it weighs more.
    """
    return {kind: ratio for kind, ratio in (('thin', 2.0), ('object', 1.0)) if kind in kinds}


def kinds_of(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Return the kind of each class, also for bundles from before classes had kinds.

    Those are of a published taxonomy, whose file says it.
    """
    if set(taxonomy.kinds) == {'stuff'} and taxonomy.name in ('cityscapes19', 'camvid11'):
        published = load_taxonomy(taxonomy.name)
        if published.names == taxonomy.names:
            return published.kinds
    return taxonomy.kinds
