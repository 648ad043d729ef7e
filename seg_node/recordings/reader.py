# SPDX-License-Identifier: Apache-2.0
"""Camera frames of a recording (rosbag2 as mcap or sqlite3, rosbag1), one at a time, without ROS.

A damaged recording is read as far as it goes, and ``Recording.damage`` tells what is wrong.
Needs the ``replay`` extra (rosbags).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, TYPE_CHECKING

from rosbags.typesys import get_typestore, Stores

from seg_node.errors import BagError, ImageError
from seg_node.imaging import decode_compressed, rgb_pixels
from seg_node.recordings.files import bag_files, plain, written_as
from seg_node.recordings.storage import FOREVER_NS, Message, messages_of, Topic, topics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'COMPRESSED',
    'RAW',
    'Message',
    'Recording',
    'Topic',
    'camera_topic',
    'camera_topics',
    'content',
    'decode',
    'frames',
    'image_topics',
    'stamp_of',
]

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
DECODERS: dict[str, Callable[[Any], UInt8Array]] = {RAW: rgb_pixels, COMPRESSED: decode_compressed}
# Images that no camera took: our own outputs, and depth in an image's clothes.
OUTPUT_PART = '/segmentation/'
DEPTH_SUFFIX = '/compressedDepth'
COMPRESSED_SUFFIX = '/compressed'
MOST_TOLD = 100
MORE_DAMAGE = 'There is more damage, which is not listed.'
REMEDY = (
    'Expected a rosbag2 folder with metadata.yaml, or an .mcap, .db3 or .bag file. If it is one, '
    'it is damaged: copy it again, or repair it with "ros2 bag reindex" or "mcap recover".'
)


class Recording:
    """A recording that is open for reading; nothing of it is kept in memory.

    Attributes:
        path: A folder with metadata.yaml, or a single file.
        damage: What is wrong with it, one sentence each; grows while it is read.
        topics: All topics, by name.
    """

    def __init__(self, path: Path, damage: list[str] | None = None) -> None:
        """Find out what the recording holds.

        Args:
            path: A folder with metadata.yaml, or a single file.
            damage: Where it is told what is wrong, to share it with others that read the same.

        Raises:
            BagError: If it is none, or nothing of it can be read.
        """
        self.path = path
        self.damage: list[str] = [] if damage is None else damage
        try:
            self._files = bag_files(path)
        except OSError as err:
            raise BagError(self._unreadable(err)) from err
        for sentence in self._files.damage:
            self.told(sentence)
        self.topics = self._topics()
        # Messages of releases before Iron come without definitions; those we read never changed.
        self._ros2 = get_typestore(Stores.ROS2_HUMBLE)
        self._ros1 = get_typestore(Stores.ROS1_NOETIC)
        self._is_ros1 = written_as(self._files.files[0]) == '.bag'

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it is made of, in order."""
        return self._files.files

    @property
    def span(self) -> tuple[int, int]:
        """When it begins and when it has ended [ns]; (0, 0) if it is empty."""
        full = [one for one in self.topics.values() if one.messages]
        if not full:
            return 0, 0
        return min(one.start_ns for one in full), max(one.stop_ns for one in full)

    def told(self, sentence: str) -> None:
        """Note what is wrong, once; of ``MOST_TOLD`` sentences the last says that there are more.

        Every message of a long recording may be damaged: the list, and the search in it, stay
        short.
        """
        if sentence not in self.damage and len(self.damage) < MOST_TOLD:
            is_last = len(self.damage) == MOST_TOLD - 1
            self.damage.append(MORE_DAMAGE if is_last else sentence)

    def messages(
        self, topics: Collection[str], start_ns: int = 0, stop_ns: int = FOREVER_NS
    ) -> Generator[Message, None, None]:
        """Yield the messages of some topics, file by file, in the order of the recording.

        Args:
            topics: Names of the topics.
            start_ns: Only messages recorded at or after this time [ns].
            stop_ns: Only messages recorded before this time [ns].

        Raises:
            BagError: If nothing of the recording can be read.
        """
        for file in self._files.files:
            with self._losing(file):
                yield from messages_of(file, topics, self.told, start_ns, stop_ns)

    def deserialize(self, message: Message) -> Any:
        """Return a message with its fields.

        Raises:
            ImageError: If its bytes do not make such a message.
        """
        data = content(message)
        with _complaining(message):
            if self._is_ros1:
                return self._ros1.deserialize_ros1(data, message.kind)
            return self._ros2.deserialize_cdr(data, message.kind)

    def _topics(self) -> dict[str, Topic]:
        """Return the topics of all files, from the metadata where it is whole."""
        told = _topics_told(self._files.metadata)
        if told is not None and not self._files.damage:
            return told
        found: dict[str, Topic] = {}
        for file in self._files.files:
            with self._losing(file):
                for name, one in topics_of(file, self.told).items():
                    found[name] = _joined(found.get(name), one)
        return found

    @contextmanager
    def _losing(self, file: Path) -> Iterator[None]:
        """Go on without a file that cannot be read, unless it is the only one."""
        try:
            yield
        except (ValueError, OSError) as err:
            if len(self._files.files) == 1:
                raise BagError(self._unreadable(err)) from err
            self.told(f'{file.name!r} cannot be read and was left out: {err}.')

    def _unreadable(self, err: Exception) -> str:
        if not self.path.exists():
            return f'There is no recording {str(self.path)!r}. Is its path misspelt?'
        reason = getattr(err, 'strerror', None) or str(err) or type(err).__name__
        return f'Recording {str(self.path)!r} cannot be read: {reason.rstrip(".")}. {REMEDY}'


