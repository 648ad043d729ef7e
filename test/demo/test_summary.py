# SPDX-License-Identifier: Apache-2.0
"""Numbers of a run, against what one can work out by hand."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from demo.runs import SIZE, write_run
from seg_node.demo.record import read_record, Record
from seg_node.demo.summary import (
    crf_decisions,
    frame_counts,
    percentiles,
    processor,
    quality,
    stage_times,
    versions,
)
from seg_node.taxonomy import load_taxonomy
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path


def record_of(folder: Path, frames: int, **odd: Any) -> Record:
    reel, performance = write_run(folder, frames, **odd)
    return read_record(folder / 'record', reel, performance)


def test_percentiles_are_those_of_the_values() -> None:
    found = percentiles(float(value) for value in range(101))

    assert found == {'p50': 50.0, 'p95': 95.0, 'p99': 99.0, 'max': 100.0}


def test_percentiles_of_nothing_are_empty() -> None:
    assert percentiles([]) == {}


def test_stage_times_take_every_stage_in_its_order_and_nothing_else() -> None:
    statuses = [
        {'fit_ms': str(n), 'crf_predicted_ms': '7', 'infer_ms': str(10 * n), 'crf': 'off'}
        for n in (1, 2, 3)
    ]

    found = stage_times(statuses)

    assert list(found) == ['fit', 'infer']
    assert found['fit']['p50'] == 2
    assert found['infer']['max'] == 30


def test_frame_counts_add_up_and_leave_out_the_rehearsal(tmp_path: Path) -> None:
    # 10 sent, 9 received, 2 dropped, 7 published, 6 masks here
    counts = {'received': '15', 'dropped_superseded': '2', 'dropped_stale': '1'}
    before = {'received': '6', 'dropped_stale': '1'}
    record = replace(record_of(tmp_path, 10, lost=(1, 3, 5, 7)), diagnostics=counts)

    found = frame_counts(record, before)

    assert found == {
        'sent': 10,
        'masks': 6,
        'foreign_masks': 0,
        'received_by_node': 9,
        'lost_on_the_way': 1,
        'dropped': {'superseded': 2},
        'lost_masks': 1,
    }


def test_frame_counts_say_when_the_node_has_not_reported(tmp_path: Path) -> None:
    found = frame_counts(record_of(tmp_path, 1), {})

    assert found['received_by_node'] is None
    assert (found['sent'], found['masks']) == (1, 1)


def test_crf_decisions_are_counted(tmp_path: Path) -> None:
    found = crf_decisions(record_of(tmp_path, 3).moments)

    assert found['frames_refined'] == 1
    assert found['decisions'] == {'ran': 1, 'off': 2}
    assert found['backend'] == 'native'
    assert found['cost_ms']['p50'] == 40.0


def test_quality_is_one_for_a_perfect_node(tmp_path: Path) -> None:
    found = quality(record_of(tmp_path, 3).moments, TAXONOMY, TAXONOMY)

    assert found['mean_iou'] == 1.0
    assert found['class_iou'] == {'lava': 1.0, 'green road': 1.0, 'water': 1.0}
    assert (found['classes_in_mean'], found['frames']) == (3, 3)


def test_quality_sums_over_frames_before_it_divides(tmp_path: Path) -> None:
    truths = np.stack([scene(SIZE, index)[1] for index in range(3)])
    masks = truths.copy()
    masks[1] = 0
    expected = [
        ((truths == one) & (masks == one)).sum() / ((truths == one) | (masks == one)).sum()
        for one in range(3)
    ]

    found = quality(record_of(tmp_path, 3, wrong=(1,)).moments, TAXONOMY, TAXONOMY)

    assert found['mean_iou'] == pytest.approx(np.mean(expected))


def test_quality_leaves_out_frames_that_were_lost(tmp_path: Path) -> None:
    found = quality(record_of(tmp_path, 3, lost=(0,)).moments, TAXONOMY, TAXONOMY)

    assert (found['mean_iou'], found['frames']) == (1.0, 2)


def test_quality_gives_a_reason_when_the_classes_have_no_relation(tmp_path: Path) -> None:
    found = quality(record_of(tmp_path, 1).moments, load_taxonomy('camvid11'), TAXONOMY)

    assert found['mean_iou'] is None
    assert 'no grouping is known' in found['reason']


def test_versions_name_what_is_installed() -> None:
    found = versions()

    assert found['numpy'] == np.__version__
    assert json.loads(json.dumps(found)) == found


def test_processor_is_read_from_the_system(tmp_path: Path) -> None:
    cpuinfo = tmp_path / 'cpuinfo'
    cpuinfo.write_text('processor : 0\nmodel name\t: Difference Engine: No. 2\n', encoding='utf-8')

    assert processor(cpuinfo) == 'Difference Engine: No. 2'
    assert processor(tmp_path / 'nowhere')
