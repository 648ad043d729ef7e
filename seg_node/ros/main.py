# SPDX-License-Identifier: Apache-2.0
"""Entry point of the executable ``seg_node``."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from seg_node.errors import ParameterError

from .log_bridge import RosHandler
from .node import SegNode
from .transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['main']

LAST_FRAME_S = 1.0
"""After SIGINT or SIGTERM the frame at hand may take so long; then the process ends without it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM and return the exit status.

    Args:
        argv: Command line with the program's name; the process's own unless given.
    """
    # Both before rclpy loads the middleware.
    profile = use_shared_memory_profile()
    keep_large_blocks()
    rclpy.init(args=list(sys.argv if argv is None else argv))
    try:
        node = SegNode()
    except ParameterError as err:
        sys.stderr.write(f'seg_node: error: {err}\n')
        rclpy.try_shutdown()
        return 1
    logging.getLogger('seg_node').addHandler(RosHandler(node.get_logger()))
    node.get_logger().info(f'Fast DDS profile: {profile}')
    _spin(node)
    _end(node)
    return 0


def _spin(node: SegNode) -> None:
    # Measured: one thread takes an image in 1 to 2 ms, rclpy's thread pool in 5 ms and more.
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    # What rclpy's handlers of SIGINT and SIGTERM end in.
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()


def _end(node: SegNode) -> None:
    if not node.stop(LAST_FRAME_S):
        sys.stderr.write('seg_node: ended during an inference\n')
        sys.stderr.flush()
        os._exit(0)  # the middleware must not be taken down under a running thread
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == '__main__':
    sys.exit(main())
