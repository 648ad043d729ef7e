# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of several cameras makes of masks that came."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_ros,
    pytest.mark.needs_torch,
]


def judged(
    counts: dict[str, int], wait: float, part: str = 'six', masks_hz: float = 4.0
) -> tuple[dict[str, Any], Any]:
    """Return summary and verdicts for cameras of 10 Hz that waited so long for each mask [s]."""
    from bench_cameras import bars_of, Served, summary  # noqa: PLC0415  # needs ROS

    served = {
        name: Served(
            [0.5 * number for number in range(count)], [wait + 0.1] * count, [wait] * count
        )
        for name, count in counts.items()
    }
    found = summary(served, rate_out=masks_hz, rate_in=10.0)
    return found, [met for *_, met in bars_of(part, found)]


def test_even_and_young_masks_meet_the_bars() -> None:
    found, verdicts = judged({'front': 20, 'left': 19}, wait=0.15)

    assert verdicts == [True, True, True]
    assert found['least_to_most'] == pytest.approx(0.95)
    assert found['wait_in_frame_times'] == pytest.approx(1.5)
    assert found['age_ms']['p50'] == pytest.approx(250.0)
    assert found['longest_gap_s'] == 0.5
    assert found['overload'] == 5.0


def test_camera_that_is_served_less_misses_its_bar() -> None:
    _, verdicts = judged({'front': 20, 'left': 17}, wait=0.15)

    assert verdicts == [True, True, False]


def test_camera_that_starves_misses_its_bar() -> None:
    _, verdicts = judged({'front': 20, 'left': 0}, wait=0.15)

    assert verdicts == [True, True, False]


def test_frames_older_than_two_frame_times_miss_their_bar() -> None:
    _, verdicts = judged({'': 20}, wait=0.21, part='fast', masks_hz=1.0)

    assert verdicts == [False, True]


@pytest.mark.parametrize(('masks_hz', 'met'), [(1.2, True), (1.3, False)])
def test_node_that_was_not_overloaded_has_shown_nothing(masks_hz: float, *, met: bool) -> None:
    _, verdicts = judged({'': 20}, wait=0.1, part='fast', masks_hz=masks_hz)

    assert verdicts == [True, met]


@pytest.mark.parametrize('capacity', [7.0, 55.0, 390.0])
def test_cameras_are_made_faster_until_no_more_masks_come(capacity: float) -> None:
    from bench_cameras import capacity_of  # noqa: PLC0415

    assert capacity_of(lambda rate: min(rate, capacity)) == capacity


def test_rate_of_the_cameras_is_that_of_what_they_sent() -> None:
    from bench_cameras import Ring  # noqa: PLC0415

    ring = Ring()
    ring.told = '100.5 20\n101.5 29\n102.75 47\n'

    assert ring.rate() == pytest.approx(12.0)


def test_one_old_frame_counts_while_there_is_no_such_percentile() -> None:
    from bench_cameras import Served, summary  # noqa: PLC0415

    def highest(count: int) -> float:
        waits = [0.01] * (count - 1) + [0.9]
        found = summary({'': Served([0.0, 1.0], waits, waits)}, rate_out=1.0, rate_in=1.0)
        return float(found['wait_in_frame_times'])

    assert highest(999) == pytest.approx(0.9)
    assert highest(5000) == pytest.approx(0.01)
