# SPDX-License-Identifier: Apache-2.0
"""Whose frame is next."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread
import time

import pytest

from seg_node.ros.cameras.schedule import Schedule

SIX = ('a', 'b', 'c', 'd', 'e', 'f')


@dataclass
class Clock:
    """Time that passes only when it is told to [s]."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the present time."""
        return self.now


@dataclass
class Day:
    """A worker that takes a fixed time for each item, and cameras with rates of their own.

    Attributes:
        periods: From item to item of each camera [s].
        work: Time for one item [s].
        served: Times at which each camera's items were taken [s].
        ages: How old each item was when it was taken [s].
    """

    periods: dict[str, float]
    work: float
    served: dict[str, list[float]] = field(default_factory=dict)
    ages: list[float] = field(default_factory=list)

    def simulate(self, seconds: float) -> Counter[str]:
        """Return how often each camera was served."""
        clock = Clock()
        schedule: Schedule[tuple[str, float]] = Schedule(self.periods, clock=clock)
        arrivals = deque(
            sorted(
                (number * period, name)
                for name, period in self.periods.items()
                for number in range(int(seconds / period))
            )
        )
        waiting = 0
        while arrivals:
            clock.now = max(clock.now, arrivals[0][0]) if not waiting else clock.now
            while arrivals and arrivals[0][0] <= clock.now:
                moment, name = arrivals.popleft()
                waiting += not schedule.put(name, (name, moment))
            ((name, moment),) = schedule.take()
            waiting -= 1
            self.served.setdefault(name, []).append(clock.now)
            self.ages.append(clock.now - moment)
            clock.now += self.work
        return Counter({name: len(times) for name, times in self.served.items()})


@pytest.mark.parametrize('overload', [1.2, 3.0, 50.0])
def test_six_equal_cameras_are_served_equally_often(overload: float) -> None:
    day = Day(dict.fromkeys(SIX, 0.05), work=overload * 0.05 / 6)

    served = day.simulate(60.0)

    assert set(served) == set(SIX)
    assert max(served.values()) - min(served.values()) <= 1


def test_no_camera_starves_beside_faster_ones() -> None:
    """A slow camera gets all its frames through; the fast ones share the rest equally."""
    day = Day({'slow': 0.5, 'fast': 0.01, 'faster': 0.001, 'fastest': 0.0005}, work=0.1)

    served = day.simulate(60.0)

    assert served['slow'] == 120
    rest = [served[name] for name in ('fast', 'faster', 'fastest')]
    assert max(rest) - min(rest) <= 1


def test_no_camera_waits_longer_than_a_turn_of_each_other_one() -> None:
    day = Day({name: 0.003 * (1 + number) for number, name in enumerate(SIX)}, work=0.04)

    day.simulate(30.0)

    for times in day.served.values():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert max(gaps) <= len(SIX) * 0.04 + 1e-9


@pytest.mark.parametrize('period', [0.001, 0.01, 0.09])
def test_item_is_never_older_than_a_period_when_its_turn_comes(period: float) -> None:
    """However fast the cameras: what a worker takes is the newest there is."""
    day = Day(dict.fromkeys(SIX, period), work=0.1)

    day.simulate(30.0)

    assert max(day.ages) <= period + 1e-9


def test_take_returns_the_newest_item_of_a_source() -> None:
    schedule: Schedule[int] = Schedule([''])

    dropped = [schedule.put('', number) for number in (1, 2, 3)]

    assert dropped == [False, True, True]
    assert schedule.take() == [3]


def test_item_of_another_source_is_not_dropped() -> None:
    schedule: Schedule[str] = Schedule(['front', 'left'])

    assert not schedule.put('front', 'f')
    assert not schedule.put('left', 'l')

    assert (schedule.take(), schedule.take()) == (['f'], ['l'])


def test_source_that_was_served_longest_ago_is_next() -> None:
    schedule: Schedule[str] = Schedule(['a', 'b', 'c'])
    taken = []
    for ready in ('a', 'ab', 'ac', 'bc', 'abc', 'abc'):
        for name in ready:
            schedule.put(name, name)
        taken += schedule.take()

    assert taken == ['a', 'b', 'c', 'a', 'b', 'c']


