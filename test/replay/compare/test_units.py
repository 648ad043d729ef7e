# SPDX-License-Identifier: Apache-2.0
"""Which frames are drawn together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from replay.records import drive, NANO, record
from seg_node.replay.compare.units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.replay.record import FrameRecord


def units_of_frames(frames: Sequence[FrameRecord]) -> Units:
    return units_of([one.bag for one in frames], [one.log_ns for one in frames])


@pytest.mark.parametrize(('seconds', 'expected'), [(3, 1), (9.9, 1), (10.1, 2), (51, 10)])
def test_a_recording_is_cut_into_as_many_equal_blocks_as_fit(
    seconds: float, expected: int
) -> None:
    frames = drive(round(seconds * 10) + 1)

    units = units_of_frames(frames)

    assert (units.kind, units.count) == ('block', expected)
    sizes = np.bincount(units.of_frame)
    assert sizes.max() - sizes.min() <= 2
    times = np.array([one.log_ns for one in frames]) / NANO
    for unit in range(expected if seconds > 5 else 0):
        inside = times[units.of_frame == unit]
        assert np.ptp(inside) + 0.1 >= 5.0


def test_cameras_of_one_recording_share_blocks() -> None:
    left = drive(120)
    right = drive(120, topic='/right/image')

    units = units_of_frames(left + right)

    assert units.count == 2
    assert units.of_frame[:120].tolist() == units.of_frame[120:].tolist()


def test_recordings_never_share_a_block() -> None:
    units = units_of_frames(drive(20) + drive(20, bag='other'))

    assert units.of_frame.tolist() == [0] * 20 + [1] * 20


def test_whole_recordings_are_drawn_where_there_are_many() -> None:
    frames = [record(0, bag=f'drive {number}') for number in range(10)]

    units = units_of_frames(frames)

    assert (units.kind, units.count) == ('recording', 10)


def test_a_gap_in_a_recording_leaves_no_empty_unit() -> None:
    frames = [record(index) for index in (0, 1, 1000, 1001)]

    units = units_of_frames(frames)

    assert units.of_frame.tolist() == [0, 0, 1, 1]
    assert units.count == 2
