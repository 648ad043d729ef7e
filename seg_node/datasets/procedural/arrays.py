# SPDX-License-Identifier: Apache-2.0
"""Array types and random generators that the painters share."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats: TypeAlias = 'npt.NDArray[np.floating[Any]]'  # quoted for NumPy 1.21 of ROS 2 Humble
Picture: TypeAlias = npt.NDArray[Any]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Random: TypeAlias = np.random.Generator


def random_for(*key: int) -> Random:
    """Return the generator that belongs to ``key``, the same on every machine.

    Args:
        key: Any integers; negative ones are folded onto odd numbers.
    """
    return np.random.default_rng([2 * k if k >= 0 else -2 * k - 1 for k in key])


def chance(*key: int) -> float:
    """A number in 0..1 that depends on ``key`` alone; much cheaper than a generator."""
    state = 0x9E3779B97F4A7C15
    for part in key:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & (2**64 - 1)
        state ^= state >> 29
    return state / 2**64


def vector(*values: float) -> Floats:
    """Return ``values`` as a float64 array (n,)."""
    return np.array(values, dtype=np.float64)


def pick(rng: Random, choices: Sequence[str], weights: Sequence[float]) -> str:
    """Draw one of ``choices`` with probability proportional to ``weights``."""
    edges = np.cumsum(weights)
    return choices[int(np.searchsorted(edges, rng.random() * edges[-1], side='right'))]
