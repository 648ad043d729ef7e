# SPDX-License-Identifier: Apache-2.0
"""The watchdog on the worker's thread."""

from __future__ import annotations

from threading import Event, Thread
import time
from typing import Any

import pytest

from seg_node.errors import ImageError
from seg_node.imaging import rgb_pixels
from seg_node.ros.vitals.watchdog import Watch

TIMEOUT_S = 5.0


def test_idle_worker_is_never_overdue() -> None:
    watch = Watch()
    watch.enter('publish')
    watch.begin()
    watch.end()
    time.sleep(0.01)

    assert watch.overdue(0.001) is None


def test_frame_is_overdue_after_the_limit_whatever_its_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    watch = Watch()
    watch.begin('front', 'left')
    now[0] += 3.0
    watch.enter('segment')
    now[0] += 1.9
    in_time = watch.overdue(5.0)
    now[0] += 0.2

    overdue = watch.overdue(5.0)

    assert in_time is None
    assert overdue is not None
    assert (overdue.stage, overdue.cameras) == ('segment', ('front', 'left'))
    assert overdue.seconds == pytest.approx(5.1)
    assert "of 'front' and 'left' for 5.1 s, in stage 'segment'" in str(overdue)


def test_limit_of_zero_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    watch = Watch()
    watch.begin()
    now[0] += 1e6

    assert watch.overdue(0.0) is None


def test_place_is_the_innermost_function_of_ours() -> None:
    begun, may_go_on = Event(), Event()

    class Hanging:
        """A message that hangs when it is read."""

        def __getattr__(self, name: str) -> Any:
            begun.set()
            may_go_on.wait(TIMEOUT_S)
            raise ImageError(name)

    hanging: Any = Hanging()
    watch = Watch()

    def work() -> None:
        watch.begin()
        watch.enter('decode')
        with pytest.raises(ImageError):
            rgb_pixels(hanging)
        watch.end()

    thread = Thread(target=work)
    thread.start()
    assert begun.wait(TIMEOUT_S)
    time.sleep(0.01)
    overdue = watch.overdue(0.001)
    may_go_on.set()
    thread.join(TIMEOUT_S)

    assert overdue is not None
    assert overdue.place.startswith('seg_node/imaging/')
    assert ', line ' in overdue.place
    assert watch.overdue(0.001) is None
