# SPDX-License-Identifier: Apache-2.0
"""Messages of a sqlite3 storage that is damaged, or that a recorder was killed over.

What the recorder had not yet moved into the database lies beside it (``-wal`` or ``-journal``).
SQLite puts the two together where it may write, so it gets a copy: recordings are never changed.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
import shutil
import sqlite3
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seg_node.recordings.salvage_mcap import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ['left_over', 'salvaged_sqlite']

JOURNALS = ('-wal', '-journal')
MOST_SKIPPED = 10_000  # rows in a row that cannot be read


def left_over(path: Path) -> list[Path]:
    """Return what a recorder left beside the database, without which it is not whole."""
    beside = (path.with_name(path.name + suffix) for suffix in JOURNALS)
    return [one for one in beside if one.is_file() and one.stat().st_size]


def salvaged_sqlite(
    path: Path, damage: Callable[[str], None], start_ns: int, stop_ns: int
) -> Iterator[Message]:
    """Yield the messages of a database as far as they can be read, in the order of writing.

    Args:
        path: The file.
        damage: Told what is wrong.
        start_ns: Only messages recorded at or after this time [ns].
        stop_ns: Only messages recorded before this time [ns].

    Raises:
        ValueError: If it is no database of a recording.
    """
    with (
        _whole(path, damage) as file,
        closing(sqlite3.connect(f'file:{file}?mode=ro', uri=True)) as base,
    ):
        try:
            base.execute('PRAGMA writable_schema=ON')  # else a file that lost its end is refused
            topics = {row[0]: row[1:] for row in base.execute('SELECT id, name, type FROM topics')}
        except sqlite3.Error as err:
            msg = f'its table of topics cannot be read: {err}'
            raise ValueError(msg) from err
        for topic, log_ns, data in _rows(base, damage):
            if start_ns <= log_ns < stop_ns and topic in topics:
                name, kind = topics[topic]
                yield Message(name, kind, log_ns, data)


@contextmanager
def _whole(path: Path, damage: Callable[[str], None]) -> Iterator[Path]:
    """Yield the database, or a copy of it with what was left over moved in."""
    journals = left_over(path)
    if not journals:
        yield path
        return
    damage('Its recorder was killed; what it had left beside the database was put in its place.')
    with TemporaryDirectory(prefix='seg-replay-') as scratch:
        copies = [Path(shutil.copy(one, scratch)) for one in (path, *journals)]
        with closing(sqlite3.connect(copies[0])) as base:
            base.execute('SELECT count(*) FROM sqlite_master').fetchone()
        yield copies[0]


def _rows(
    base: sqlite3.Connection, damage: Callable[[str], None]
) -> Iterator[tuple[int, int, bytes]]:
    """Yield topic, time and content row by row, and go on behind rows that cannot be read."""
    query = 'SELECT id, topic_id, timestamp, data FROM messages WHERE id > ? ORDER BY id LIMIT 1'
    last = skipped = lost = 0
    while skipped <= MOST_SKIPPED:
        try:
            row = base.execute(query, (last,)).fetchone()
        except (sqlite3.Error, OverflowError):
            last, skipped, lost = last + 1, skipped + 1, lost + 1
            continue
        if row is None:
            lost -= skipped  # nothing was behind them
            break
        last, skipped = row[0], 0
        yield row[1:]
    if lost > 0 or skipped:
        damage(f'{max(lost, 1)} rows of its table of messages cannot be read.')
