# SPDX-License-Identifier: Apache-2.0
"""Run the node until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation

from seg_node.errors import ParameterError, ProcessError

from .log_bridge import RosHandler
from .node import SegNode
from .transport.shared_memory import stale_warning

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['serve']

HANGING = 3
LAST_FRAME_S = 1.0
"""After SIGINT or SIGTERM the frame at hand may take so long, and then a snapshot; after that the
process ends without them."""


def serve(argv: Sequence[str], profile: str) -> int:
    """Run the node until SIGINT or SIGTERM and return the exit status.

    It is 0 then, 1 after a wrong parameter, and 3 if the worker hangs and ``watchdog_action`` is
    ``exit``.

    Args:
        argv: Command line with the program's name.
        profile: DDS profile in use, for the log.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # rclpy calls what it finds
    rclpy.init(args=list(argv))
    nodes: list[SegNode] = []
    executors: list[SingleThreadedExecutor] = []
    status = 0
    try:
        # One thread takes an image several times as fast as rclpy's thread pool does. It is held
        # until ROS is down: a second signal wakes it from rclpy's thread for signals, which does
        # not notice that it goes away.
        executors.append(SingleThreadedExecutor())
        nodes.append(SegNode())
        _run(nodes[0], executors[0], profile)
    except ParameterError as err:
        sys.stderr.write(f'seg_node: error: {err}\n')
        status = 1
    except ProcessError as err:
        sys.stderr.write(f'seg_node: error: {err}\n')
        status = HANGING
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # what rclpy's handlers of SIGINT and SIGTERM end in
    except (rclpy_implementation.RCLError, rclpy_implementation.InvalidHandle):
        if rclpy.ok():  # else the signal came while something was made or sent
            raise
    finally:
        _end(nodes, status)
    return status


def _run(node: SegNode, executor: SingleThreadedExecutor, profile: str) -> None:
    """Serve until the context is shut down."""
    executor.add_node(node)
    logger = logging.getLogger('seg_node')
    logger.setLevel(logging.INFO)
    logger.addHandler(RosHandler(node.get_logger()))
    node.get_logger().info(f'Fast DDS profile: {profile}')
    if warning := stale_warning():
        node.get_logger().warning(warning)
    executor.spin()


def _end(nodes: list[SegNode], status: int) -> None:
    # ros2 launch passes on a SIGINT that the terminal has sent to this process already.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for node in nodes:
        if not (node.stop(LAST_FRAME_S) and node.free_model(LAST_FRAME_S)):
            sys.stderr.write('seg_node: ended during an inference or a snapshot\n')
            sys.stderr.flush()
            os._exit(status)  # the middleware must not be taken down under a running thread
        node.destroy_node()
    rclpy.try_shutdown()
