# SPDX-License-Identifier: Apache-2.0
"""Which files a recording is made of, and how a compressed one is unpacked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
import re
import shutil
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

from lz4 import frame as lz4
import yaml

from seg_node.errors import BagError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ['BagFiles', 'bag_files', 'is_packed', 'plain', 'unpacked', 'written_as']

METADATA = 'metadata.yaml'
STORAGES = ('.mcap', '.db3', '.bag')
PACKED = {'.zstd': zstd.open, '.zst': zstd.open, '.lz4': lz4.open}
# What a message starts with if it was compressed by itself; plain CDR starts with 00 00 or 00 01.
MAGIC: dict[bytes, Callable[[bytes], bytes]] = {
    b'\x28\xb5\x2f\xfd': zstd.decompress,
    b'\x04\x22\x4d\x18': lz4.decompress,
}
MAGIC_BYTES = 4
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BagFiles:
    """The files of a recording.

    Attributes:
        files: In the order of the recording.
        metadata: What ``metadata.yaml`` says below its only key; empty without that file.
        damage: What is wrong with them, one sentence each.
    """

    files: tuple[Path, ...]
    metadata: dict[str, Any] = field(default_factory=dict)
    damage: tuple[str, ...] = ()


def bag_files(bag: Path) -> BagFiles:
    """Find the files of a recording: one that is given, or those of a folder.

    Without a readable metadata.yaml, all storage files of the folder are taken, in the order of
    the numbers in their names.

    Raises:
        BagError: If there is nothing there that could be a recording.
    """
    if not bag.is_dir():
        return BagFiles((bag,))
    metadata, damage = _metadata(bag)
    names = [Path(str(name)).name for name in metadata.get('relative_file_paths') or []]
    if not names:
        found = (one for one in bag.iterdir() if written_as(one) in STORAGES)
        names = [one.name for one in sorted(found, key=_natural)]
    missing = [name for name in names if not (bag / name).is_file()]
    damage += [f'The file {name!r}, a part of it, is missing.' for name in missing]
    files = tuple(bag / name for name in names if name not in missing)
    if not files:
        msg = (
            f'Recording {str(bag)!r} cannot be read: it has no storage file. Expected a rosbag2 '
            'folder with metadata.yaml, or an .mcap, .db3 or .bag file.'
        )
        raise BagError(msg)
    return BagFiles(files, metadata, tuple(damage))


def _metadata(bag: Path) -> tuple[dict[str, Any], list[str]]:
    file = bag / METADATA
    if not file.is_file():
        return {}, [f'{METADATA} is missing; all storage files of the folder are read.']
    try:
        found = yaml.safe_load(file.read_text(encoding='utf-8'))['rosbag2_bagfile_information']
        return dict(found), []
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as err:
        reason = ' '.join(str(err).split()) or type(err).__name__
        return {}, [f'{METADATA} cannot be read ({reason}); all storage files are read.']


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort 2 before 10."""
    return [(int(part or 0), text) for text, part in re.findall(r'(\D*)(\d*)', path.name)]


def is_packed(path: Path) -> bool:
    """Say whether a storage file is compressed as a whole."""
    return path.suffix in PACKED


def written_as(path: Path) -> str:
    """Return the suffix of the storage, also of a file that was compressed as a whole."""
    return Path(path.stem).suffix if is_packed(path) else path.suffix


@contextmanager
def unpacked(path: Path, damage: Callable[[str], None]) -> Iterator[Path]:
    """Yield the path of a storage file, unpacked into a temporary folder if it is compressed.

    Args:
        path: The file.
        damage: Told what is wrong; what could be unpacked before is there all the same.
    """
    if not is_packed(path):
        yield path
        return
    with TemporaryDirectory(prefix='seg-replay-') as scratch:
        plain_file = Path(scratch) / path.stem
        with path.open('rb') as packed, plain_file.open('wb') as whole:
            try:
                with PACKED[path.suffix](packed, 'rb') as stream:
                    shutil.copyfileobj(stream, whole, COPY_BYTES)
            except (EOFError, RuntimeError, zstd.ZstdError) as err:
                damage(f'{path.name!r} can be unpacked only up to a point: {err}.')
        yield plain_file


def plain(data: bytes) -> bytes:
    """Return a message as it was before it was compressed by itself, if it was."""
    unpack = MAGIC.get(bytes(data[:MAGIC_BYTES]))
    return unpack(data) if unpack else data
