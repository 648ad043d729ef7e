# SPDX-License-Identifier: Apache-2.0
"""Large blocks stay with the process instead of being mapped and unmapped for each image."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys

__all__ = ['keep_large_blocks']

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
