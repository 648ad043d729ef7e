# SPDX-License-Identifier: Apache-2.0
"""Files that an ONNX network wants to read beside itself, found without the onnx library.

A tensor may name a file in which its numbers are ("external data"), and whoever loads the network
opens that file, wherever the name leads. Here the file is walked as protocol buffers
(https://protobuf.dev/programming-guides/encoding/), by the field numbers of ``onnx.proto``.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from seg_node.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['external_files', 'refuse_external_data', 'refuse_outside_data']

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Messages that lead to tensors: name of the message, then field and kind of message below it.
FIELDS = {
    'model': {7: 'graph', 20: 'training', 25: 'function'},
    'training': {1: 'graph', 2: 'graph'},
    'function': {7: 'node', 11: 'attribute'},
    'graph': {1: 'node', 5: 'tensor', 15: 'sparse'},
    'sparse': {1: 'tensor', 2: 'tensor'},
    'node': {5: 'attribute'},
    'attribute': {
        5: 'tensor',
        6: 'graph',
        10: 'tensor',
        11: 'graph',
        22: 'sparse',
        23: 'sparse',
    },
    'tensor': {13: 'entry'},
}
KEY, VALUE = 1, 2  # fields of an entry
LOCATION = b'location'
DEEPEST = 100  # as protobuf's own limit
LONGEST_VARINT = 10  # [bytes]
LARGEST_TAG = 0xFFFFFFFF


def refuse_external_data(path: Path) -> None:
    """Refuse a network of a bundle whose numbers are in other files.

    The checksums of a bundle cover what its manifest lists; a network of ours holds its numbers
    itself.

    Raises:
        BundleError: If it names other files, or is no protocol buffer.
    """
    named = sorted(set(external_files(path)))
    if named:
        msg = (
            f'Network {str(path)!r} wants to read {_listed(named)}; expected a network that holds '
            'its numbers itself. Do not use this bundle unless you know who made it; export it '
            'again with "seg export" or "seg import-onnx".'
        )
        raise BundleError(msg)


def refuse_outside_data(path: Path) -> None:
    """Refuse a network from elsewhere that wants to read files outside of its own folder.

    Raises:
        BundleError: If it does, or is no protocol buffer.
    """
    outside = sorted({name for name in external_files(path) if not _is_beside(path, name)})
    if outside:
        msg = (
            f'Network {str(path)!r} wants to read {_listed(outside)}, outside of its own folder; '
            'expected files beside it. Do not use it unless you know who made it.'
        )
        raise BundleError(msg)


def _listed(names: list[str]) -> str:
    return ', '.join(repr(name) for name in names[:3]) + (' and others' if names[3:] else '')


def _is_beside(path: Path, name: str) -> bool:
    """Tell whether a name stays in the folder of a file, links and all."""
    written = PurePosixPath(name.replace('\\', '/'))
    if written.is_absolute() or '..' in written.parts:
        return False
    folder = path.parent.resolve()
    return folder in (folder / written).resolve().parents


def external_files(path: Path) -> tuple[str, ...]:
    """Return the names of the files that the tensors of an ONNX file name, as they are written.

    Raises:
        BundleError: If the file cannot be read, or is no protocol buffer.
    """
    try:
        return tuple(_locations(memoryview(path.read_bytes()), 'model', 0))
    except OSError as err:
        msg = f'{str(path)!r} cannot be read: {err.strerror}. Check who may read it.'
        raise BundleError(msg) from err
    except (ValueError, IndexError) as err:
        msg = f'{str(path)!r} is no ONNX network: {err}. Copy it again, or export it again.'
        raise BundleError(msg) from err


def _locations(data: memoryview, kind: str, depth: int) -> Iterator[str]:
    """Yield the locations in one message and in those below it."""
    if depth > DEEPEST:
        msg = f'messages are nested more than {DEEPEST} deep'
        raise ValueError(msg)
    for field, value in _parts(data):
        below = FIELDS[kind].get(field)
        if below == 'entry':
            entry = dict(_parts(value))
            if entry.get(KEY, b'') == LOCATION:
                yield bytes(entry.get(VALUE, b'')).decode('utf-8', 'replace')
        elif below is not None:
            yield from _locations(value, below, depth + 1)


def _parts(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of the fields that hold bytes; numbers are passed over."""
    at = 0
    while at < len(data):
        tag, at = _tag(data, at)
        field, wire = tag >> 3, tag & 7
        if wire == VARINT:
            _, at = _varint(data, at)
        elif wire in (FIXED32, FIXED64):
            at += 4 if wire == FIXED32 else 8
        elif wire == BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                msg = 'a field is longer than the file'
                raise ValueError(msg)
            yield field, data[at : at + length]
            at += length
        else:
            msg = f'a field has the unknown wire type {wire}'
            raise ValueError(msg)


def _tag(data: memoryview, at: int) -> tuple[int, int]:
    """Return the tag of a field, and where it ends.

    Every writer gives tags in as few bytes as they need. Of longer ones the parser in C++ keeps 32
    bits, so that it would see another field than we do.
    """
    tag, end = _varint(data, at)
    is_longer = end - at > 1 and data[end - 1] == 0
    if is_longer or not 1 << 3 <= tag <= LARGEST_TAG:
        msg = f'a tag is written as {bytes(data[at:end]).hex(" ")}'
        raise ValueError(msg)
    return tag, end


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a number in groups of seven bits, the lowest first, and where it ends."""
    value = 0
    for index in range(LONGEST_VARINT):
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004 - the last group
            return value, at + index + 1
    msg = 'a number is too long'
    raise ValueError(msg)
