# SPDX-License-Identifier: Apache-2.0
"""The thread that processes frames."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from seg_node.ros.cameras.worker import Frame, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S = 5.0


def test_worker_skips_to_the_newest_frame_while_it_is_busy() -> None:
    seen: list[str] = []
    begun, may_go_on, done = Event(), Event(), Event()

    def process(frames: Sequence[Frame]) -> None:
        (frame,) = frames
        seen.append(frame.message)
        begun.set()
        may_go_on.wait(TIMEOUT_S)
        if frame.message == 'd':
            done.set()

    worker = Worker(process)
    worker.put(Frame('a'))
    assert begun.wait(TIMEOUT_S)
    dropped = [worker.put(Frame(name)) for name in 'bcd']
    may_go_on.set()

    assert done.wait(TIMEOUT_S)
    assert seen == ['a', 'd']
    assert dropped == [False, True, True]
    assert worker.stop(TIMEOUT_S)


def test_stop_finishes_the_frame_at_hand_and_forgets_the_waiting_one() -> None:
    seen: list[str] = []
    begun, may_go_on = Event(), Event()

    def process(frames: Sequence[Frame]) -> None:
        (frame,) = frames
        begun.set()
        may_go_on.wait(TIMEOUT_S)
        seen.append(frame.message)

    worker = Worker(process)
    worker.put(Frame('a'))
    assert begun.wait(TIMEOUT_S)
    worker.put(Frame('b'))
    assert not worker.stop(0.01)
    may_go_on.set()

    assert worker.stop(TIMEOUT_S)
    assert seen == ['a']


def test_frame_remembers_when_it_arrived() -> None:
    first, second = Frame('a'), Frame('b')

    assert 0.0 <= second.arrived - first.arrived < TIMEOUT_S
