# SPDX-License-Identifier: Apache-2.0
"""Whose frame is next."""

from __future__ import annotations

from threading import Thread

from seg_node.ros.cameras.schedule import Schedule


def test_take_returns_the_newest_item_of_a_source() -> None:
    schedule: Schedule[int] = Schedule([''])

    dropped = [schedule.put('', number) for number in (1, 2, 3)]

    assert dropped == [False, True, True]
    assert schedule.take() == 3


def test_item_of_another_source_is_not_dropped() -> None:
    schedule: Schedule[str] = Schedule(['front', 'left'])

    assert not schedule.put('front', 'f')
    assert not schedule.put('left', 'l')

    assert (schedule.take(), schedule.take()) == ('f', 'l')


def test_source_that_was_served_longest_ago_is_next() -> None:
    schedule: Schedule[str] = Schedule(['a', 'b', 'c'])
    taken = []
    for ready in ('a', 'ab', 'ac', 'bc', 'abc', 'abc'):
        for name in ready:
            schedule.put(name, name)
        taken.append(schedule.take())

    assert taken == ['a', 'b', 'c', 'a', 'b', 'c']


def test_take_waits_for_an_item() -> None:
    schedule: Schedule[int] = Schedule([''])
    taken: list[int | None] = []
    taker = Thread(target=lambda: taken.append(schedule.take()))
    taker.start()

    schedule.put('', 7)
    taker.join(5.0)

    assert taken == [7]


def test_close_wakes_a_waiting_taker_with_none() -> None:
    schedule: Schedule[int] = Schedule([''])
    taken: list[int | None] = []
    taker = Thread(target=lambda: taken.append(schedule.take()))
    taker.start()

    schedule.close()
    taker.join(5.0)

    assert taken == [None]


def test_put_says_that_the_item_is_lost_when_the_schedule_is_closed() -> None:
    schedule: Schedule[int] = Schedule([''])
    schedule.put('', 1)

    schedule.close()

    assert schedule.put('', 2)
    assert schedule.take() is None