def test_take_waits_for_an_item() -> None:
    schedule: Schedule[int] = Schedule([''])
    taken: list[list[int]] = []
    taker = Thread(target=lambda: taken.append(schedule.take()))
    taker.start()

    schedule.put('', 7)
    taker.join(5.0)

    assert taken == [[7]]


def test_close_wakes_a_waiting_taker_with_nothing() -> None:
    schedule: Schedule[int] = Schedule([''])
    taken: list[list[int]] = []
    taker = Thread(target=lambda: taken.append(schedule.take()))
    taker.start()

    schedule.close()
    taker.join(5.0)

    assert taken == [[]]


def test_put_says_that_the_item_is_lost_when_the_schedule_is_closed() -> None:
    schedule: Schedule[int] = Schedule([''])
    schedule.put('', 1)

    schedule.close()

    assert schedule.put('', 2)
    assert schedule.take() == []


def grouped(slop: float, **stamps: float) -> list[list[str]]:
    """Return the groups that items with these stamps are taken in, all waiting already."""
    schedule: Schedule[str] = Schedule(stamps, lambda: slop)
    for name, stamp in stamps.items():
        schedule.put(name, name, stamp)
    groups = []
    left = set(stamps)
    while left:
        groups.append(schedule.take())
        left -= set(groups[-1])
    return groups


def test_items_whose_stamps_are_close_come_together() -> None:
    assert grouped(0.01, a=1.0, b=1.009, c=0.995, d=1.2) == [['a', 'b', 'c'], ['d']]


def test_without_a_slop_each_item_comes_by_itself() -> None:
    assert grouped(0.0, a=1.0, b=1.0) == [['a'], ['b']]


def test_group_waits_for_the_others_of_its_moment() -> None:
    """Cameras that are triggered together do not arrive together."""
    schedule: Schedule[str] = Schedule(['a', 'b'], lambda: 2.0)
    schedule.put('b', 'b0', 0.0)  # alive
    schedule.put('a', 'a0', 0.0)
    assert schedule.take() == ['a0', 'b0']
    taken: list[list[str]] = []
    taker = Thread(target=lambda: taken.append(schedule.take()))
    taker.start()

    schedule.put('b', 'b1', 1.0)
    time.sleep(0.05)
    waiting = list(taken)
    schedule.put('a', 'a1', 1.005)
    taker.join(5.0)

    assert waiting == []
    assert taken == [['a1', 'b1']]


def test_group_waits_no_longer_than_the_slop() -> None:
    schedule: Schedule[str] = Schedule(['a', 'b'], lambda: 0.05)
    schedule.put('a', 'a0', 0.0)
    schedule.put('b', 'b0', 0.0)
    schedule.take()

    schedule.put('a', 'a1', 1.0)
    started = time.monotonic()
    taken = schedule.take()

    assert taken == ['a1']
    assert 0.04 <= time.monotonic() - started < 4.0


def test_newer_items_do_not_prolong_the_wait() -> None:
    clock = Clock()
    schedule: Schedule[str] = Schedule(['a', 'b'], lambda: 0.5, clock)
    schedule.put('b', 'b0', 0.0)
    schedule.put('a', 'a0', 0.0)
    schedule.take()
    for moment in (0.1, 0.3, 0.6):
        clock.now = moment
        schedule.put('a', f'a at {moment}', moment)

    assert schedule.take() == ['a at 0.6']  # it would wait for b in real time


def test_group_does_not_wait_for_a_camera_that_is_silent() -> None:
    clock = Clock()
    schedule: Schedule[str] = Schedule(['a', 'b'], lambda: 1.0, clock)
    schedule.put('b', 'b0', 0.0)
    assert schedule.take() == ['b0']
    clock.now = 5.0

    schedule.put('a', 'a1', 5.0)

    assert schedule.take() == ['a1']
