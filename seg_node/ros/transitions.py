# SPDX-License-Identifier: Apache-2.0
"""A remedy for a weakness of rclpy's life cycle."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rclpy.impl.implementation_singleton import rclpy_implementation

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

__all__ = ['survive_wrong_transitions']


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
