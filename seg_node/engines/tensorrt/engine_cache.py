# SPDX-License-Identifier: Apache-2.0
"""Engines on disk: each is found by all that it depends on, verified before use, whole or absent.

A folder per engine, ``<bundle>-<digest of the key>``, holds ``engine.bin`` and ``engine.json``:
the key in full and the engine's own SHA-256. It is written under another name and renamed, so that
no reader and no killed writer leaves half of one. What does not fit its key or its checksum is
moved to ``quarantine`` and counts as absent. An engine may carry code: the folder must belong to
this user or to root, and nobody else may write to it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
import fcntl
import hashlib
import json
import logging
import math
import os
from pathlib import Path
import re
import shutil
import time
from typing import IO, TYPE_CHECKING
from uuid import uuid4

from seg_node.engines.private_folder import check_private
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['CachedEngine', 'EngineCache', 'EngineKey', 'default_folder']

FOLDER = 'SEG_NODE_CACHE'
ENGINE, SIDECAR, QUARANTINE, PART = 'engine.bin', 'engine.json', 'quarantine', '.part-'
FORMAT = 1
PRIVATE = 0o700
DIGITS = 20
MOST_ENGINES = 16  # older ones, of other bundles, sizes and versions, make room
MOST_QUARANTINED = 4

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine depends on; where one of these differs, it is another engine.

    Attributes:
        bundle: Name of the bundle, for people; the network decides.
        network: SHA-256 of the deployed ONNX graph.
        library: Flavour and full version.
        gpu: Name and compute capability, or ``'any'`` where engines are portable.
        driver: Versions of CUDA in driver and run time, or ``'any'`` likewise.
        platform: Processor and system.
        precision: ``fp32``, ``fp16`` or ``int8``.
        shapes: Least, usual and largest batch and image size.
        options: What else the builder was told.
    """

    bundle: str
    network: str
    library: str
    gpu: str
    driver: str
    platform: str
    precision: str
    shapes: str
    options: str

    @property
    def name(self) -> str:
        """Name of the engine's folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
        return f'{re.sub("[^A-Za-z0-9_]", "_", self.bundle)}-{digest}'


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """An engine, from the cache or fresh.

    Attributes:
        data: The serialised engine.
        path: Its file; ``None`` if it could not be stored.
        reused: Whether it was there.
        unstored: Why it could not be stored.
    """

    data: bytes
    path: Path | None
    reused: bool
    unstored: str = ''


def default_folder() -> Path:
    """Return where engines are kept: ``$SEG_NODE_CACHE``, else ``~/.cache/seg_node``.

    Raises:
        EngineError: If there is no home folder.
    """
    chosen = os.environ.get(FOLDER)
    if chosen:
        return Path(chosen)
    try:
        base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    except RuntimeError as err:
        msg = f'There is no home folder to keep engines in ({err}). Set {FOLDER} to a folder.'
        raise EngineError(msg) from err
    return Path(base, 'seg_node')


class EngineCache:
    """Engines of one folder; processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Name the folder; nothing is touched yet.

        Args:
            folder: By default ``default_folder()``.
        """
        self.folder = default_folder() if folder is None else folder

    def get_or_build(self, key: EngineKey, build: Callable[[], bytes]) -> CachedEngine:
        """Return the engine of a key; of several processes that ask for it, one builds.

        A full disk or a folder that cannot be written to keeps no one from the engine: it is
        returned with the reason why it is not stored.

        Args:
            key: All that it depends on.
            build: Makes it if it is not there; called at most once.

        Raises:
            EngineError: If others may write to the folder, or ``build`` raised it.
        """
        found = self.load(key)
        if found is not None:
            return CachedEngine(found, self._entry(key) / ENGINE, reused=True)
        try:
            lock = self._lock(key)
        except OSError as err:
            return CachedEngine(build(), None, reused=False, unstored=self._unstored(err))
        with lock:
            found = self.load(key)  # another process may have built it meanwhile
            if found is not None:
                return CachedEngine(found, self._entry(key) / ENGINE, reused=True)
            data = build()
            try:
                path = self.store(key, data)
            except OSError as err:
                return CachedEngine(data, None, reused=False, unstored=self._unstored(err))
            return CachedEngine(data, path, reused=False)

    def load(self, key: EngineKey) -> bytes | None:
        """Return a verified engine, or ``None`` if there is none or it had to be put aside.

        Raises:
            EngineError: If others may write to the folder.
        """
        entry = self._entry(key)
        try:
            check_private(self.folder, FOLDER)
            if not entry.is_dir():
                return None
            data = (entry / ENGINE).read_bytes()
            fault = _fault(key, (entry / SIDECAR).read_bytes(), data)
        except FileNotFoundError as err:
            data, fault = b'', f'{Path(err.filename).name} is missing'
        except OSError as err:
            logger.warning('Engine %s cannot be read: %s; it is built again.', entry, err)
            return None
        if fault:
            self.quarantine(key, fault)
            return None
        _touch(entry)
        return data

    def store(self, key: EngineKey, data: bytes) -> Path:
        """Write an engine in the place of an older one, and return its file.

        Raises:
            OSError: If the disk is full or the folder cannot be written to; nothing is left.
            EngineError: If others may write to the folder.
        """
        self._make_private()
        sidecar = {'format': FORMAT, 'sha256': _sha256(data), 'key': asdict(key)}
        entry, part = self._entry(key), self.folder / f'{PART}{key.name}-{uuid4().hex}'
        try:
            part.mkdir(PRIVATE)
            _write(part / ENGINE, data)
            _write(part / SIDECAR, json.dumps(sidecar, indent=1).encode())
            if entry.exists():
                shutil.rmtree(entry)
            part.rename(entry)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        self._make_room()
        return entry / ENGINE

    def quarantine(self, key: EngineKey, why: str) -> None:
        """Put an engine aside, so that it is built again; people may look at it.

        Args:
            key: Of the engine.
            why: Reason, for the log.
        """
        entry, place = self._entry(key), self.folder / QUARANTINE
        logger.warning('Engine %s is put aside and built again: %s.', entry, why)
        try:
            place.mkdir(PRIVATE, exist_ok=True)
            entry.rename(place / f'{key.name}.{time.time_ns()}')
        except FileNotFoundError:
            return  # another process was faster
        except OSError as err:
            logger.warning('Engine %s cannot be moved: %s.', entry, err)
            return
        for old in sorted(place.iterdir(), key=_age)[MOST_QUARANTINED:]:
            shutil.rmtree(old, ignore_errors=True)

    def _entry(self, key: EngineKey) -> Path:
        return self.folder / key.name

    def _lock(self, key: EngineKey) -> IO[bytes]:
        """Wait until no other process builds this engine; closing the file lets the next one in.

        The system lets go of the locks of a killed process, which may have left a part.
        """
        self._make_private()
        lock = (self.folder / f'{key.name}.lock').open('wb')
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logger.warning('Another process builds engine %s; waiting for it.', key.name)
                fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            lock.close()
            raise
        for left in self.folder.glob(f'{PART}{key.name}-*'):
            shutil.rmtree(left, ignore_errors=True)
        return lock

    def _make_private(self) -> None:
        self.folder.mkdir(PRIVATE, parents=True, exist_ok=True)
        check_private(self.folder, FOLDER)

    def _unstored(self, err: OSError) -> str:
        return (
            f'The engine cannot be kept in {str(self.folder)!r} ({err.strerror}): it has to be '
            f'built again next time. Free space, or choose another folder with {FOLDER}.'
        )

    def _make_room(self) -> None:
        """Drop the engines that were not used for longest."""
        entries = [path.parent for path in self.folder.glob(f'*/{ENGINE}')]
        for old in sorted(entries, key=_age)[MOST_ENGINES:]:
            shutil.rmtree(old, ignore_errors=True)


def _fault(key: EngineKey, sidecar: bytes, data: bytes) -> str:
    """Return what is wrong with a stored engine, or nothing."""
    try:
        told = json.loads(sidecar)
        made, digest, version = dict(told['key']), told['sha256'], told['format']
    except (ValueError, KeyError, TypeError):
        return f'{SIDECAR} is damaged'
    if version != FORMAT:
        return f'{SIDECAR} has format {version!r}, expected {FORMAT}'
    wrong = [
        f'{name} is {made.get(name)!r}, expected {value!r}'
        for name, value in asdict(key).items()
        if made.get(name) != value
    ]
    if wrong:
        return f'it is another engine: {", ".join(wrong)}'
    if _sha256(data) != digest:
        return f'{ENGINE} ({len(data)} bytes) does not have the checksum of {SIDECAR}'
    return ''


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Write a file through to the disk: power may fail at any time in a vehicle."""
    with path.open('wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _touch(entry: Path) -> None:
    """Mark an engine as used; a folder that cannot be written to is never tidied up either."""
    with suppress(OSError):
        os.utime(entry)


def _age(path: Path) -> float:
    """Return the time since the last use; infinite for what another process has just removed."""
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
