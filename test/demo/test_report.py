# SPDX-License-Identifier: Apache-2.0
"""The table a user reads."""

from __future__ import annotations

import copy
from typing import Any

from seg_node.demo.report import headline, table

SUMMARY: dict[str, Any] = {
    'input': {
        'words': 'procedural drive, seed 0',
        'frames': 80,
        'sizes_height_width': [[720, 1280]],
        'drive_rate_hz': 8.0,
        'played_rate_hz': 8.0,
        'skipped_files': [],
    },
    'bundle': {'name': 'default', 'sha256': 'abc123'},
    'engine': {'name': 'onnxruntime', 'device': 'CPU', 'reason': 'auto: no GPU.'},
    'frames': {'sent': 80, 'masks': 80, 'foreign_masks': 0, 'lost_on_the_way': 0, 'dropped': {}},
    'latency_ms': {'p50': 101.4, 'p95': 120.0, 'p99': 130.0, 'max': 131.0},
    'stages_ms': {'wait': {'p50': 1.0}, 'infer': {'p50': 60.25}, 'fit': {'p50': 1.0}},
    'quality': {'mean_iou': 0.61234, 'classes_in_mean': 19, 'frames': 80},
    'crf': {
        'frames_refined': 0,
        'decisions': {'off': 80},
        'backend': None,
        'cost_ms': {},
        'compared_frames': 0,
        'mean_iou_before': None,
        'mean_iou_after': None,
    },
}


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    summary = copy.deepcopy(SUMMARY)
    for name, fields in parts.items():
        summary[name].update(fields)
    return summary


def test_table_of_a_good_run() -> None:
    latency = 'p50 101 ms, p95 120 ms, p99 130 ms'

    assert table(SUMMARY).splitlines() == [
        '  input    procedural drive, seed 0, 1280 x 720, 80 frames',
        '  rate     8 Hz',
        '  bundle   default (sha256 abc123)',
        '  engine   onnxruntime on CPU (auto: no GPU)',
        '  frames   80 sent, 80 masks back, none lost',
        f"  latency  {latency}; from the image's stamp to the mask in another process",
        '  node     fit 1.0, infer 60.2 ms (medians)',
        '  quality  mIoU 0.612 against exact labels (19 classes, 80 frames)',
        '  CRF      frames refined: 0 (CRF off)',
    ]


def test_table_tells_of_every_kind_of_loss() -> None:
    lost = {
        'masks': 70,
        'lost_on_the_way': 2,
        'dropped': {'superseded': 5, 'stale': 1},
        'lost_masks': 2,
        'foreign_masks': 3,
    }

    text = table(changed(frames=lost))

    for words in (
        '80 sent, 70 masks back',
        '2 lost on the way to the node',
        '5 dropped (superseded)',
        '1 dropped (stale)',
        '2 masks lost on the way back',
        '3 masks with a stamp that nobody sent',
    ):
        assert words in text
    assert 'none lost' not in text


def test_table_tells_of_slow_motion_odd_sizes_and_broken_files() -> None:
    odd = {
        'played_rate_hz': 2.345,
        'sizes_height_width': [[2, 3], [4, 5]],
        'skipped_files': ['a.png', 'b.png'],
    }

    text = table(changed(input=odd))

    assert '2.3 Hz, slowed down from 8 Hz' in text
    assert '2 sizes' in text
    assert '2 files could not be decoded (a.png, ...)' in text


def test_table_without_truth_masks_and_times() -> None:
    summary = changed(quality={'mean_iou': None, 'reason': 'nobody knows'})
    summary.update(latency_ms={}, stages_ms={})

    text = table(summary)

    assert 'quality  nobody knows' in text
    assert 'no mask came back' in text
    assert 'reported no times' in text


def test_table_counts_what_the_crf_refined() -> None:
    decided = {'ran': 7, 'certain': 70, 'no_time': 3}

    cost = {'p50': 41.6, 'p95': 50.0, 'p99': 50.0, 'max': 50.0}
    ran = {'frames_refined': 7, 'decisions': decided, 'backend': 'native', 'cost_ms': cost}

    text = table(changed(crf=ran))

    assert text.endswith('frames refined: 7 (native, median 42 ms), certain: 70, no time: 3')


def test_table_says_what_the_crf_was_worth() -> None:
    known = {'compared_frames': 5, 'mean_iou_before': 0.5, 'mean_iou_after': 0.5125}

    text = table(changed(crf={'frames_refined': 7, 'decisions': {'ran': 7}, **known}))

    assert text.endswith('refined: 7; mIoU of 5 of them 0.500 before, 0.512 after')


def test_headline_is_one_line_with_the_main_numbers() -> None:
    line = headline(SUMMARY)

    assert '\n' not in line
    for words in ('1280 x 720', 'onnxruntime on CPU', 'median latency 101 ms', 'mIoU 0.612'):
        assert words in line
    assert 'latency' not in headline(SUMMARY, latency=False)
    assert 'mIoU' not in headline(changed(quality={'mean_iou': None}))
