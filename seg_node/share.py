# SPDX-License-Identifier: Apache-2.0
"""Installed files: launch files, configuration, shipped bundles.

They are looked up next to the code that asks, so that code and files always come from the same
installation, whatever else is on the machine or sourced in the shell.
"""

from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.errors import ShareError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['share_path']

NAME = 'seg_node'
# How a folder proves that it is ours: the file is in share/seg_node and in the source tree.
PROOF = 'package.xml'
# <prefix>/local/lib/python3.X/dist-packages/seg_node is the deepest layout in use.
LEVELS = 5


def _candidates() -> Iterator[Path]:
    """Yield folders that may hold the files, the one that fits the running code best first."""
    package = Path(__file__).resolve().parent
    # Source tree; also pip install --editable and colcon build --symlink-install.
    yield package.parent
    # <prefix>/lib/python3.X/site-packages: pip, colcon, Debian packages.
    for folder in list(package.parents)[:LEVELS]:
        yield folder / 'share' / NAME
    # Code and files under different prefixes: ask the ament index, then the interpreter.
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        index = Path(prefix, 'share', 'ament_index', 'resource_index', 'packages', NAME)
        if prefix and index.is_file():
            yield Path(prefix, 'share', NAME)
    yield Path(sys.prefix, 'share', NAME)


def share_path(*parts: str) -> Path:
    """Return the path of an installed file or folder.

    Looked at in this order: the source tree that the code runs from, ``share/seg_node`` of the
    prefix that the code is installed in, the prefixes in ``AMENT_PREFIX_PATH`` whose ament index
    lists seg_node, and ``share/seg_node`` of the interpreter's prefix.

    Args:
        parts: Names below ``share/seg_node``, for example ``'config', 'seg.params.yaml'``.
            Without any, the folder itself.

    Raises:
        ShareError: If no place has the file, or a part leads out of the folder.

    Example:
        >>> share_path('package.xml').name
        'package.xml'
    """
    wanted = Path(*parts)
    if wanted.is_absolute() or '..' in wanted.parts:
        msg = f'Installed file {str(wanted)!r} must be named relative to share/{NAME}.'
        raise ShareError(msg)
    looked_at = list(dict.fromkeys(_candidates()))
    for folder in looked_at:
        path = folder / wanted
        if (folder / PROOF).is_file() and path.exists():
            return path
    places = ', '.join(str(folder) for folder in looked_at)
    msg = (
        f'Installed file {str(wanted)!r} was not found; looked in {places}. Install {NAME} again '
        'with pip or colcon; after colcon build, source install/setup.bash.'
    )
    raise ShareError(msg)
