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
    _last_pause: float = 0.0
    _masks: int = 0

    def __call__(self, reason: str) -> None:
        """Deactivate, clean up, and keep the reason in the diagnostics until the next start.

        Args:
            reason: Why the worker cannot go on.
        """
        node = self.node
        node.get_logger().error(f'The node gives up: {reason}')
        node.trigger_deactivate()
        if node.state == 'inactive':
            node.trigger_cleanup()
        self._try_again(f'gave up: {reason}')

    def _try_again(self, reason: str) -> None:
        """Start the node after a pause if it is down and starts by itself; say so in the reason.

        Args:
            reason: Why it is down, for the diagnostics.
        """
        node = self.node
        if node.state == 'unconfigured' and node.parameters.autostart:
            pause = self._next_pause()
            self._start_after(pause)
            news = f'It starts again in {pause:g} s.'
            node.get_logger().info(news)
            reason = f'{reason} {news}'
        node.health.error(reason)

    def _next_pause(self) -> float:
        masks = sum(camera.health.report().processed for camera in self.node.cameras)
        last = 0.0 if masks > self._masks else self._last_pause
        self._masks = masks
        self._last_pause = min(max(self.pause, 2.0 * last), LONGEST_PAUSE_S)
        return self._last_pause

    def _start_after(self, pause: float) -> None:
        node = self.node

        def start() -> None:
            node.destroy_timer(timer)
            if node.state != 'unconfigured':
                return  # somebody was faster
            node.start()
            if node.state == 'unconfigured':
                self._try_again(node.health.report().last_error)

        timer = node.create_timer(pause, start, clock=Clock(clock_type=ClockType.STEADY_TIME))