def content(message: Message) -> bytes:
    """Return the bytes of a message, unpacked if it was compressed by itself.

    Raises:
        ImageError: If they cannot be unpacked.
    """
    with _complaining(message):
        return plain(message.data)


@contextmanager
def _complaining(message: Message) -> Iterator[None]:
    """Say which message is damaged."""
    try:
        yield
    except Exception as err:  # damage shows as errors of many kinds
        msg = (
            f'Message of {message.topic!r}, recorded at {message.log_ns} ns, is damaged: '
            f'{str(err) or type(err).__name__}'
        )
        raise ImageError(msg) from err


def _topics_told(metadata: Mapping[str, Any]) -> dict[str, Topic] | None:
    """Return the topics that metadata.yaml tells, None if it does not."""
    try:
        start = int(metadata['starting_time']['nanoseconds_since_epoch'])
        stop = start + int(metadata['duration']['nanoseconds']) + 1
        found: dict[str, Topic] = {}
        for one in metadata['topics_with_message_count']:
            told = one['topic_metadata']
            new = Topic(str(told['type']), int(one['message_count']), start, stop)
            found[str(told['name'])] = _joined(found.get(str(told['name'])), new)
    except (KeyError, TypeError, ValueError):
        return None
    return found


def _joined(old: Topic | None, new: Topic) -> Topic:
    """Return a topic of several files."""
    if old is None:
        return new
    start, stop = min(old.start_ns, new.start_ns), max(old.stop_ns, new.stop_ns)
    return Topic(new.kind, old.messages + new.messages, start, stop)


def image_topics(bag: Path | Recording) -> dict[str, str]:
    """Return the topics that carry pictures, name to message type, in sorted order.

    Args:
        bag: A recording, open or by its path.

    Raises:
        BagError: If the recording cannot be read.
    """
    topics = _opened(bag).topics
    found = (name for name, one in topics.items() if one.kind in DECODERS and one.messages)
    return {name: topics[name].kind for name in sorted(found)}


def camera_topics(bag: Path | Recording) -> list[str]:
    """Return the topics of the cameras of a recording, in sorted order.

    A camera's compressed topic beside its raw one does not count as a second camera; neither do
    the outputs of a segmentation node.

    Args:
        bag: A recording, open or by its path.

    Raises:
        BagError: If the recording cannot be read.
    """
    topics = image_topics(bag)
    return [
        topic
        for topic in topics
        if OUTPUT_PART not in topic
        and not topic.endswith(DEPTH_SUFFIX)
        and topic.removesuffix(COMPRESSED_SUFFIX) not in topics.keys() - {topic}
    ]


def camera_topic(bag: Path | Recording) -> str:
    """Return the topic of the only camera in a recording.

    Args:
        bag: A recording, open or by its path.

    Raises:
        BagError: If the recording cannot be read, or has no camera or several.
    """
    recording = _opened(bag)
    cameras = camera_topics(recording)
    if len(cameras) == 1:
        return cameras[0]
    listed = ', '.join(cameras or image_topics(recording)) or 'none'
    msg = (
        f'Recording {str(recording.path)!r} has {len(cameras)} camera topics, expected exactly '
        f'one. Name the topic; those with images are: {listed}.'
    )
    raise BagError(msg)


def frames(bag: Path, topic: str | None = None) -> Iterator[tuple[int, UInt8Array]]:
    """Yield the frames of one camera, in the order of the recording.

    Args:
        bag: Folder with metadata.yaml, or a single .mcap, .db3 or .bag file.
        topic: Raw or compressed image topic; by default that of the only camera.

    Yields:
        Stamp [ns] from the header (time of the recording where the header has none), and the
        (H, W, 3) uint8 RGB image. One frame is in memory at a time.

    Raises:
        BagError: If the recording cannot be read, or lacks the topic; if it is damaged, after the
            frames that can be read.
        ImageError: If a frame cannot be decoded; says which.
    """
    recording = Recording(bag)
    topic = camera_topic(recording) if topic is None else topic
    check_topic(recording, topic)
    for found in recording.messages([topic]):
        message = recording.deserialize(found)
        yield stamp_of(message, found.log_ns), decode(found, message)
    if recording.damage:
        msg = f'Recording {str(bag)!r} is damaged: {" ".join(recording.damage)} {REMEDY}'
        raise BagError(msg)


def check_topic(recording: Recording, topic: str) -> None:
    """Refuse a topic that carries no images.

    Raises:
        BagError: If the recording lacks it.
    """
    known = image_topics(recording)
    if topic not in known:
        msg = (
            f'Recording {str(recording.path)!r} has no image topic {topic!r}; those with images '
            f'are: {", ".join(known) or "none"}.'
        )
        raise BagError(msg)


def stamp_of(message: Any, log_ns: int) -> int:
    """Return the stamp of a message's header [ns], or when it was recorded if it has none."""
    stamp = message.header.stamp
    return int(stamp.sec * 1_000_000_000 + stamp.nanosec or log_ns)


def decode(found: Message, message: Any) -> UInt8Array:
    """Return the picture of an image message.

    Args:
        found: As it was recorded.
        message: The same with its fields.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If it cannot be decoded; says which one it is.
    """
    try:
        return DECODERS[found.kind](message)
    except ImageError as err:
        stamp_ns = stamp_of(message, found.log_ns)
        msg = f'Frame of {found.topic!r} with stamp {stamp_ns} ns: {err}'
        raise ImageError(msg) from err


def _opened(bag: Path | Recording) -> Recording:
    return bag if isinstance(bag, Recording) else Recording(bag)
