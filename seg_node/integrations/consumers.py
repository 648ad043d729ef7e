# SPDX-License-Identifier: Apache-2.0
"""The programs that files can be generated for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seg_node.errors import ParameterError

from .autoware import autoware_files
from .foxglove import foxglove_files
from .nav2 import nav2_files
from .nvblox import nvblox_files
from .rviz import rviz_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .site import Site

__all__ = ['CONSUMERS', 'generate', 'write_files']

CONSUMERS: dict[str, Callable[[Site], dict[str, str]]] = {
    'nav2': nav2_files,
    'autoware': autoware_files,
    'nvblox': nvblox_files,
    'foxglove': foxglove_files,
    'rviz': rviz_files,
}
"""By name, what returns the files of a consumer."""


def generate(consumer: str, site: Site) -> dict[str, str]:
    """Return the files for a consumer, by name.

    Args:
        consumer: A key of ``CONSUMERS``.
        site: What they are for.

    Raises:
        ParameterError: If the consumer cannot take so many cameras.
    """
    return CONSUMERS[consumer](site)


def write_files(files: Mapping[str, str], folder: Path, *, replace: bool = False) -> list[Path]:
    """Write files into a folder, which is made if it is not there.

    Args:
        files: Text by name.
        folder: Where to.
        replace: Whether files that are there may be lost.

    Returns:
        Their paths.

    Raises:
        ParameterError: If a file is there already, or the folder cannot be written to.
    """
    there = [name for name in files if os.path.lexists(folder / name)]
    if there and not replace:
        msg = (
            f'{str(folder)!r} already has {", ".join(there)}; somebody may have changed them. '
            'Give another folder, or --replace.'
        )
        raise ParameterError(msg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            # 'x' follows no link that somebody lays there in between
            with (folder / name).open('w' if replace else 'x', encoding='utf-8') as file:
                file.write(text)
    except OSError as err:
        msg = f'{str(folder)!r} cannot be written to: {err.strerror}. Give another folder.'
        raise ParameterError(msg) from err
    return [folder / name for name in files]
