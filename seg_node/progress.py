# SPDX-License-Identifier: Apache-2.0
"""Progress of long loops, for people, on stderr."""

from __future__ import annotations

import sys
from typing import TextIO, TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ['Bar', 'progress']

Item = TypeVar('Item')

# A log file gets a line every so often instead of a bar that rewrites itself.
LOG_INTERVAL_S = 10.0
LONG_LOG_INTERVAL_S = 30.0  # for what takes hours
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


class Bar:
    """A bar that its owner moves: for work of hours that is no simple loop.

    The time left follows from the mean pace, pauses included.
    """

    def __init__(self, *, what: str, total: int, unit: str, done: int = 0) -> None:
        """Show a bar on stderr; a line every half a minute where that is no terminal.

        Args:
            what: Noun phrase in front of the bar.
            total: Items in all [count].
            unit: Word for one item.
            done: Items that were done earlier; they do not count for the pace.
        """
        terminal = sys.stderr.isatty()
        self._stream = sys.stderr if terminal else Lines(sys.stderr)
        interval = TERMINAL_INTERVAL_S if terminal else LONG_LOG_INTERVAL_S
        self._bar = tqdm(
            desc=what,
            total=total,
            initial=done,
            unit=unit,
            file=self._stream,
            mininterval=interval,
            miniters=1,
            smoothing=0,
            bar_format='{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} {unit}s '
            '[{elapsed}<{remaining}{postfix}]',
        )

    def move(self, items: int) -> None:
        """Count items as done."""
        self._bar.update(items)

    def note(self, text: str) -> None:
        """Say something behind the bar from its next change on."""
        self._bar.set_postfix_str(text, refresh=False)

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        tqdm.write(line, file=self._stream)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


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
