# SPDX-License-Identifier: Apache-2.0
"""The slot between the executor and the worker."""

from __future__ import annotations

from threading import Thread

from seg_node.ros.latest import Latest


def test_take_returns_the_newest_item() -> None:
    slot: Latest[int] = Latest()

    dropped = [slot.put(number) for number in (1, 2, 3)]

    assert dropped == [False, True, True]
    assert slot.take() == 3


def test_take_waits_for_an_item() -> None:
    slot: Latest[int] = Latest()
    taken: list[int | None] = []
    taker = Thread(target=lambda: taken.append(slot.take()))
    taker.start()

    slot.put(7)
    taker.join(5.0)

    assert taken == [7]


def test_close_wakes_a_waiting_taker_with_none() -> None:
    slot: Latest[int] = Latest()
    taken: list[int | None] = []
    taker = Thread(target=lambda: taken.append(slot.take()))
    taker.start()

    slot.close()
    taker.join(5.0)

    assert taken == [None]


def test_put_says_that_the_item_is_lost_when_the_slot_is_closed() -> None:
    slot: Latest[int] = Latest()
    slot.put(1)

    slot.close()

    assert slot.put(2)
    assert slot.take() is None
