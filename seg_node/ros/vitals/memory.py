# SPDX-License-Identifier: Apache-2.0
"""Give freed memory back to the operating system. Free of ROS."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys

__all__ = ['release_memory']


def release_memory() -> bool:
    """Collect what is unreachable, and return all free pages of the heap.

    The node raises malloc's thresholds (``keep_large_blocks`` in ``ros/transport``), so that
    what images and a model took stays with the process when it is freed. ``malloc_trim`` pays no
    heed to these thresholds. It takes tens of milliseconds: for the end of a configuration, not
    for frames.

    Returns:
        Whether pages were asked back; outside glibc that cannot be done.
    """
    gc.collect()
    if not sys.platform.startswith('linux'):
        return False
    name = ctypes.util.find_library('c')
    trim = getattr(ctypes.CDLL(name), 'malloc_trim', None) if name else None
    if trim is None:
        return False
    trim.argtypes = [ctypes.c_size_t]
    trim.restype = ctypes.c_int
    trim(0)
    return True
