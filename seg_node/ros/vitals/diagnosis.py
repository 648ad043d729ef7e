# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself on ``/diagnostics``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it here
from std_msgs.msg import Header

from seg_node.interface.topics import DIAGNOSTICS
from seg_node.pipeline import CrfDecision
from seg_node.ros.outputs.messages import diagnostics
from seg_node.ros.qos import overridable, result

from .silence import silence_reason, Situation

if TYPE_CHECKING:
    from seg_node.ros.node import SegNode

    from .health import HealthReport

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
        self._timer = node.create_timer(period, self._publish, clock=clock)

    def _publish(self) -> None:
        if self._publisher.get_subscription_count():
            self._publisher.publish(self.message())

    def message(self) -> DiagnosticArray:
        """Return the present state."""
        node = self._node
        report = self._report()
        situation = self._situation(report)
        silence = silence_reason(situation)
        header = Header(stamp=node.get_clock().now().to_msg())
        return diagnostics(
            header,
            node.get_fully_qualified_name().lstrip('/'),
            self._level(silence, report),
            silence or self._summary(report),
            {
                'state': node.state,
                'enabled': node.enabled,
                'watched': situation.watched,
                'image_topic': situation.topic or 'none',
                **self._model(),
                **_figures(report),
                'silence': silence,
            },
        )

    def _report(self) -> HealthReport:
        """Return the counts of the camera, and the error of a transition if there is one."""
        report = self._node.cameras[0].health.report()
        whole = self._node.health.report()
        failed = '' if self._node.state == 'active' else whole.failing
        return replace(
            report,
            last_error=failed or report.last_error or whole.last_error,
            failing=failed or report.failing,
        )

    def _situation(self, report: HealthReport) -> Situation:
        node = self._node
        camera = node.cameras[0]
        topic = camera.topics.image if camera.topics else ''
        return Situation(
            state=node.state,
            enabled=node.enabled,
            watched=bool(camera.outputs and camera.outputs.wanted()),
            topic=topic,
            publishers=node.count_publishers(topic) if topic else 0,
            silent=report.silent,
            failing=report.failing,
        )

    def _level(self, silence: str, report: HealthReport) -> bytes:
        """Error: the node cannot do its work. Warning: it does not, or worse than it should."""
        if report.failing:
            return DiagnosticStatus.ERROR
        runner = self._node.runner
        is_slower = runner is not None and bool(runner.gpu_trouble)
        is_worse = is_slower or bool(report.crf_failing)
        return DiagnosticStatus.WARN if silence or is_worse else DiagnosticStatus.OK

    def _summary(self, report: HealthReport) -> str:
        """Return how fast masks come out, and what keeps the GPU from making them."""
        runner = self._node.runner
        parts = [f'{report.output_rate:.1f} masks per second']
        if runner is not None:
            parts += [runner.gpu, runner.gpu_trouble]
        if report.crf_failing:
            parts.append(f'the CRF fails: {report.crf_failing}')
        return '; '.join(filter(None, parts))

    def _model(self) -> dict[str, str]:
        runner = self._node.runner
        return {'engine': 'none'} if runner is None else runner.described()


def _figures(report: HealthReport) -> dict[str, Any]:
    return {
        'received': report.received,
        'processed': report.processed,
        **{f'dropped_{reason}': count for reason, count in sorted(report.dropped.items())},
        'input_rate_hz': report.input_rate,
        'output_rate_hz': report.output_rate,
        **{f'last_{stage}_ms': 1e3 * seconds for stage, seconds in report.times.items()},
        **{f'crf_{decision}': report.crf.get(decision, 0) for decision in get_args(CrfDecision)},
        'crf_rate_hz': report.crf_rate,
        **({} if report.crf_time is None else {'crf_cost_ms': 1e3 * report.crf_time}),
        'last_error': report.last_error,
    }
