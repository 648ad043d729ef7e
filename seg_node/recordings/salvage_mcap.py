# SPDX-License-Identifier: Apache-2.0
"""Messages of an mcap file that is damaged or has no end: what a recorder leaves that is killed.

The file is walked from record to record (https://mcap.dev/spec). A chunk that does not survive its
checksum is left out and told; where the walk loses its way, the file ends.
"""

from __future__ import annotations

from binascii import crc32
from io import BytesIO
import struct
import sys
from typing import BinaryIO, NamedTuple, TYPE_CHECKING

from lz4 import frame as lz4

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ['salvaged_mcap']

MAGIC = b'\x89MCAP0\r\n'
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
KNOWN = range(0x01, 0x80)
PREFIX = struct.Struct('<BQ')
MESSAGE_HEAD = struct.Struct('<HIQQ')
CHUNK_HEAD = struct.Struct('<QQQI')
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    '': bytes,
    'lz4': lz4.decompress,
    'zstd': zstd.decompress,
}


class Lost(Exception):  # noqa: N818 - it is no error of the caller, and never leaves this file
    """The walk has lost its way."""


class Message(NamedTuple):
    """A message as it was recorded."""

    topic: str
    kind: str
    log_ns: int
    data: bytes


class _Walk:
    """What is known so far of channels and their types."""

    def __init__(self, damage: Callable[[str], None]) -> None:
        self._damage = damage
        self._kinds: dict[int, str] = {}
        self._topics: dict[int, tuple[str, str]] = {}

    def messages(self, file: BinaryIO, start_ns: int, stop_ns: int) -> Iterator[Message]:
        """Yield the messages from here to the end of the data."""
        while True:
            offset = file.tell()
            head = file.read(PREFIX.size)
            if not head:
                return
            code, size = _prefix(head, offset)
            if code == DATA_END:
                return
            if code == CHUNK:
                yield from self._chunk(file, size, offset, (start_ns, stop_ns))
                continue
            body = _exactly(file, size, offset)
            if code == SCHEMA:
                self._schema(body)
            elif code == CHANNEL:
                self._channel(body)
            elif code == MESSAGE:
                yield from self._message(body, start_ns, stop_ns)

    def _chunk(
        self, file: BinaryIO, size: int, offset: int, span: tuple[int, int]
    ) -> Iterator[Message]:
        """Yield the messages of a chunk in the order of time, or none of a damaged one."""
        body = _exactly(file, size, offset)
        try:
            inside = _unpacked(body)
            messages = list(self.messages(BytesIO(inside), *span))
        except Exception as err:  # noqa: BLE001 - damage shows as errors of many kinds
            self._damage(f'The chunk at byte {offset} is damaged and was left out: {err}.')
            return
        yield from sorted(messages, key=lambda one: one.log_ns)

    def _schema(self, body: bytes) -> None:
        number, name = int.from_bytes(body[:2], 'little'), _text(body, 2)[0]
        self._kinds[number] = name

    def _channel(self, body: bytes) -> None:
        number, schema = struct.unpack_from('<HH', body)
        self._topics[number] = (_text(body, 4)[0], self._kinds.get(schema, ''))

    def _message(self, body: bytes, start_ns: int, stop_ns: int) -> Iterator[Message]:
        number, _, log_ns, _ = MESSAGE_HEAD.unpack_from(body)
        if start_ns <= log_ns < stop_ns and number in self._topics:
            yield Message(*self._topics[number], log_ns, body[MESSAGE_HEAD.size :])


def salvaged_mcap(
    path: Path, damage: Callable[[str], None], start_ns: int, stop_ns: int
) -> Iterator[Message]:
    """Yield the messages of an mcap file as far as they can be read, in the order of the file.

    Args:
        path: The file.
        damage: Told what is wrong.
        start_ns: Only messages recorded at or after this time [ns].
        stop_ns: Only messages recorded before this time [ns].

    Raises:
        ValueError: If it is no mcap file.
    """
    with path.open('rb') as file:
        if file.read(len(MAGIC)) != MAGIC:
            msg = 'it does not start as an mcap file does'
            raise ValueError(msg)
        try:
            yield from _Walk(damage).messages(file, start_ns, stop_ns)
        except (Lost, struct.error, UnicodeDecodeError, IndexError) as err:
            size = path.stat().st_size
            damage(f'It was read up to byte {file.tell()} of {size}: {err}.')


def _prefix(head: bytes, offset: int) -> tuple[int, int]:
    if len(head) < PREFIX.size:
        msg = f'the record at byte {offset} is cut short'
        raise Lost(msg)
    code, size = PREFIX.unpack(head)
    if code not in KNOWN:
        msg = f'there is no record at byte {offset}'
        raise Lost(msg)
    return code, size


def _exactly(file: BinaryIO, size: int, offset: int) -> bytes:
    """Return the body of a record; a size beyond the end never asks for that much memory."""
    start = file.tell()
    left = file.seek(0, 2) - start
    file.seek(start)
    if size > left:
        msg = f'the record at byte {offset} is {size} bytes long, and {left} are left'
        raise Lost(msg)
    return file.read(size)


def _unpacked(body: bytes) -> bytes:
    """Return the records of a chunk.

    Raises:
        ValueError: If size or checksum are wrong.
    """
    _, _, size, checksum = CHUNK_HEAD.unpack_from(body)
    kind, position = _text(body, CHUNK_HEAD.size)
    inside = UNPACK[kind](body[position + 8 :])
    if len(inside) != size or (checksum and crc32(inside) != checksum):
        msg = 'its checksum is wrong'
        raise ValueError(msg)
    return inside


def _text(body: bytes, position: int) -> tuple[str, int]:
    """Return a string and the position behind it."""
    start = position + 4
    end = start + int.from_bytes(body[position:start], 'little')
    return body[start:end].decode(), end
