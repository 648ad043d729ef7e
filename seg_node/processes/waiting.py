# SPDX-License-Identifier: Apache-2.0
"""Waiting for node and recorder: until they are ready, and until they have said everything."""

from __future__ import annotations

import time
from typing import Protocol, TYPE_CHECKING

from seg_node.errors import ProcessError

from .node import refuse_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from .crew import Crew, Event

__all__ = ['Listener', 'await_counts', 'await_ready', 'settle']

COUNTS_PATIENCE_S = 5.0


class Listener(Protocol):
    """Takes note of events, and knows what is still missing."""

    def take(self, event: Event) -> None:
        """Take note of one event."""

    def complete(self) -> bool:
        """Tell whether the last image was answered, or will not be any more."""

    def counted(self) -> bool:
        """Tell whether the node has reported its counts since the last answer."""


def await_ready(crew: Crew, names: AbstractSet[str], timeout: float) -> Iterator[str]:
    """Yield the name of each process that is ready, until all of these are.

    Raises:
        ProcessError: If one fails, the node reports an error, or it takes longer than
            ``timeout`` [s].
    """
    missing = set(names)
    deadline = time.monotonic() + timeout
    for event in crew.events(timeout):
        refuse_error(event)
        if event.what == 'ready':
            missing.discard(event.who)
            yield event.who
        if not missing:
            return
        if time.monotonic() > deadline:
            break
    msg = f'The node was not active within {timeout:g} s. {crew.last_words()}'
    raise ProcessError(msg)


def settle(crew: Crew, listener: Listener, patience: float) -> None:
    """Wait up to ``patience`` [s] for the last answers, and for the node's counts after them."""
    deadline = time.monotonic() + patience
    while not listener.complete() and time.monotonic() < deadline:
        _drain(crew, listener)
    await_counts(crew, listener)


def await_counts(crew: Crew, listener: Listener) -> None:
    """Wait a while until the node has reported what it counted."""
    deadline = time.monotonic() + COUNTS_PATIENCE_S
    while not listener.counted() and time.monotonic() < deadline:
        _drain(crew, listener)


def _drain(crew: Crew, listener: Listener) -> None:
    """Take note of what there is."""
    for event in crew.events(0.1):
        listener.take(event)
