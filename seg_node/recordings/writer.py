# SPDX-License-Identifier: Apache-2.0
"""Recordings that ``ros2 bag play`` reads: rosbag2 as mcap or sqlite3, with message definitions.

Needs the ``replay`` extra (rosbags).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
import shutil
import sqlite3
from typing import Any, cast, TYPE_CHECKING

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
import yaml

from seg_node.errors import BagError, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from rosbags.interfaces import Connection
    from rosbags.typesys.store import Typestore
    from typing_extensions import Self

__all__ = ['DISTROS', 'STORAGES', 'BagFormat', 'BagWriter', 'quality_of_service']

DISTROS = {'humble': 5, 'jazzy': 9, 'kilted': 9, 'lyrical': 9}
"""Releases of ROS 2, and the version of metadata.yaml that each of them writes."""
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
STRUCTURED_QOS = 9
"""From this version on, qualities of service are lists of words and no longer text of numbers."""
METADATA = 'metadata.yaml'
ROOT = 'rosbag2_bagfile_information'
# Fields of version 5. Humble passes over others, but its metadata then claim what they are not.
FIELDS_5 = (
    'version',
    'storage_identifier',
    'duration',
    'starting_time',
    'message_count',
    'topics_with_message_count',
    'compression_format',
    'compression_mode',
    'relative_file_paths',
    'files',
)
TOPIC_FIELDS_5 = ('name', 'type', 'serialization_format', 'offered_qos_profiles')
FOREVER = QosTime(9223372036, 854775807)  # RMW_DURATION_INFINITE

# Types that no release of ROS 2 itself brings: vision_msgs 4.1.
EXTRA_TYPES = {
    'vision_msgs/msg/VisionClass': 'uint16 class_id\nstring class_name\n',
    'vision_msgs/msg/LabelInfo': (
        'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n'
    ),
}


@dataclass(frozen=True, slots=True)
class BagFormat:
    """How a recording is stored.

    Attributes:
        storage: ``'mcap'`` or ``'sqlite3'``. Humble reads mcap with the package
            ros-humble-rosbag2-storage-mcap.
        distro: Oldest release of ROS 2 that has to read it, one of ``DISTROS``.
        zstd: Whether messages are compressed without loss.

    Raises:
        BagError: If a name is not known.
    """

    storage: str = 'mcap'
    distro: str = 'jazzy'
    zstd: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown names."""
        for what, name, known in (
            ('storage', self.storage, STORAGES),
            ('release of ROS 2', self.distro, DISTROS),
        ):
            if name not in known:
                raise BagError(one_of(what, name, known))


