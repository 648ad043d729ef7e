# SPDX-License-Identifier: Apache-2.0
"""Lines of frames.jsonl."""

from __future__ import annotations

from dataclasses import replace

from seg_node.replay.record import FrameRecord

RECORD = FrameRecord(
    bag='drive',
    topic='/eye',
    index=7,
    stamp_ns=10**18 + 1,
    log_ns=10**18 + 5,
    size=(3, 4),
    times={'decode': 0.001, 'total': 0.1},
    crf='ran',
    crf_predicted=0.02,
    uncertain_fraction=0.25,
    entropy=0.125,
    class_pixels=(4, 8, 0),
    flicker=0.1,
    confusion=((0, 0, 4), (1, 2, 8)),
)


def test_line_gives_back_the_record() -> None:
    line = RECORD.to_json()

    assert '\n' not in line
    assert FrameRecord.from_json(line) == RECORD


def test_line_of_a_frame_without_result_gives_it_back() -> None:
    damaged = FrameRecord('drive', '/eye', 8, 1, 2, error='Image is "cut" short.\nReally.')

    assert '\n' not in damaged.to_json()
    assert FrameRecord.from_json(damaged.to_json()) == damaged


def test_runs_that_differ_in_time_alone_are_the_same_without_it() -> None:
    slower = replace(RECORD, times={'total': 9.0}, crf_predicted=1.0)

    assert slower.timeless() == RECORD.timeless()
    assert replace(RECORD, entropy=0.5).timeless() != RECORD.timeless()
