# SPDX-License-Identifier: Apache-2.0
"""What looks after the node must not be what ends it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from seg_node.errors import ProcessError
from seg_node.ros.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node

__all__ = ['sheltered']

LOG_PAUSE_S = 60.0


def sheltered(node: Node, action: Callable[[], None]) -> Callable[[], None]:
    """Return a timer's callback that logs a defect of the action, and lets the node go on.

    An exception of a callback ends rclpy's executor, and the process with it.

    Args:
        node: For the log.
        action: What to do; only a ``ProcessError``, which is meant to end the process, passes.
    """
    is_due = Throttle(LOG_PAUSE_S)

    def act() -> None:
        try:
            action()
        except ProcessError:
            raise
        except Exception:  # noqa: BLE001  # a defect here must not cost a mask
            # The context is gone while the process is being shut down under us.
            if node.context.ok() and is_due():
                node.get_logger().error(
                    f'A defect of the diagnostics, please report it: {traceback.format_exc()}'
                )

    return act
