# SPDX-License-Identifier: Apache-2.0
"""What was sent, matched with what came back."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from demo.runs import FIRST_NS, SIZE, stamp_of, words, write_run
from seg_node.demo.record import read_record
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path


def test_moments_carry_what_came_back_for_their_stamp(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 3, lost=(1,))

    record = read_record(tmp_path / 'record', reel, performance)

    assert [moment.stamp_ns for moment in record.moments] == [stamp_of(i) for i in range(3)]
    assert [moment.index for moment in record.with_mask()] == [0, 2]
    last = record.moments[2]
    image, labels = scene(SIZE, 2)
    assert np.array_equal(last.image(), image)
    truth, mask = last.truth(), last.plane('mask')
    assert truth is not None
    assert mask is not None
    assert np.array_equal(truth, labels)
    assert np.array_equal(mask, labels)
    assert last.latency == pytest.approx(3e-3)
    assert last.status['infer_ms'] == '30'


def test_lost_moment_has_an_image_and_nothing_else(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 2, lost=(1,))

    lost = read_record(tmp_path / 'record', reel, performance).moments[1]

    assert np.array_equal(lost.image(), scene(SIZE, 1)[0])
    assert lost.plane('mask') is None
    assert lost.latency is None
    assert lost.status == {}


def test_truth_is_none_where_there_is_no_file(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 1)
    reel = replace(reel, truths=tmp_path / 'nowhere')

    record = read_record(tmp_path / 'record', reel, performance)

    assert record.moments[0].truth() is None


def test_masks_that_nobody_sent_are_counted_but_not_those_of_the_rehearsal(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 2)
    with (tmp_path / 'record' / 'records.jsonl').open('a', encoding='utf-8') as lines:
        lines.write(json.dumps({'topic': 'mask', 'stamp_ns': 77, 'received_ns': 78}) + '\n')

    record = read_record(tmp_path / 'record', reel, performance)

    assert record.strangers == 1


def test_diagnostics_are_those_of_the_last_message(tmp_path: Path) -> None:
    reel, performance = write_run(tmp_path, 1)
    with (tmp_path / 'record' / 'records.jsonl').open('a', encoding='utf-8') as lines:
        for received in ('3', '4'):
            one = words('diagnostics', FIRST_NS, FIRST_NS, {'received': received})
            lines.write(json.dumps(one) + '\n')

    record = read_record(tmp_path / 'record', reel, performance)

    assert record.diagnostics == {'received': '4'}
