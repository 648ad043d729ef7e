# SPDX-License-Identifier: Apache-2.0
"""What the soak finds in figures that are made up: each fault misses its own bar."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from endurance.memory import Holdings

if TYPE_CHECKING:
    from collections.abc import Callable

    from endurance.age import Status
    from endurance.soak import Verdict

pytestmark = pytest.mark.needs_ros

SECONDS = 300.0
RATE = 30.0
OLDEST = 0.0985
"""One frame in ten is older [s]."""
LAST = 230.0
"""Faults begin here, in time for the last minute."""
MINUTE: tuple[tuple[str, Any], ...] = (('masks', 600), ('ms', {'median': 94.0}))
"""What is printed of a minute."""


def judged(
    *,
    hold: Callable[[Holdings], Holdings] = lambda one: one,
    status: Callable[[Status], Status] = lambda one: one,
    faults: tuple[str, ...] = (),
    recovery: float = 0.5,
    unaccounted: int = 1,
    load: float = 1.5,
    since: float = LAST,
    until: float = SECONDS,
    disturbed: bool = False,
) -> list[Verdict]:
    """Return what is judged of a run of five minutes whose end was changed.

    Args:
        hold: What is changed of the node's holdings, at the end.
        status: What is changed of each frame.
        faults: Headers that are wrong.
        recovery: Of one disturbance [s].
        unaccounted: Frames.
        load: Of the machine at the end.
        since: When ``status`` begins [s].
        until: When it ends [s].
        disturbed: Whether it was a run with faults.
    """
    from endurance.age import Status  # noqa: PLC0415
    from endurance.soak import Record, verdicts  # noqa: PLC0415  # needs ROS

    record = Record(begun=1000.0, faults=disturbed, recoveries=[('camera killed', recovery)])
    statuses = []
    for second in range(int(SECONDS)):
        late = second >= LAST
        holdings = Holdings(200.0, 40, 20, cpu=0.9 * second)
        record.samples.append((float(second), hold(holdings) if late else holdings))
        record.loads.append(load if late else 1.5)
        for part in range(10):
            frame = Status(1000.0 + second + part / 10, 0.09 + 0.001 * part, 0.02)
            statuses.append(status(frame) if since <= second < until else frame)
    heard = SimpleNamespace(statuses=statuses, faults=list(faults))
    stage: Any = SimpleNamespace(consumer=SimpleNamespace(heard=heard), open=lambda: unaccounted)
    return verdicts(stage, record, SECONDS, RATE)


def missed(**change: Any) -> list[str]:
    """Return the bars that such a run misses; keywords as for ``judged``."""
    return [one.what for one in judged(**change) if not one.passed]


def test_a_run_that_stays_the_same_passes() -> None:
    assert missed() == []


def test_with_faults_memory_is_compared_with_the_minute_after_each_has_come_once() -> None:
    from endurance.soak import _minute, _settled, Record  # noqa: PLC0415  # needs ROS

    record = Record(begun=0.0, faults=True)
    for second in range(1800):
        taken = 200.0 if second < 200 else 225.0  # once, by a larger image
        record.samples.append((float(second), Holdings(taken, 40, 20, cpu=0.0)))

    assert {one.rss_anon for one in _minute(record, _settled(1800.0))} == {225.0}
    grown = {'hold': lambda one: replace(one, rss_anon=210.0), 'disturbed': True}
    assert 'RssAnon, last minute / first' in missed(**grown)


@pytest.mark.parametrize(
    ('change', 'bar'),
    [
        ({'hold': lambda one: replace(one, rss_anon=210.0)}, 'RssAnon, last minute / first'),
        ({'hold': lambda one: replace(one, files=41)}, 'more file descriptors'),
        ({'hold': lambda one: replace(one, threads=21)}, 'more threads'),
        (
            {'hold': lambda one: replace(one, cpu=1.2 * one.cpu)},
            'processor time per mask, last / first',
        ),
        (
            {'status': lambda one: replace(one, age=1.2 * one.age)},
            'median latency, last minute / first',
        ),
        (
            {'status': lambda one: replace(one, age=0.25) if one.age > OLDEST else one},
            'p99 latency, last minute / first',
        ),
        ({'status': lambda one: replace(one, waited=0.1)}, 'waited p99.9, frame times'),
        ({'unaccounted': 3}, 'frames not accounted for'),
        ({'unaccounted': -3}, 'frames not accounted for'),
        ({'faults': ('who?',)}, 'headers that nobody sent'),
        ({'recovery': -1.0}, 'faults without masks within 2 s'),
    ],
    ids=lambda one: one if isinstance(one, str) else '',
)
def test_a_run_that_gets_worse_misses_its_bar(change: dict[str, Any], bar: str) -> None:
    assert missed(**change) == [bar]


@pytest.mark.parametrize(
    ('load', 'bars'), [(2.4, ['median latency, last minute / first']), (3, [])]
)
def test_latencies_are_judged_only_if_the_load_of_the_machine_was_alike(
    load: float, bars: list[str]
) -> None:
    assert missed(status=lambda one: replace(one, age=1.2 * one.age), load=load) == bars


@pytest.mark.parametrize(
    ('since', 'until', 'disturbed', 'bars'),
    [
        (0.0, 60.0, False, []),
        (60.0, 61.0, False, ['waited p99.9, frame times']),
        (150.0, 151.0, False, ['waited p99.9, frame times']),
        (150.0, 151.0, True, []),
        (299.0, 300.0, True, ['waited p99.9, frame times']),
    ],
)
def test_frames_may_wait_in_the_warm_up_and_while_there_are_faults(
    since: float, until: float, bars: list[str], *, disturbed: bool
) -> None:
    def wait(frame: Status) -> Status:
        return replace(frame, waited=0.1)

    assert missed(status=wait, since=since, until=until, disturbed=disturbed) == bars


@pytest.mark.parametrize(
    ('change', 'status', 'says_so'),
    [({}, 0, False), ({'load': 3.0}, 2, True), ({'load': 3.0, 'recovery': -1.0}, 1, True)],
)
def test_run_without_judged_latencies_is_not_passed_and_says_so_at_its_end(
    change: dict[str, Any], status: int, capsys: pytest.CaptureFixture[str], *, says_so: bool
) -> None:
    from endurance.soak import outcome, report  # noqa: PLC0415  # needs ROS

    found = judged(**change)
    minutes = {f'{name}_minute_{what}': one for name in ('first', 'last') for what, one in MINUTE}
    report(
        {
            **minutes,
            'verdicts': [{**asdict(one), 'passed': one.passed} for one in found],
            'recoveries': [],
            'loads_of_minutes': (1.5, 1.5),
            'masks': 3000,
            'load': [],
            'machine': {},
        }
    )

    assert outcome(found) == status
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith('latencies were not judged') is says_so
