# SPDX-License-Identifier: Apache-2.0
"""Plays a recording as a camera, with its time on ``/clock``.

``python -m seg_node.ros.drives.bag_player BAG ... --topic /front/image_raw --rate 0.5 --ros-args
-r __ns:=/live`` publishes each recorded image of the topic as ``image`` (or ``image/compressed``)
and the infos of the camera as ``camera_info``, byte for byte as they were recorded, best effort,
in the pace of the recording times the rate. A message that is late is sent at once, never skipped:
what is missing at the other end was lost on the way, not here. ``/clock`` tells the time of the
recording, while paused too; at the begin of a recording and of each repetition it jumps.

Events for a parent process (``parent.py``): ``ready`` (somebody listens), ``sent`` for each image
with ``pass``, ``bag``, ``index``, ``stamp_ns``, ``sent_ns`` and ``late_s``, ``damaged`` for one
that cannot be read, ``done``. It waits for the word ``play``, and then obeys ``pause`` and
``resume``. It goes away when the parent does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from queue import Empty, SimpleQueue
import sys
from threading import Thread
import time
from typing import TYPE_CHECKING

from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile
from rclpy.utilities import remove_ros_args
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from seg_node.errors import BagError, ImageError, SegNodeError
from seg_node.interface.topics import CAMERA_INFO_IN, COMPRESSED_SUFFIX, IMAGE
from seg_node.recordings.files import plain, written_as
from seg_node.recordings.reader import camera_topic, check_topic, COMPRESSED, Recording

from .child import run_child
from .parent import tell
from .player import CAMERA_QOS, LINGER_S, wait_for_listener
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.recordings.reader import Message

__all__ = ['BagPlayer', 'main']

CLOCK_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1)
CLOCK_PERIOD_S = 0.01
JUMP_S = 0.1  # [s] before and after the clock goes to the begin of a recording
SHORTEST_WAIT_S = 1e-4  # a queue takes no time below 0
NANO = 1_000_000_000
GONE = ''


class BagPlayer(Node):
    """A camera that has recorded everything already."""

    def __init__(self, *, compressed: bool) -> None:
        """Advertise the camera and the clock.

        Args:
            compressed: Whether the recorded images are.
        """
        super().__init__('player')
        kind, name = (CompressedImage, IMAGE + COMPRESSED_SUFFIX) if compressed else (Image, IMAGE)
        self._images = self.create_publisher(kind, name, CAMERA_QOS)
        self._infos = self.create_publisher(CameraInfo, CAMERA_INFO_IN, CAMERA_QOS)
        self._clock_out = self.create_publisher(Clock, '/clock', CLOCK_QOS)

    def listeners(self) -> int:
        """Return how many subscribers of the image topic are matched."""
        return int(self._images.get_subscription_count())

    def tell_time(self, log_ns: int) -> None:
        """Publish a time of the recording [ns]."""
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(max(0, log_ns), NANO)
        self._clock_out.publish(message)

    def publish(self, message: Message, *, is_image: bool) -> None:
        """Publish a recorded message as its bytes are."""
        publisher = self._images if is_image else self._infos
        publisher.publish(plain(message.data))


class Words:
    """What the parent says, read in a thread; the parent's end is a word, too."""

    def __init__(self) -> None:
        """Start reading."""
        self._queue: SimpleQueue[str] = SimpleQueue()
        Thread(target=self._listen, name='parent', daemon=True).start()

    def next(self, patience: float | None) -> str | None:
        """Return the next word, or None if there is none within ``patience`` [s]; None is ever."""
        try:
            return self._queue.get(timeout=patience)
        except Empty:
            return None

    def _listen(self) -> None:
        for line in sys.stdin:
            self._queue.put(line.strip())
        self._queue.put(GONE)


