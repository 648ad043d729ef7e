# SPDX-License-Identifier: Apache-2.0
"""The frame of a process beside the node: ROS up, its work, ROS down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import ExternalShutdownException

from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ['run_child']


def run_child(
    work: Callable[[], int], argv: Sequence[str], *, profile: bool = True, malloc: bool = True
) -> int:
    """Do the work of a process between ``rclpy.init`` and the end of ROS.

    Args:
        work: Returns the exit status.
        argv: Arguments of the process, for ROS.
        profile: Whether the shipped profile of Fast DDS is taken, if the user chose none.
        malloc: Whether large blocks are kept, as in the node.

    Returns:
        The exit status: that of the work, or 1 if it was interrupted.
    """
    if malloc:
        keep_large_blocks()
    if profile:
        use_shared_memory_profile()
    rclpy.init(args=list(argv))
    try:
        return work()
    except (KeyboardInterrupt, ExternalShutdownException):
        return 1
    finally:
        rclpy.try_shutdown()
