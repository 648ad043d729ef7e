# SPDX-License-Identifier: Apache-2.0
"""Topics of a recording beside a camera: followed, or copied, as its time goes on.

Needs the ``replay`` extra (rosbags).
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rosbags.rosbag2 import Reader

from seg_node.errors import BagError, ImageError
from seg_node.recordings.files import unpacked
from seg_node.recordings.reader import content
from seg_node.recordings.storage import FOREVER_NS
from seg_node.recordings.writer import quality_of_service

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rosbags.interfaces import Connection

    from seg_node.recordings.reader import Message, Recording
    from seg_node.recordings.writer import BagWriter

__all__ = ['Copier', 'Follower']

ROSBAG1 = '.bag'


class Follower:
    """Messages of some topics, taken up to a time that only grows."""

    def __init__(self, recording: Recording, topics: Collection[str]) -> None:
        """Start at the beginning of a recording."""
        self._messages = recording.messages(topics) if topics else None
        self._ahead: Message | None = None

    def ahead(self) -> Message | None:
        """Return the message that comes next, without taking it; None at the end."""
        if self._ahead is None and self._messages is not None:
            self._ahead = next(self._messages, None)
        return self._ahead

    def until(self, log_ns: int) -> Iterator[Message]:
        """Yield what was recorded up to and including a time [ns], and not yielded before."""
        while (message := self.ahead()) is not None and message.log_ns <= log_ns:
            self._ahead = None
            yield message

    def close(self) -> None:
        """Let go of the recording, in the thread that read it: SQLite serves no other."""
        if self._messages is not None:
            self._messages.close()


class Copier:
    """Copies topics of one recording into another, message by message as they are."""

    def __init__(self, recording: Recording, writer: BagWriter, known: Collection[str]) -> None:
        """Add the topics to the other recording.

        Args:
            recording: Where they come from.
            writer: Where they go.
            known: Topics that the other recording has itself, which are left out.

        Raises:
            BagError: If the recording is of ROS 1, whose messages are written otherwise.
        """
        if any(ROSBAG1 in file.suffixes for file in recording.files):
            msg = (
                f'Recording {str(recording.path)!r} is of ROS 1, so its topics cannot be copied '
                'as they are. Convert it first: rosbags-convert --src IN.bag --dst OUT.'
            )
            raise BagError(msg)
        self._recording, self._writer = recording, writer
        originals = connections(recording)
        self._tracks = {
            topic: self._track(topic, one.kind, originals.get(topic))
            for topic, one in recording.topics.items()
            if topic not in known and (topic in originals or one.kind in writer.types)
        }
        self._follower = Follower(recording, self._tracks)

    def _track(self, topic: str, kind: str, original: Connection | None) -> Connection:
        if original is None:  # of a damaged file
            return self._writer.add(topic, kind, [quality_of_service()])
        return self._writer.add_like(original)

    def until(self, log_ns: int = FOREVER_NS) -> None:
        """Copy what was recorded up to and including a time [ns], and not copied before.

        A message that is damaged is left out and told.
        """
        for message in self._follower.until(log_ns):
            try:
                data: Any = content(message)
            except ImageError as err:
                self._recording.told(f'{str(err).rstrip(".")}. It was not copied.')
                continue
            self._writer.write_raw(self._tracks[message.topic], message.log_ns, data)


def connections(recording: Recording) -> dict[str, Connection]:
    """Return how each topic was recorded, as far as the files are whole."""
    found: dict[str, Connection] = {}
    for path in recording.files:
        with unpacked(path, recording.told) as file:
            try:
                with Reader(file) as reader:
                    found = {one.topic: one for one in reader.connections} | found
            except Exception:  # noqa: BLE001, S112 - damage shows as errors of many kinds
                continue  # the reader of its messages tells
    return found
