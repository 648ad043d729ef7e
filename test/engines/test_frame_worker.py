# SPDX-License-Identifier: Apache-2.0
"""Frames that wait in another thread."""

from __future__ import annotations

from threading import current_thread, Event, Thread
import time
from typing import TYPE_CHECKING

import pytest

from seg_node.engines.standby.frame_worker import FrameWorker
from seg_node.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.engines.base import Inferred

TIMEOUT_S = 20.0
HOP_S = 1e-4
ROUNDS = 500


@pytest.fixture
def worker() -> Iterator[FrameWorker]:
    made = FrameWorker()
    yield made
    made.close()


def test_all_frames_run_in_one_thread_that_does_not_keep_the_process(worker: FrameWorker) -> None:
    seen: list[Thread] = []
    given: list[Inferred] = []

    def work() -> list[Inferred]:
        seen.append(current_thread())
        return given

    assert worker.run(work, TIMEOUT_S) is given
    assert worker.run(work, TIMEOUT_S) is given
    worker.close()
    seen[0].join(TIMEOUT_S)

    assert seen[0] is seen[1] is not current_thread()
    assert seen[0].daemon
    assert not seen[0].is_alive()


def test_errors_come_out_where_the_frame_went_in(worker: FrameWorker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.run(lambda: [1 // 0], TIMEOUT_S)  # type: ignore[list-item]

    assert worker.run(list, TIMEOUT_S) == []


def test_late_answer_is_not_taken_for_that_of_the_next_frame(worker: FrameWorker) -> None:
    release, late, right = Event(), Event(), ['right']

    def hang() -> list[Inferred]:
        release.wait(TIMEOUT_S)
        late.set()
        return []

    with pytest.raises(DeviceError, match=r'not answered a frame for 0\.05 s') as info:
        worker.run(hang, 0.05)
    assert info.value.sticky
    release.set()
    assert late.wait(TIMEOUT_S)

    assert worker.run(lambda: right, TIMEOUT_S) is right  # type: ignore[arg-type, return-value, comparison-overlap]


def test_way_to_the_thread_and_back_takes_less_than_a_tenth_of_a_millisecond(
    worker: FrameWorker,
) -> None:
    worker.run(list, TIMEOUT_S)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        worker.run(list, TIMEOUT_S)
        times.append(time.perf_counter() - began)

    assert sorted(times)[ROUNDS // 4] < HOP_S  # a busy machine disturbs the others