class Performance:
    """Plays recordings one after the other."""

    def __init__(self, player: BagPlayer, words: Words, topic: str | None, rate: float) -> None:
        """Prepare.

        Args:
            player: Publishes.
            words: What the parent says.
            topic: Of the camera in all recordings.
            rate: Seconds of the recording in a second.
        """
        self._player = player
        self._words = words
        self._topic = topic
        self._timeline = Timeline(rate)

    def play(self, bag: Path, number: int, repetition: int) -> None:
        """Play one recording from its begin to its end.

        Args:
            bag: The recording.
            number: Its place among those that are played.
            repetition: How often all were played before.
        """
        recording = Recording(bag)
        image = camera_of(recording, self._topic)
        topics = [name for name in (image, info_topic(image)) if name in recording.topics]
        index, begun = 0, False
        for message in recording.messages(topics):
            if not begun:
                self._jump(message.log_ns)
            begun = True
            self._wait_for(message.log_ns)
            if message.topic != image:
                self._player.publish(message, is_image=False)
                continue
            self._send(recording, message, {'pass': repetition, 'bag': number, 'index': index})
            index += 1

    def _jump(self, log_ns: int) -> None:
        """Begin at another time; no image may overtake the clock, which is another topic."""
        time.sleep(JUMP_S)
        self._player.tell_time(log_ns)
        time.sleep(JUMP_S)
        self._timeline.jump(log_ns)

    def _send(self, recording: Recording, message: Message, who: dict[str, int]) -> None:
        """Publish an image, unless its bytes make none, and tell the parent."""
        try:
            stamp = recording.deserialize(message).header.stamp
        except ImageError as err:
            tell('damaged', **who, why=str(err))
            return
        stamp_ns = stamp.sec * NANO + stamp.nanosec
        late = -self._timeline.until(message.log_ns)
        sent = time.time_ns()
        self._player.publish(message, is_image=True)
        tell('sent', **who, stamp_ns=stamp_ns, log_ns=message.log_ns, sent_ns=sent, late_s=late)

    def _wait_for(self, log_ns: int) -> None:
        """Tell the time until a message is due."""
        while self._timeline.paused or self._timeline.until(log_ns) > 0.0:
            left = self._timeline.until(log_ns)
            pause = CLOCK_PERIOD_S if self._timeline.paused else min(left, CLOCK_PERIOD_S)
            self._obey(self._words.next(max(pause, SHORTEST_WAIT_S)))
            self._player.tell_time(min(self._timeline.log_ns, log_ns))
        self._player.tell_time(log_ns)

    def _obey(self, word: str | None) -> None:
        if word == 'pause':
            self._timeline.pause()
        elif word == 'resume':
            self._timeline.resume()
        elif word == GONE:
            raise ExternalShutdownException


def camera_of(recording: Recording, topic: str | None) -> str:
    """Return the topic of the camera.

    Raises:
        BagError: If the recording lacks it, or none is named and it has not exactly one camera.
    """
    if topic is None:
        return camera_topic(recording)
    check_topic(recording, topic)
    return topic


def info_topic(image: str) -> str:
    """Return the topic of a camera's infos, beside its images."""
    return f'{image.removesuffix(COMPRESSED_SUFFIX).rpartition("/")[0]}/{CAMERA_INFO_IN}'


def is_compressed(bags: Sequence[Path], topic: str | None) -> bool:
    """Return whether the images of all recordings are compressed.

    Raises:
        BagError: If they are in one and not in another, or a recording is of ROS 1.
    """
    found = set()
    for bag in bags:
        recording = Recording(bag)
        kind = recording.topics[camera_of(recording, topic)].kind
        if any(written_as(file) == '.bag' for file in recording.files):
            msg = (
                f'Recording {str(bag)!r} is of ROS 1, whose messages no ROS 2 node reads; convert '
                'it with "rosbags-convert".'
            )
            raise BagError(msg)
        found.add(kind == COMPRESSED)
    if len(found) > 1:
        msg = 'Some recordings have raw images and some compressed ones; play them one by one.'
        raise BagError(msg)
    return found.pop()


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, less the part that belongs to ROS."""
    parser = argparse.ArgumentParser(prog='bag_player', description='Play recordings as a camera.')
    parser.add_argument('bags', type=Path, nargs='+', help='recordings, one after the other')
    parser.add_argument('--topic', help='image topic (the only camera)')
    parser.add_argument('--rate', type=float, default=1.0, help='seconds of it in a second')
    parser.add_argument('--loops', type=int, default=1, help='how often all are played')
    parser.add_argument('--timeout', type=float, default=30.0, help='wait for a listener [s]')
    return parser.parse_args(remove_ros_args(['bag_player', *argv])[1:])


def play(player: BagPlayer, args: argparse.Namespace) -> None:
    """Play everything, once the parent says so."""
    words = Words()
    tell('ready')
    if words.next(None) != 'play':
        raise ExternalShutdownException
    performance = Performance(player, words, args.topic, args.rate)
    for repetition in range(args.loops):
        for number, bag in enumerate(args.bags):
            performance.play(bag, number, repetition)
    tell('done')
    time.sleep(LINGER_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Play the recordings and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = arguments(argv)
    try:
        return run_child(lambda: play_to_listener(args), argv)
    except SegNodeError as err:
        sys.exit(f'bag_player: {err}')


def play_to_listener(args: argparse.Namespace) -> int:
    """Play once somebody listens, and return the exit status."""
    player = BagPlayer(compressed=is_compressed(args.bags, args.topic))
    wait_for_listener(player, args.timeout)
    play(player, args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
