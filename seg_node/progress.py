# SPDX-License-Identifier: Apache-2.0
"""Progress of long loops, for people, on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

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
    interval = TERMINAL_INTERVAL_S if sys.stderr.isatty() else LOG_INTERVAL_S
    yield from tqdm(
        items, desc=what, total=total, unit=unit, file=sys.stderr, mininterval=interval
    )
