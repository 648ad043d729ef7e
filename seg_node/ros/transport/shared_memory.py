# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS keeps in ``/dev/shm``: room, segments, and what killed processes left there.

Each process with the shared-memory transport has a segment ``fastdds_<16 hex digits>``
(``fastrtps_…`` before Kilted), which is given its full size when it is made, and a file beside it
with the suffix ``_el`` that it keeps locked. The system lets go of the locks of a process that has
died, however it did; the segment stays until somebody removes it.
"""

from __future__ import annotations

from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    'MEGABYTE',
    'SHARED_MEMORY',
    'Room',
    'Segment',
    'remove_stale',
    'room',
    'segment_of',
    'segments',
    'stale_warning',
]

SHARED_MEMORY = Path('/dev/shm')  # noqa: S108  # where Linux has it, and no temporary file
SEGMENT = re.compile('fast(dds|rtps)_[0-9a-f]{16}')
LOCK_SUFFIX = '_el'
MEGABYTE = 1_000_000
ROOT = 0


@dataclass(frozen=True, slots=True)
class Room:
    """Size of the shared memory [bytes].

    Attributes:
        total: What all processes together may use.
        free: What is left of it.
    """

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Shared memory of one process.

    Attributes:
        path: Its file.
        size: Bytes.
        stale: Whether its process is gone.
        owner: Number of the user whose file it is.
    """

    path: Path
    size: int
    stale: bool
    owner: int


def room(folder: Path = SHARED_MEMORY) -> Room | None:
    """Return the size of the shared memory; None where there is no such folder."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return Room(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)


def segments(folder: Path = SHARED_MEMORY) -> tuple[Segment, ...]:
    """Return the segments of Fast DDS, by name; those that we may not look into are left out."""
    return tuple(_segments(folder))


def _segments(folder: Path) -> Iterator[Segment]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        if not SEGMENT.fullmatch(path.name):
            continue
        try:
            status = path.lstat()
            yield Segment(path, status.st_size, _is_unlocked(path), status.st_uid)
        except OSError:  # it is going away, or belongs to another user
            continue


def _is_unlocked(path: Path) -> bool:
    """Tell whether nobody holds the lock of a segment.

    Anybody may write to the folder: links are not followed, and nothing makes us wait.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(path.with_name(path.name + LOCK_SUFFIX), flags)
    try:
        # A shared one, so that two who look do not take each other for the owner.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def stale_warning(folder: Path = SHARED_MEMORY) -> str:
    """Return what killed processes have left and how to remove it; mostly empty."""
    left = [one for one in segments(folder) if one.stale]
    if not left:
        return ''
    megabytes = sum(one.size for one in left) / MEGABYTE
    return (
        f'Processes that were killed left {len(left)} segments of Fast DDS in {folder}, '
        f'{megabytes:.0f} MB, which nobody uses any more. Remove them: '
        f'"seg doctor --remove-stale" or "fastdds shm clean"{_but_those_of_others(left)}.'
    )


def _but_those_of_others(left: list[Segment]) -> str:
    """Return whose segments we must leave: in /dev/shm everybody removes his own files."""
    others = {one.owner for one in left} - {os.geteuid()}
    if not others or os.geteuid() == ROOT:
        return ''
    users = ', '.join(str(one) for one in sorted(others))
    return f'; those that belong to user {users} only that user or root can remove'


def remove_stale(folder: Path = SHARED_MEMORY) -> int:
    """Remove the segments of processes that are gone, and return how many bytes became free.

    Those that may not be removed stay; ``stale_warning`` says whose they are.
    """
    return sum(one.size for one in segments(folder) if one.stale and _is_removed(one.path))


def _is_removed(path: Path) -> bool:
    """Remove both files of a segment; tell whether we were allowed to."""
    try:
        path.unlink(missing_ok=True)
        path.with_name(path.name + LOCK_SUFFIX).unlink(missing_ok=True)
    except PermissionError:
        return False
    return True


def segment_of(low_pid: int, folder: Path = SHARED_MEMORY) -> Segment | None:
    """Return the segment of a process on this machine, where we may look.

    Args:
        low_pid: The lower 16 bits of its number; Fast DDS writes them into its GIDs.
        folder: Where segments are.
    """
    for process in Path('/proc').glob('[0-9]*'):
        if int(process.name) & 0xFFFF == low_pid:
            held = _locks_of(process, folder)
            found = [one for one in segments(folder) if one.path.name + LOCK_SUFFIX in held]
            if found:
                return max(found, key=lambda one: one.size)
    return None


def _locks_of(process: Path, folder: Path) -> set[str]:
    """Return the names of the files in a folder that a process has open; those that we may see."""
    names = set()
    try:
        for file in (process / 'fd').iterdir():
            target = file.readlink()
            if target.parent == folder:
                names.add(target.name)
    except OSError:  # another user's, or it has just ended
        return set()
    return names
