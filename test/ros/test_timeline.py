# SPDX-License-Identifier: Apache-2.0
"""Time of a recording, on a clock that the test moves."""

from __future__ import annotations

import pytest

from seg_node.ros.drives.timeline import Timeline

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND


class Clock:
    """Shows what it is set to [s]."""

    now = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


def test_time_runs_at_the_rate(clock: Clock) -> None:
    timeline = Timeline(0.5, clock)
    timeline.jump(BEGIN)

    due = timeline.until(BEGIN + SECOND)
    clock.now += 3.0

    assert due == pytest.approx(2.0)
    assert timeline.until(BEGIN + SECOND) == pytest.approx(-1.0)
    assert timeline.log_ns - BEGIN == pytest.approx(1.5 * SECOND)


def test_time_stands_still_while_paused_and_goes_on_where_it_stood(clock: Clock) -> None:
    timeline = Timeline(1.0, clock)
    timeline.jump(BEGIN)
    clock.now += 1.0

    timeline.pause()
    clock.now += 10.0
    timeline.pause()
    clock.now += 10.0
    still = timeline.log_ns
    timeline.resume()
    timeline.resume()
    clock.now += 0.5

    assert still == BEGIN + SECOND
    assert timeline.log_ns == BEGIN + SECOND * 3 // 2
    assert timeline.until(BEGIN + 2 * SECOND) == pytest.approx(0.5)


@pytest.mark.parametrize('target', [BEGIN - 1000 * SECOND, BEGIN + 1000 * SECOND])
@pytest.mark.parametrize('paused', [False, True])
def test_a_jump_goes_on_from_the_new_time(clock: Clock, target: int, *, paused: bool) -> None:
    timeline = Timeline(2.0, clock)
    timeline.jump(BEGIN)
    clock.now += 1.0
    if paused:
        timeline.pause()

    timeline.jump(target)
    clock.now += 5.0 if paused else 0.0
    timeline.resume()

    assert timeline.log_ns == target
    clock.now += 1.0
    assert timeline.log_ns == target + 2 * SECOND
