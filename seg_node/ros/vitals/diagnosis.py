# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself on ``/diagnostics``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it here
from std_msgs.msg import Header

from seg_node.interface.topics import DIAGNOSTICS
from seg_node.ros.outputs.messages import diagnostics
from seg_node.ros.qos import overridable, result

from .figures import camera_figures, clock_trouble, summary_of
from .shelter import sheltered
from .silence import is_failing, silence_reason
from .surroundings import situation_of

if TYPE_CHECKING:
    from seg_node.ros.cameras.camera import Camera
    from seg_node.ros.node import SegNode

    from .health import HealthReport
    from .silence import Situation

__all__ = ['Diagnosis']


class Diagnosis:
    """Publishes the node's state at a fixed rate, in every state of its life cycle.

    The publisher is a plain one (a lifecycle publisher is mute while the node is inactive) and the
    timer runs on a steady clock (a paused simulation must not silence it).
    """

    def __init__(self, node: SegNode) -> None:
        """Start the timer."""
        self._node = node
        self._publisher = node.create_publisher(
            DiagnosticArray, DIAGNOSTICS, result(), qos_overriding_options=overridable()
        )
        period = node.parameters.diagnostics_period
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(period, sheltered(node, self._publish), clock=clock)

    def _publish(self) -> None:
        if self._publisher.get_subscription_count():
            self._publisher.publish(self.message())

    def message(self) -> DiagnosticArray:
        """Return the present state: one status, or one for the node and one for each camera."""
        node = self._node
        header = Header(stamp=node.get_clock().now().to_msg())
        cameras = [self._camera_status(camera) for camera in node.cameras]
        whole = [] if len(cameras) == 1 else [self._node_status(cameras)]
        return DiagnosticArray(header=header, status=[*whole, *cameras])

    def _camera_status(self, camera: Camera) -> DiagnosticStatus:
        """Return how one camera is; if it is the only one, how the node is, too."""
        report = self._report(camera)
        situation = situation_of(self._node, camera, report)
        silence = silence_reason(situation)
        return _status(
            self._name(camera),
            self._level(situation, silence, report),
            silence or self._summary(report),
            {
                **(self._whole() if len(self._node.cameras) == 1 else {}),
                **camera_figures(report, situation),
                'last_error': report.last_error,
                'silence': silence,
            },
        )

    def _node_status(self, cameras: list[DiagnosticStatus]) -> DiagnosticStatus:
        """Return how the node is as a whole: as bad as its worst camera."""
        level = max(status.level for status in cameras)
        silent = [
            camera.name
            for camera, status in zip(self._node.cameras, cameras, strict=True)
            if status.level != DiagnosticStatus.OK
        ]
        text = f'{len(cameras) - len(silent)} of {len(cameras)} cameras are well'
        if silent:
            text += f'; look at {", ".join(silent)}'
        report = self._node.health.report()
        return _status(
            self._name(None), level, text, {**self._whole(), 'last_error': report.last_error}
        )

    def _name(self, camera: Camera | None) -> str:
        name = self._node.get_fully_qualified_name().lstrip('/')
        alone = camera is None or len(self._node.cameras) == 1
        return name if alone or camera is None else f'{name}: {camera.name}'

    def _whole(self) -> dict[str, object]:
        """Return what is the same for all cameras."""
        node = self._node
        return {
            'state': node.state,
            'enabled': node.enabled,
            'cameras': ', '.join(camera.name for camera in node.cameras),
            'watchdog': node.lookout.stuck or 'well',
            **({'engine': 'none'} if node.runner is None else node.runner.described()),
        }

    def _report(self, camera: Camera) -> HealthReport:
        """Return the counts of a camera, and the error of a transition if there is one."""
        report = camera.health.report()
        whole = self._node.health.report()
        failed = '' if self._node.state == 'active' else whole.failing
        return replace(
            report,
            last_error=failed or report.last_error or whole.last_error,
            failing=failed or report.failing,
        )

    def _level(self, now: Situation, silence: str, report: HealthReport) -> bytes:
        """Error: the node cannot do its work. Warning: it does not, or worse than it should."""
        if is_failing(now) or now.stuck:
            return DiagnosticStatus.ERROR
        runner = self._node.runner
        is_slower = runner is not None and bool(runner.gpu_trouble)
        is_worse = is_slower or bool(report.crf_failing) or bool(self._clock(report))
        return DiagnosticStatus.WARN if silence or is_worse else DiagnosticStatus.OK

    def _summary(self, report: HealthReport) -> str:
        runner = self._node.runner
        gpu = () if runner is None else (runner.gpu, runner.gpu_trouble)
        return summary_of(report, gpu=gpu, clock=self._clock(report))

    def _clock(self, report: HealthReport) -> str:
        return clock_trouble(report.age, self._node.parameters.max_age)


def _status(name: str, level: bytes, summary: str, values: dict[str, object]) -> DiagnosticStatus:
    return diagnostics(Header(), name, level, summary, values).status[0]
