# SPDX-License-Identifier: Apache-2.0
"""The counts of a camera as keys and values for diagnostics. Free of ROS."""

from __future__ import annotations

from typing import get_args, TYPE_CHECKING

from seg_node.pipeline import CrfDecision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .health import HealthReport
    from .percentiles import Spread
    from .silence import Situation

__all__ = ['camera_figures', 'clock_trouble', 'summary_of']

FAR_OFF_S = 5.0
"""As long as the watchdog waits for a frame; stamps further from our clock are of another one."""


def camera_figures(report: HealthReport, situation: Situation) -> dict[str, object]:
    """Return what is known of a camera, by key; ``docs/diagnostics.md`` explains each."""
    senders = (
        f'{one.node} {one.kind} {one.quality}' + (f' ({one.misfit})' if one.misfit else '')
        for one in situation.publishers
    )
    return {
        'watched': situation.watched,
        'image_topic': situation.topic or 'none',
        'publishers': '; '.join(senders) or 'none',
        'qos_mismatches': '; '.join(f'{on}: {why}' for on, why in report.mismatches.items()),
        'received': report.received,
        'processed': report.processed,
        **{f'dropped_{reason}': count for reason, count in sorted(report.dropped.items())},
        'input_rate_hz': report.input_rate,
        'output_rate_hz': report.output_rate,
        **_known('last_image_s', report.silent),
        **_known('last_mask_s', report.masked),
        **_known('age_s', report.age),
        'watchdog_overruns': report.overruns,
        **_times(report),
        **{f'crf_{decision}': report.crf.get(decision, 0) for decision in get_args(CrfDecision)},
        'crf_rate_hz': report.crf_rate,
        **({} if report.crf_time is None else {'crf_cost_ms': 1e3 * report.crf_time}),
    }


def _known(key: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {key: value}


def _times(report: HealthReport) -> dict[str, float]:
    """Return the last time of each stage and its percentiles [ms]."""
    last = {f'last_{stage}_ms': 1e3 * seconds for stage, seconds in report.times.items()}
    for stage, spread in report.spreads.items():
        last |= _percentiles(stage, spread)
    return last


def _percentiles(stage: str, spread: Spread) -> dict[str, float]:
    named = {'p50': spread.p50, 'p95': spread.p95, 'p99': spread.p99}
    return {f'{stage}_{name}_ms': 1e3 * seconds for name, seconds in named.items()}


def clock_trouble(age: float | None, max_age: float) -> str:
    """Return that stamps are far from the node's clock; empty if they are not.

    Args:
        age: Of the last mask [s]; negative if its stamp is in the future, None without a stamp.
        max_age: The parameter [s]. Above 0 it drops what is old, but never what is in the future.
    """
    if age is None or abs(age) <= FAR_OFF_S or (age > 0.0 and max_age):
        return ''
    side = 'behind' if age > 0.0 else 'ahead of'
    return (
        f"stamps are {abs(age):.0f} s {side} this node's clock: synchronise the clocks of camera "
        'and node or set use_sim_time, see max_age'
    )


def summary_of(report: HealthReport, *, gpu: Iterable[str], clock: str) -> str:
    """Return how fast masks come out, and what makes them worse than they should be.

    Args:
        report: Of the camera.
        gpu: What it is doing and why it is not in use, where that is so.
        clock: That stamps are far from the node's clock, where they are.
    """
    crf = f'the CRF fails: {report.crf_failing}' if report.crf_failing else ''
    parts = (f'{report.output_rate:.1f} masks per second', *gpu, crf, clock)
    return '; '.join(filter(None, parts))
