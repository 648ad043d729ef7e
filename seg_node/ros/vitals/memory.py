# SPDX-License-Identifier: Apache-2.0
"""Give freed memory back to the operating system. Free of ROS."""

from __future__ import annotations

import ctypes
import gc

from seg_node.ros.transport.malloc import glibc_function

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
    trim = glibc_function('malloc_trim', ctypes.c_size_t)
    if trim is None:
        return False
    trim(0)
    return True
