# SPDX-License-Identifier: Apache-2.0
"""Stores what the node publishes, by stamp.

``python -m seg_node.ros.drives.recorder --out FOLDER --node /front/seg_node`` subscribes to the
outputs in the node's namespace and to ``/diagnostics``, and writes

* ``<topic>/<stamp in ns>.npy``, (H, W) uint8, for each mono8 picture, and
* ``records.jsonl``, one line per message: ``topic``, ``stamp_ns``, ``received_ns`` and, for a
  picture, ``file`` and ``frame_id``; for diagnostics, ``entries`` (level, name, message, values).

With ``--digests`` it stores no picture, but its checksum as ``digest``: hours of a drive fit on a
disk then. ``--pictures mask`` records one of them alone, so that the node computes no other.

Events for a parent process (``parent.py``): ``ready`` once the node is active and all its
publishers are matched, ``record`` per message (``topic``, ``stamp_ns`` and ``entries``),
``stopped``. It stops at a word, or when the parent is gone, after it has written all that it
received.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from queue import SimpleQueue
import sys
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from seg_node.imaging.digest import pixel_digest

from .child import run_child
from .parent import parent_word, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from builtin_interfaces.msg import Time
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Record = dict[str, object]

__all__ = ['PICTURES', 'Recorder', 'main']

PICTURES = ('mask', 'confidence', 'entropy', 'drivable_area')
# Deep enough for the writer to fall behind for a while without losing a reliable sample.
RECORD_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=20, reliability=ReliabilityPolicy.RELIABLE
)
POLL_S = 0.1


def nanoseconds(stamp: Time) -> int:
    """Return a message's stamp as one number [ns]."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def plane(message: Image) -> UInt8Array:
    """Return the (H, W) uint8 pixels of a mono8 message, without the padding of its rows.

    Raises:
        ValueError: If the encoding is another one.
    """
    if message.encoding != 'mono8':
        msg = f'Encoding {message.encoding!r}; the recorder stores mono8.'
        raise ValueError(msg)
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return rows[:, : message.width]


class Writer:
    """A thread that writes to the disk, so that receiving never waits for it."""

    def __init__(
        self, folder: Path, pictures: Sequence[str] = PICTURES, *, digests: bool = False
    ) -> None:
        """Start writing into ``folder``, which is created.

        Args:
            folder: Where to.
            pictures: Names of the topics that are stored.
            digests: Whether checksums of pictures are stored instead of pictures.
        """
        self._folder = folder
        self._digests = digests
        self._jobs: SimpleQueue[tuple[Record, UInt8Array | None] | None] = SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)
        for name in () if digests else pictures:
            (folder / name).mkdir(exist_ok=True)
        self._thread = Thread(target=self._work, name='writer')
        self._thread.start()

    def put(self, record: Record, picture: UInt8Array | None = None) -> None:
        """Hand over one record, and its (H, W) uint8 picture when it has one."""
        self._jobs.put((record, picture))

    def close(self) -> None:
        """Write what is left, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        with (self._folder / 'records.jsonl').open('w', encoding='utf-8') as lines:
            while (job := self._jobs.get()) is not None:
                record, picture = job
                if picture is not None:
                    self._store(record, picture)
                lines.write(json.dumps(record) + '\n')

    def _store(self, record: Record, picture: UInt8Array) -> None:
        if self._digests:
            record['digest'] = pixel_digest(picture)
        else:
            record['file'] = f'{record["topic"]}/{record["stamp_ns"]}.npy'
            np.save(self._folder / str(record['file']), picture)


class Recorder(Node):
    """Subscribes to a seg_node's outputs and hands each message to the writer."""

    def __init__(self, writer: Writer, target: str, pictures: Sequence[str] = PICTURES) -> None:
        """Subscribe.

        Args:
            writer: Where records go.
            target: Full name of the node to record, for example ``/front/seg_node``.
            pictures: Names of the picture topics to record.
        """
        super().__init__('recorder')
        self._writer = writer
        self._target = target
        base = f'{target.rpartition("/")[0]}/segmentation'
        self._topics = [f'{base}/{name}' for name in (*pictures, 'status')]
        for name in pictures:
            on_image = self._image_callback(name)
            self.create_subscription(Image, f'{base}/{name}', on_image, RECORD_QOS)
        for name, topic in (('status', f'{base}/status'), ('diagnostics', '/diagnostics')):
            on_array = self._array_callback(name)
            self.create_subscription(DiagnosticArray, topic, on_array, RECORD_QOS)
        self._state: Any = self.create_client(GetState, f'{target}/get_state')

    def wait_until_ready(self, give_up: Callable[[], bool]) -> bool:
        """Spin until the node is active and publishes all topics; False if told to give up."""
        while not (self._is_active() and all(self.count_publishers(t) for t in self._topics)):
            if give_up():
                return False
            rclpy.spin_once(self, timeout_sec=POLL_S)
        return True

    def _is_active(self) -> bool:
        if not self._state.service_is_ready():
            return False
        answer = self._state.call_async(GetState.Request())
        rclpy.spin_until_future_complete(self, answer, timeout_sec=1.0)
        result = answer.result()
        return result is not None and result.current_state.id == State.PRIMARY_STATE_ACTIVE

    def _image_callback(self, name: str) -> Callable[[Image], None]:
        def store(message: Image) -> None:
            received = time.time_ns()  # before any work of ours: this ends the measured latency
            stamp = nanoseconds(message.header.stamp)
            record: Record = {'topic': name, 'stamp_ns': stamp, 'received_ns': received}
            record['frame_id'] = message.header.frame_id
            self._writer.put(record, plane(message))
            tell('record', topic=name, stamp_ns=stamp)

        return store

    def _array_callback(self, name: str) -> Callable[[DiagnosticArray], None]:
        def store(message: DiagnosticArray) -> None:
            received = time.time_ns()
            entries = [
                {
                    'level': status.level[0],
                    'name': status.name,
                    'message': status.message,
                    'values': {pair.key: pair.value for pair in status.values},
                }
                for status in message.status
            ]
            stamp = nanoseconds(message.header.stamp)
            record: Record = {'topic': name, 'stamp_ns': stamp, 'received_ns': received}
            self._writer.put(record | {'entries': entries})
            tell('record', topic=name, stamp_ns=stamp, entries=entries)

        return store


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, less the part that belongs to ROS."""
    parser = argparse.ArgumentParser(prog='recorder', description='Store what seg_node publishes.')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument('--node', default='/seg_node', help='full name of the node to record')
    parser.add_argument(
        '--pictures',
        nargs='+',
        choices=PICTURES,
        default=PICTURES,
        help='topics to record (all)',
    )
    parser.add_argument('--digests', action='store_true', help='store checksums, no pictures')
    return parser.parse_args(remove_ros_args(['recorder', *argv])[1:])


def record(writer: Writer, target: str, pictures: Sequence[str] = PICTURES) -> None:
    """Record until the parent process says a word or is gone."""
    stop = parent_word()
    recorder = Recorder(writer, target, pictures)
    if recorder.wait_until_ready(stop.is_set):
        tell('ready')
    while not stop.is_set():
        rclpy.spin_once(recorder, timeout_sec=POLL_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Record and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = arguments(argv)
    status = run_child(lambda: record_to(args), argv)
    if status == 0:
        tell('stopped')
    return status


def record_to(args: argparse.Namespace) -> int:
    """Record into the folder that is asked for, and return the exit status."""
    writer = Writer(args.out, args.pictures, digests=args.digests)
    try:
        record(writer, args.node, args.pictures)
    finally:
        writer.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