class BagWriter:
    """Writes one recording; as a context manager it is closed, or taken away after an error.

    Attributes:
        types: Classes of messages by their full names.
    """

    def __init__(self, folder: Path, layout: BagFormat) -> None:
        """Create the folder, with what is above it.

        Raises:
            BagError: If the folder exists, or cannot be made.
        """
        if folder.exists():
            msg = (
                f'There is {str(folder)!r} already, and recordings are never overwritten. Give '
                'another name, or remove it first.'
            )
            raise BagError(msg)
        self._folder = folder
        self._layout = layout
        self._store = typestore(layout.distro)
        self.types = self._store.types
        self._writer = _AnyThreadWriter(
            folder,
            version=8 if DISTROS[layout.distro] < STRUCTURED_QOS else 9,
            storage_plugin=STORAGES[layout.storage],
        )
        if layout.zstd:
            # mcap compresses in blocks, which every mcap tool reads; sqlite3 cannot.
            mode = CompressionMode.STORAGE if layout.storage == 'mcap' else CompressionMode.MESSAGE
            self._writer.set_compression(mode, CompressionFormat.ZSTD)
        with self._explained():
            self._writer.open()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the recording; after an error nothing is left of it."""
        if kind is None:
            self.close()
        else:
            self.discard()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as err:
            msg = f'{str(self._folder)!r} cannot be written: {err}. Free space or give another.'
            raise BagError(msg) from err

    def add(self, topic: str, kind: str, profiles: Iterable[Qos]) -> Connection:
        """Add a topic.

        Args:
            topic: Absolute name.
            kind: Full name of the message type, for example ``'sensor_msgs/msg/Image'``.
            profiles: Quality of service of each publisher.
        """
        return self._writer.add_connection(
            topic, kind, typestore=self._store, offered_qos_profiles=list(profiles)
        )

    def add_like(self, other: Connection) -> Connection:
        """Add a topic of another rosbag2 with its definition and quality of service."""
        extension: Any = other.ext
        known = other.msgdef.data and other.digest
        return self._writer.add_connection(
            other.topic,
            other.msgtype,
            typestore=None if known else self._store,
            msgdef=other.msgdef.data if known else None,
            rihs01=other.digest if known else None,
            serialization_format=extension.serialization_format,
            offered_qos_profiles=extension.offered_qos_profiles,
        )

    def write(self, connection: Connection, time_ns: int, message: Any) -> None:
        """Write a message.

        Args:
            connection: As from ``add``.
            time_ns: When it was recorded [ns].
            message: Of a class in ``types``, or anything with the same fields.
        """
        data = self._store.serialize_cdr(message, connection.msgtype)
        self.write_raw(connection, time_ns, data)

    def write_raw(self, connection: Connection, time_ns: int, data: bytes | memoryview) -> None:
        """Write a message that is serialised already.

        Raises:
            BagError: If the disk is full.
        """
        with self._explained():
            self._writer.write(connection, time_ns, data)

    def close(self) -> None:
        """Finish the recording.

        Raises:
            BagError: If the disk is full.
        """
        with self._explained():
            self._writer.close()
            if DISTROS[self._layout.distro] < STRUCTURED_QOS:
                write_older_metadata(self._folder / METADATA, DISTROS[self._layout.distro])

    def discard(self) -> None:
        """Close and remove what was written."""
        self._writer.abort()
        shutil.rmtree(self._folder, ignore_errors=True)


class _AnyThreadSqlite(Sqlite3Writer):
    """A data base that another thread may write to than the one that opened it, but one only."""

    def __init__(self, path: Path, compression: CompressionMode) -> None:
        """Create it, and open it once more without the check."""
        super().__init__(path, compression)
        self.conn.close()
        self.conn = sqlite3.connect(self.path, check_same_thread=False)
        self.cursor = self.conn.cursor()


PLUGINS = {**Writer.STORAGE_PLUGINS, StoragePlugin.SQLITE3: _AnyThreadSqlite}


class _AnyThreadWriter(Writer):
    STORAGE_PLUGINS = PLUGINS


def quality_of_service(*, depth: int = 1, reliable: bool = True, latched: bool = False) -> Qos:
    """Return what a publisher offered, as a recording holds it.

    Args:
        depth: Samples that it keeps [count].
        reliable: Whether lost samples are sent again.
        latched: Whether a late subscriber gets the last sample too (transient local).
    """
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        FOREVER,
        FOREVER,
        QosLiveliness.AUTOMATIC,
        FOREVER,
        avoid_ros_namespace_conventions=False,
    )


def typestore(distro: str) -> Typestore:
    """Return the message types of a release, and those of vision_msgs."""
    store = get_typestore(Stores[f'ROS2_{distro.upper()}'])
    for name, text in EXTRA_TYPES.items():
        store.register(get_types_from_msg(text, name))
    return store


def write_older_metadata(file: Path, version: int) -> None:
    """Reduce metadata.yaml to what version 5 has, with numbers for qualities of service."""
    whole = cast('dict[str, Any]', yaml.safe_load(file.read_text(encoding='utf-8')))[ROOT]
    plain = {name: whole[name] for name in FIELDS_5} | {'version': version}
    for one in plain['topics_with_message_count']:
        about = one['topic_metadata']
        one['topic_metadata'] = {name: about[name] for name in TOPIC_FIELDS_5}
    text = yaml.safe_dump({ROOT: plain}, sort_keys=False)
    part = file.with_suffix('.part')
    part.write_text(text, encoding='utf-8')
    part.replace(file)
