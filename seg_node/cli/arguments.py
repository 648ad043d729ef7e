# SPDX-License-Identifier: Apache-2.0
"""Kinds of arguments that several verbs take."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from seg_node.errors import ParameterError

__all__ = ['at_least_one', 'writable_file', 'writable_folder', 'write_text']


def at_least_one(text: str) -> int:
    """Return a whole number of at least 1; for the ``type`` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        msg = f'expected a whole number of at least 1, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def writable_file(name: str) -> Path:
    """Return the path of a file to write later; its folder is made now.

    Asked before long work begins, so that the work is not lost at its end.

    Raises:
        ParameterError: If the file could not be written.
    """
    path = Path(name).expanduser()
    writable_folder(str(path.parent))
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        msg = f'{name!r} is a folder or must not be overwritten; give the path of another file.'
        raise ParameterError(msg)
    return path


def writable_folder(name: str) -> Path:
    """Return the path of a folder that exists and can be written to; it is made if need be.

    Raises:
        ParameterError: If it cannot be made or written to.
    """
    path = Path(name).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        msg = f'Folder {name!r} cannot be made: {err.strerror}. Give another one.'
        raise ParameterError(msg) from err
    if not os.access(path, os.W_OK):
        msg = f'Folder {name!r} must not be written to. Give another one.'
        raise ParameterError(msg)
    return path


def write_text(path: Path, text: str) -> None:
    """Write a result as UTF-8.

    Raises:
        ParameterError: If it cannot be written after all.
    """
    try:
        path.write_text(text, encoding='utf-8')
    except OSError as err:
        msg = f'{str(path)!r} cannot be written: {err.strerror}. Free space or give another file.'
        raise ParameterError(msg) from err
