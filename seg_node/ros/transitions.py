# SPDX-License-Identifier: Apache-2.0
"""Transitions that nobody asked for, or that are not possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it here
from rclpy.impl.implementation_singleton import rclpy_implementation

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from .node import SegNode

__all__ = ['Surrender', 'survive_wrong_transitions']

LONGEST_PAUSE_S = 600.0


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


@dataclass(slots=True)
class Surrender:
    """Cleans a node up whose worker cannot go on, and starts it again if it started by itself.

    Attributes:
        node: Whose worker it is.
        pause: Before the first new start [s]; doubles with each further one without a mask.
    """

    node: SegNode
    pause: float = 5.0
    _times: int = 0
    _masks: int = 0

    def __call__(self, reason: str) -> None:
        """Deactivate, clean up, and keep the reason in the diagnostics until the next start.

        Args:
            reason: Why the worker cannot go on.
        """
        node = self.node
        if node.parameters.autostart:
            pause = self._next_pause()
            self._start_after(pause)
            reason = f'{reason} It starts again in {pause:g} s.'
        node.get_logger().error(f'The node gives up: {reason}')
        node.trigger_deactivate()
        if node.state == 'inactive':
            node.trigger_cleanup()
        node.health.error(f'gave up: {reason}')

    def _next_pause(self) -> float:
        masks = sum(camera.health.report().processed for camera in self.node.cameras)
        self._times = 1 if masks > self._masks else self._times + 1
        self._masks = masks
        return float(min(self.pause * 2.0 ** (self._times - 1), LONGEST_PAUSE_S))

    def _start_after(self, pause: float) -> None:
        node = self.node

        def start() -> None:
            node.destroy_timer(timer)
            node.start()

        timer = node.create_timer(pause, start, clock=Clock(clock_type=ClockType.STEADY_TIME))
