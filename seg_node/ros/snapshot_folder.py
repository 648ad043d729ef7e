# SPDX-License-Identifier: Apache-2.0
"""Where snapshots may go: a place that other users cannot redirect, and that does not fill up.

A snapshot holds camera images and is asked for by a service, so anybody on the network may ask
for many. The folder is chosen by whoever starts the node, not through the network.
"""

from __future__ import annotations

import errno
import grp
import os
from pathlib import Path
import pwd
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['LEAST_FREE', 'MOST_SNAPSHOTS', 'ready_folder']

MOST_SNAPSHOTS = 100
LEAST_FREE = 1_000_000_000  # [bytes] the log and others need the disk, too
PRIVATE = 0o700
ROOT = 0


def ready_folder(folder: Path) -> Path:
    """Make the folder of the snapshots if need be, and return it without links.

    Raises:
        OSError: If it cannot be made, other users could redirect what is written there, or it
            holds ``MOST_SNAPSHOTS`` already, or less than ``LEAST_FREE`` is free on its disk.
    """
    folder = Path(os.path.abspath(_at_home(folder)))  # noqa: PTH100  # resolve() follows links
    _refuse_planted_link(folder)
    folder.mkdir(PRIVATE, parents=True, exist_ok=True)
    _refuse_planted_link(folder)
    real = folder.resolve()
    for one in (real, *real.parents):
        if why := _what_others_may(one.stat()):
            why = f'{why}, so that others could redirect what is written'
            raise PermissionError(errno.EPERM, why, str(one))
    if sum(1 for _ in _snapshots(real)) >= MOST_SNAPSHOTS:
        why = f'{MOST_SNAPSHOTS} snapshots are there already; remove some'
        raise OSError(errno.EDQUOT, why, str(real))
    free = shutil.disk_usage(real).free
    if free < LEAST_FREE:
        why = f'{free / 1e9:.1f} GB are free there, expected {LEAST_FREE / 1e9:.0f} GB or more'
        raise OSError(errno.ENOSPC, why, str(real))
    return real


def _at_home(folder: Path) -> Path:
    """Return the folder with the home directory in the place of ``~``."""
    try:
        return folder.expanduser()
    except RuntimeError as err:
        raise OSError(errno.ENOENT, 'there is no such home directory', str(folder)) from err


def _what_others_may(status: os.stat_result) -> str:
    """Return why other users could rename what is in a folder; empty if they cannot."""
    if status.st_uid not in (ROOT, os.geteuid()):
        return f'it belongs to user {status.st_uid} (chown it, or choose another folder)'
    if status.st_mode & stat.S_ISVTX:
        return ''
    if status.st_mode & stat.S_IWOTH:
        return 'every user may write there (chmod o-w it)'
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid):
        return 'others of its group may write there (chmod g-w it)'
    return ''


def _is_own_group(number: int) -> bool:
    """Tell whether a group is that of our user alone, as Debian and Ubuntu make one for each."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(number)
    except KeyError:
        return False
    is_named_so = (number, group.gr_name) == (user.pw_gid, user.pw_name)
    return is_named_so and set(group.gr_mem) <= {user.pw_name}


def _refuse_planted_link(folder: Path) -> None:
    """Refuse a link on the way that another user has made."""
    for one in (folder, *folder.parents):
        try:
            status = one.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(status.st_mode) and status.st_uid not in (ROOT, os.geteuid()):
            why = f'it is a link that user {status.st_uid} has made'
            raise PermissionError(errno.EPERM, why, str(one))


def _snapshots(folder: Path) -> Iterator[Path]:
    return (one for one in folder.iterdir() if one.is_dir() and not one.name.startswith('.'))
