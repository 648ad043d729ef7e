# SPDX-License-Identifier: Apache-2.0
"""Smoothing where decisions of a node are followed: frames that it never saw leave no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from replay.drives import TOPIC
from replay.runs import images, records, run
from seg_node.pipeline import SegmenterOptions, SmoothingOptions
from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

DROPPED = (4, 5, 13)


def test_frames_without_a_decision_are_not_shown_to_the_smoothing(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415 - needs onnxruntime

    smoothing = SmoothingOptions('average', 0.9)
    plain = records(run([drive], tmp_path / 'plain', ReplayOptions(bundle)).out)
    decisions = tmp_path / 'decisions.jsonl'
    seen = [one for one in plain if one.index not in DROPPED]
    decisions.write_text(''.join(f'{one.to_json()}\n' for one in seen), encoding='utf-8')
    options = ReplayOptions(bundle, smoothing=smoothing, follow=decisions, topics=(TOPIC,))

    followed = records(run([drive], tmp_path / 'followed', options).out)

    with open_segmenter(bundle, options=SegmenterOptions(smoothing=smoothing)) as segmenter:
        for record, image in zip(followed, images(drive), strict=True):
            stamp = None if record.index in DROPPED else record.stamp_ns * 1e-9
            labels = segmenter(image, stamp=stamp).labels
            assert record.class_pixels == tuple(np.bincount(labels.ravel(), minlength=3))
