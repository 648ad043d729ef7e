# SPDX-License-Identifier: Apache-2.0
"""Kinds of arguments that several verbs take."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING

from seg_node.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    'add_picture',
    'add_recipe',
    'at_least_one',
    'image_size',
    'network_size',
    'positive',
    'writable_file',
    'writable_folder',
    'write_picture',
    'write_text',
]

LEAST = 64  # [px] of a made-up picture, on either side


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add a recipe and changes of it."""
    parser.add_argument(
        'recipe',
        metavar='RECIPE',
        help='YAML file, or the name of one that is shipped in config/train',
    )
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='changes, e.g. schedule.epochs=10'
    )


def add_picture(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the picture that a verb draws.

    Args:
        parser: Of the verb.
        name: File to write where none is given.
    """
    parser.add_argument(
        '-o',
        '--output',
        default=name,
        metavar='FILE.png',
        help=f'picture to write (default: {name})',
    )


def at_least_one(text: str) -> int:
    """Return a whole number of at least 1; for the ``type`` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        msg = f'expected a whole number of at least 1, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def positive(text: str) -> float:
    """Return a finite number above 0; for the ``type`` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        msg = f'expected a number above 0, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return value


def image_size(text: str) -> tuple[int, int]:
    """Return (height, width) [px] from ``WIDTHxHEIGHT``; for the ``type`` of an argument."""
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal() and int(width) >= LEAST <= int(height)):
        msg = f'{text!r} is no size; expected WIDTHxHEIGHT from 64x64, for example 1280x720'
        raise argparse.ArgumentTypeError(msg)
    return int(height), int(width)


def network_size(text: str) -> tuple[int, int]:
    """Return (height, width) [px] from ``HEIGHTxWIDTH``; for the ``type`` of an argument."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if match is None:
        msg = f'expected HEIGHTxWIDTH such as 512x1024, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return int(match.group(1)), int(match.group(2))


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


def write_picture(path: Path, page: npt.NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 RGB as PNG.

    Raises:
        ParameterError: If it cannot be written after all.
    """
    import cv2  # noqa: PLC0415 - slow to load

    _, data = cv2.imencode('.png', cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    _write(path, data.tobytes())


def write_text(path: Path, text: str) -> None:
    """Write a result as UTF-8.

    Raises:
        ParameterError: If it cannot be written after all.
    """
    _write(path, text.encode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as err:
        msg = f'{str(path)!r} cannot be written: {err.strerror}. Free space or give another file.'
        raise ParameterError(msg) from err
