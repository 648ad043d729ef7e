# SPDX-License-Identifier: Apache-2.0
"""Messages of one storage file: by rosbags while the file is whole, salvaged where it is not."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import Any, NamedTuple, TYPE_CHECKING

from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2

from seg_node.recordings.files import unpacked, written_as
from seg_node.recordings.salvage_mcap import Message, salvaged_mcap
from seg_node.recordings.salvage_sqlite import left_over, salvaged_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator
    from pathlib import Path

    Reader = Reader1 | Reader2

__all__ = ['FOREVER_NS', 'Message', 'Topic', 'messages_of', 'topics_of']

FOREVER_NS = 2**63 - 1
SALVAGE = {'.mcap': salvaged_mcap, '.db3': salvaged_sqlite}


class Topic(NamedTuple):
    """What a recording says about a topic.

    Attributes:
        kind: Type of its messages.
        messages: How many there are.
        start_ns: When the recording begins [ns], not this topic's first message.
        stop_ns: Just after its last message [ns].
    """

    kind: str
    messages: int
    start_ns: int
    stop_ns: int


def topics_of(path: Path, damage: Callable[[str], None]) -> dict[str, Topic]:
    """Return the topics of a storage file.

    Args:
        path: The file.
        damage: Told what is wrong.

    Raises:
        ValueError: If it is no storage file.
    """
    with unpacked(path, damage) as file:
        try:
            with _reader(file) as reader:
                found: dict[str, Topic] = {}
                for one in reader.connections:
                    before = found[one.topic].messages if one.topic in found else 0
                    found[one.topic] = Topic(
                        one.msgtype, before + one.msgcount, reader.start_time, reader.end_time
                    )
                return found
        except Exception as err:  # damage shows as errors of many kinds
            if written_as(path) not in SALVAGE:
                raise ValueError(_words(err)) from err
            return _counted(file, path.name, damage)


def _counted(file: Path, name: str, damage: Callable[[str], None]) -> dict[str, Topic]:
    """Return the topics of a damaged file, counted message by message."""
    found: dict[str, Topic] = {}
    for topic, kind, log_ns, _ in _salvaged(file, name, damage, 0, FOREVER_NS):
        old = found.get(topic, Topic(kind, 0, log_ns, log_ns + 1))
        start, stop = min(old.start_ns, log_ns), max(old.stop_ns, log_ns + 1)
        found[topic] = Topic(kind, old.messages + 1, start, stop)
    return found


def messages_of(
    path: Path,
    topics: Collection[str],
    damage: Callable[[str], None],
    start_ns: int,
    stop_ns: int,
) -> Generator[Message, None, None]:
    """Yield the messages of some topics in the order in which they were recorded.

    Where the file turns out to be damaged, what is left of it is salvaged.

    Args:
        path: The file.
        topics: Names of the topics.
        damage: Told what is wrong.
        start_ns: Only messages recorded at or after this time [ns].
        stop_ns: Only messages recorded before this time [ns].

    Raises:
        ValueError: If it is no storage file.
    """
    last, left = start_ns, False
    at_last: Counter[str] = Counter()
    with unpacked(path, damage) as file:
        try:
            with _reader(file) as reader:
                wanted = [one for one in reader.connections if one.topic in topics]
                found = reader.messages(wanted, start_ns, stop_ns) if wanted else ()
                for connection, log_ns, data in found:
                    if log_ns != last:
                        last, at_last = log_ns, Counter()
                    at_last[connection.topic] += 1
                    left = True
                    yield Message(connection.topic, connection.msgtype, last, data)
                    left = False
        except Exception as err:  # damage shows as errors of many kinds
            if left:  # nobody wants more; SQLite does not like to be closed by another thread
                return
            if written_as(path) not in SALVAGE:
                raise ValueError(_words(err)) from err
            for one in _salvaged(file, path.name, damage, last, stop_ns):
                if one.log_ns == last and at_last[one.topic]:
                    at_last[one.topic] -= 1
                elif one.topic in topics:
                    yield one


def _salvaged(
    file: Path, name: str, damage: Callable[[str], None], start_ns: int, stop_ns: int
) -> Iterator[Message]:
    def tell(sentence: str) -> None:
        damage(f'{name!r} is damaged. {sentence}')

    return SALVAGE[written_as(file)](file, tell, start_ns, stop_ns)


@contextmanager
def _reader(file: Path) -> Iterator[Any]:
    """Open a whole file with rosbags."""
    if written_as(file) == '.db3' and left_over(file):
        msg = 'its recorder was killed'
        raise ValueError(msg)
    with Reader1(file) if file.suffix == '.bag' else Reader2(file) as reader:
        yield reader


def _words(err: Exception) -> str:
    return str(err) or type(err).__name__
