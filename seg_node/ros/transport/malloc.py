# SPDX-License-Identifier: Apache-2.0
"""Large blocks stay with the process instead of being mapped and unmapped for each image."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from typing import Any, cast, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['glibc_function', 'keep_large_blocks']

M_TRIM_THRESHOLD = -1  # from glibc's malloc.h
M_MMAP_THRESHOLD = -3
ONE_GIB = 1 << 30


def keep_large_blocks() -> bool:
    """Tell glibc to keep large blocks instead of mapping and unmapping them for each image.

    Message conversion and DDS allocate several megabytes per image; by default each block is
    mapped, faulted in page by page and unmapped. The cost: freed memory stays with the process.

    Returns:
        Whether it was done; there is nothing to do outside glibc.
    """
    mallopt = glibc_function('mallopt', ctypes.c_int, ctypes.c_int)
    if mallopt is None:
        return False
    done = [mallopt(setting, ONE_GIB) == 1 for setting in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)]
    return all(done)


def glibc_function(name: str, *arguments: Any) -> Callable[..., int] | None:
    """Return a function of glibc that returns an int; None outside glibc.

    Args:
        name: Of the function.
        arguments: Its types.
    """
    if not sys.platform.startswith('linux'):
        return None
    library = ctypes.util.find_library('c')
    function = getattr(ctypes.CDLL(library), name, None) if library else None
    if function is None:
        return None
    function.argtypes = list(arguments)
    function.restype = ctypes.c_int
    return cast('Callable[..., int]', function)
