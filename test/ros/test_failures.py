# SPDX-License-Identifier: Apache-2.0
"""When an engine has failed for good."""

from __future__ import annotations

import pytest

from seg_node.ros.vitals.failures import FailureRow, FEWEST


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands until the test moves it."""
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    return now


def look_each_second(row: FailureRow, clock: list[float], *seen: tuple[int, int]) -> list[float]:
    """Return what is said of (failures, masks), second by second."""
    said = []
    for failures, masks in seen:
        said.append(row.look(failures, masks))
        clock[0] += 1.0
    return said


def test_row_is_measured_from_its_first_failure_to_its_newest(clock: list[float]) -> None:
    seen = ((0, 5), (1, 5), (8, 5), (FEWEST, 5), (30, 5), (30, 5), (30, 5), (31, 5))

    said = look_each_second(FailureRow(), clock, *seen)

    assert said == [0.0, 0.0, 0.0, 2.0, 3.0, 3.0, 3.0, 6.0]


def test_burst_of_failures_does_not_grow_old(clock: list[float]) -> None:
    row = FailureRow()
    row.look(FEWEST, 0)
    clock[0] += 3600.0

    assert row.look(FEWEST, 0) == 0.0


def test_row_begins_anew_where_the_counts_do(clock: list[float]) -> None:
    seen = ((20, 0), (40, 0), (20, 0), (40, 0))

    assert look_each_second(FailureRow(), clock, *seen) == [0.0, 1.0, 0.0, 1.0]


def test_single_mask_in_between_ends_the_row(clock: list[float]) -> None:
    seen = ((20, 0), (40, 0), (20, 1), (40, 1))

    assert look_each_second(FailureRow(), clock, *seen) == [0.0, 1.0, 0.0, 1.0]


def test_few_failures_are_no_row_however_long_ago(clock: list[float]) -> None:
    row = FailureRow()
    row.look(1, 0)
    clock[0] += 3600.0

    assert row.look(FEWEST - 1, 0) == 0.0
