# SPDX-License-Identifier: Apache-2.0
"""What a process must set before it moves large images: DDS profile, malloc.

Free of ROS. The measurements behind both settings are in ``docs/transport.md``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from importlib import metadata
import os
import sys
from typing import TYPE_CHECKING

from seg_node.errors import ShareError
from seg_node.share import share_path

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = [
    'PROFILE_VARIABLES',
    'keep_large_blocks',
    'profile_variables',
    'use_shared_memory_profile',
]

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Fast DDS 3 (Kilted and later) wants the first and warns of the second; Fast DDS 2 (Humble,
Jazzy) reads only the second."""
FIRST_WITH_FASTDDS_3 = 9
"""Major version of rclpy in Kilted; Jazzy has 7."""

M_TRIM_THRESHOLD = -1  # from glibc's malloc.h
M_MMAP_THRESHOLD = -3
ONE_GIB = 1 << 30


def profile_variables() -> tuple[str, ...]:
    """Return the variables that the installed middleware reads; both if that is unknown."""
    try:
        major = int(metadata.version('rclpy').partition('.')[0])
    except (metadata.PackageNotFoundError, ValueError):
        return PROFILE_VARIABLES
    return PROFILE_VARIABLES[:1] if major >= FIRST_WITH_FASTDDS_3 else PROFILE_VARIABLES[1:]


def use_shared_memory_profile(environment: MutableMapping[str, str] | None = None) -> str:
    """Point Fast DDS to the shipped profile, unless the user chose one.

    Must happen before ``rclpy.init``. Other middlewares ignore these variables.

    Args:
        environment: The process's own unless given.

    Returns:
        What is in force now, in words.
    """
    environment = os.environ if environment is None else environment
    chosen = {name: environment[name] for name in PROFILE_VARIABLES if environment.get(name)}
    if chosen:
        return ', '.join(f'{name}={path} (already set)' for name, path in chosen.items())
    try:
        path = str(share_path('config', 'fastdds_large_images.xml'))
    except ShareError as err:
        return f'none: {err}'
    environment.update(dict.fromkeys(profile_variables(), path))
    return path


def keep_large_blocks() -> bool:
    """Tell glibc to keep large blocks instead of mapping and unmapping them for each image.

    Message conversion and DDS allocate several megabytes per image; by default each block is
    mapped, faulted in page by page and unmapped. The cost: freed memory stays with the process.

    Returns:
        Whether it was done; there is nothing to do outside glibc.
    """
    if not sys.platform.startswith('linux'):
        return False
    name = ctypes.util.find_library('c')
    mallopt = getattr(ctypes.CDLL(name), 'mallopt', None) if name else None
    if mallopt is None:
        return False
    mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    mallopt.restype = ctypes.c_int
    done = [mallopt(setting, ONE_GIB) == 1 for setting in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)]
    return all(done)
