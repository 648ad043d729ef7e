# SPDX-License-Identifier: Apache-2.0
"""Progress of long loops, for people, on stderr."""

from __future__ import annotations

import sys
from typing import TextIO, TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ['progress']

Item = TypeVar('Item')

# A log file gets a line every so often instead of a bar that rewrites itself.
LOG_INTERVAL_S = 10.0
TERMINAL_INTERVAL_S = 0.1


def progress(
    items: Iterable[Item], *, what: str, total: int | None = None, unit: str = 'it'
) -> Iterator[Item]:
    """Yield the items and show how far the loop is, with the time it still takes.

    On a terminal the bar rewrites itself; elsewhere (a log, CI) a line appears every ten seconds.
    Nothing is printed on stdout, which belongs to results.

    Args:
        items: What to loop over.
        what: Noun phrase in front of the bar, for example ``'rendering frames'``.
        total: Number of items [count]; taken from ``len(items)`` where that exists.
        unit: Word for one item in the rate, for example ``'frame'``.

    Yields:
        Each item, unchanged.
    """
    terminal = sys.stderr.isatty()
    yield from tqdm(
        items,
        desc=what,
        total=total,
        unit=unit,
        file=sys.stderr if terminal else Lines(sys.stderr),
        mininterval=TERMINAL_INTERVAL_S if terminal else LOG_INTERVAL_S,
        maxinterval=LOG_INTERVAL_S,
    )


class Lines:
    """A stream on which each state of a bar becomes a line, instead of rewriting the last one."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream

    def write(self, text: str) -> None:
        """Write the state of the bar, if there is one, without what moves a cursor."""
        state = text.strip()
        if state:
            self._stream.write(f'{state}\n')

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()
