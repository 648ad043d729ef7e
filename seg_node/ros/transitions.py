# SPDX-License-Identifier: Apache-2.0
"""Transitions that nobody asked for, or that are not possible."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rclpy.impl.implementation_singleton import rclpy_implementation

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from .node import SegNode

__all__ = ['give_up', 'survive_wrong_transitions']


def survive_wrong_transitions(node: LifecycleNode) -> None:
    """Answer "no" to a transition that is not possible in the present state.

    Up to Jazzy, rclpy raises there, out of the service's callback: a manager that asks twice ends
    the process. From Kilted on rclpy answers as this does.
    """
    service = node._service_change_state  # noqa: SLF001  # rclpy gives it no public name
    serve = service.callback

    def guarded(request: Any, response: Any) -> Any:
        try:
            return serve(request, response)
        except rclpy_implementation.RCLError as err:
            node.get_logger().error(f'Transition refused: {err}')
            response.success = False
            return response

    service.callback = guarded


def give_up(node: SegNode, reason: str) -> None:
    """Deactivate and clean up, because the worker cannot go on.

    Args:
        node: An active one.
        reason: Stays in the diagnostics until the node has been configured again.
    """
    node.get_logger().error(f'The node gives up: {reason}')
    node.trigger_deactivate()
    if node.state == 'inactive':
        node.trigger_cleanup()
    node.health.error(f'gave up: {reason}')
