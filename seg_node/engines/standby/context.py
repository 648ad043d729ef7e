# SPDX-License-Identifier: Apache-2.0
"""Whether this process can still use its GPU. After some errors of CUDA no call works any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seg_node.engines.base import Engine

__all__ = ['abandon', 'spoil', 'spoilt']

_causes: list[str] = []
_abandoned: list[Engine] = []


def spoilt() -> str:
    """Return what has spoilt the GPU for this process, with the remedy; empty if nothing has."""
    return _causes[0] if _causes else ''


def spoil(cause: str) -> str:
    """Remember that this process must not touch the GPU again, and return what to tell.

    Args:
        cause: What happened, as sentences.
    """
    _causes.append(f'{cause} Restart the node to use the GPU again.')
    return _causes[0]


def abandon(engine: Engine) -> None:
    """Keep an engine that must not even be freed: its destructors would touch the GPU."""
    _abandoned.append(engine)
