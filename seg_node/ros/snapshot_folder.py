# SPDX-License-Identifier: Apache-2.0
"""Where snapshots may go: a place that other users cannot redirect, and that does not fill up.

A snapshot holds camera images and is asked for by a service, so anybody on the network may ask
for many. The folder is chosen by whoever starts the node, not through the network.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['MOST_SNAPSHOTS', 'ready_folder']

MOST_SNAPSHOTS = 100
PRIVATE = 0o700
ROOT = 0


def ready_folder(folder: Path) -> Path:
    """Make the folder of the snapshots if need be, and return it without links.

    Raises:
        OSError: If it cannot be made, other users could redirect what is written there, or it
            holds ``MOST_SNAPSHOTS`` already.
    """
    folder = Path(os.path.abspath(_at_home(folder)))  # noqa: PTH100  # resolve() follows links
    _refuse_planted_link(folder)
    folder.mkdir(PRIVATE, parents=True, exist_ok=True)
    _refuse_planted_link(folder)
    real = folder.resolve()
    for one in (real, *real.parents):
        mode = one.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            why = 'every user may write there, and could redirect what is written; chmod o-w it'
            raise PermissionError(errno.EPERM, why, str(one))
    if sum(1 for _ in _snapshots(real)) >= MOST_SNAPSHOTS:
        why = f'{MOST_SNAPSHOTS} snapshots are there already; remove some'
        raise OSError(errno.EDQUOT, why, str(real))
    return real


def _at_home(folder: Path) -> Path:
    """Return the folder with the home directory in the place of ``~``."""
    try:
        return folder.expanduser()
    except RuntimeError as err:
        raise OSError(errno.ENOENT, 'there is no such home directory', str(folder)) from err


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
