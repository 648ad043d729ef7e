# SPDX-License-Identifier: Apache-2.0
"""Folders from which code may be run: only this user or root may have put it there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from seg_node.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['check_private']


def check_private(folder: Path, variable: str) -> None:
    """Refuse a folder into which other users could have put an engine.

    Args:
        folder: Keeps engines; one that is not there yet is fine.
        variable: Of the environment, that names another one.

    Raises:
        EngineError: If others own the folder or may write to it.
        OSError: If nothing can be said about the folder.
    """
    try:
        status = folder.stat()
    except FileNotFoundError:
        return
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        msg = (
            f'Engines are not taken from {str(folder)!r}: other users may write to it '
            f'(owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o}), and an engine '
            'may carry code. Empty it and "chmod 700" it, or choose another folder with '
            f'{variable}.'
        )
        raise EngineError(msg)
