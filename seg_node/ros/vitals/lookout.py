# SPDX-License-Identifier: Apache-2.0
"""Looks twice a second whether cameras are silent, and whether the worker is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it here

from seg_node.errors import ProcessError
from seg_node.ros.transitions import Surrender

from .alarm import PATIENCE_S, QuietAlarm
from .failures import FailureRow
from .shelter import sheltered
from .silence import input_found
from .surroundings import situation_of
from .watchdog import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seg_node.ros.cameras.camera import Camera
    from seg_node.ros.node import SegNode

    from .health import HealthReport
    from .watchdog import Overdue

__all__ = ['Lookout']

PERIOD_S = 0.5
ENGINE_FAULTS = ('engine_error', 'internal_error')


class Lookout:
    """Warns of silent cameras, and acts when the worker hangs, has died, or fails for good.

    It runs in the executor's thread on a steady clock, so that neither the worker nor a paused
    simulation can stop it.

    Attributes:
        watch: Where the worker says at what it is.
        stuck: That the worker hangs; empty if it does not.
        give_up: Cleans the node up when the worker cannot go on.
    """

    def __init__(self, node: SegNode) -> None:
        """Start the timer."""
        self._node = node
        self.watch = Watch()
        self.give_up = Surrender(node)
        self.stuck = ''
        self._last_overrun: float | None = None
        self._failures = FailureRow()
        self._alarms = {camera.name: QuietAlarm() for camera in node.cameras}
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, sheltered(node, self.look), clock=clock)

    def look(self) -> None:
        """Look at everything once.

        Raises:
            ProcessError: If the worker hangs, and parameter ``watchdog_action`` is ``exit``.
        """
        node = self._node
        overdue = self.watch.overdue(node.parameters.watchdog_timeout)
        self.stuck = '' if overdue is None else str(overdue)
        reports = {camera: camera.health.report() for camera in node.cameras}
        if overdue is not None:
            self._overrun(overdue)
        elif node.state != 'active':
            self._failures = FailureRow()  # what failed before is not held against a new start
        elif fault := self._engine_fault(reports.values()) or node.thread_fault():
            self.give_up(fault)
        for camera, report in reports.items():
            self._look_at(camera, report)

    def _engine_fault(self, reports: Iterable[HealthReport]) -> str:
        """Return that the engine has failed for good; empty if it has not."""
        node = self._node
        failures, masks, last = 0, 0, ''
        for one in reports:
            failures += sum(one.dropped_since.get(reason, 0) for reason in ENGINE_FAULTS)
            masks += one.processed
            last = one.failing or last
        seconds = self._failures.look(failures, masks)
        limit = node.parameters.give_up_after
        if not limit or seconds <= limit:
            return ''
        if node.runner is not None and node.runner.gpu not in {'', 'off'}:  # it is being mended
            return ''
        return f'No frame became a mask for {seconds:.0f} s, {failures} failed; the last: {last}'

    def _overrun(self, overdue: Overdue) -> None:
        """Report a frame that takes too long, once."""
        if overdue.begun == self._last_overrun:
            return
        self._last_overrun = overdue.begun
        node = self._node
        for camera in node.cameras:
            if camera.name in overdue.cameras:
                camera.health.overrun()
        text = f'{overdue} Parameter watchdog_timeout is {node.parameters.watchdog_timeout:g} s.'
        if node.parameters.watchdog_action == 'exit':
            raise ProcessError(text)
        node.get_logger().error(f'{text} No mask comes out until it goes on.')

    def _look_at(self, camera: Camera, report: HealthReport) -> None:
        """Warn once of each silence."""
        news = self._alarms[camera.name].look(report.quiet)
        if news == 'silent':
            found = input_found(situation_of(self._node, camera, report))
            self._node.get_logger().warning(
                f'No image {camera.words}for {PATIENCE_S:g} s. {found}'
            )
        elif news == 'back' and camera.topics is not None:
            self._node.get_logger().info(f'Images arrive on {camera.topics.image!r} again.')
