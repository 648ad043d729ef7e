# SPDX-License-Identifier: Apache-2.0
"""Labels and scores of a replayed drive are those of the segmenter and of an evaluation."""

from __future__ import annotations

import json
import math
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from replay.drives import SIZE, TRUTH_TOPIC
from replay.runs import FRAMES, images, records, run, TRUTH
from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

QUICK = (
    *('mean_iou', 'global_accuracy', 'class_iou', 'class_recall', 'boundary_iou', 'ece', 'aurc'),
    *('mean_iou_of_images', 'mean_entropy', 'confusion'),
)


def flat(value: Any) -> list[float]:
    """Return the numbers of nested data in order, NaN for None."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in flat(one)]
    return [math.nan if value is None else float(value)]


def test_every_frame_has_the_labels_that_the_segmenter_gives(
    whole: Replay, drive: Path, bundle: str
) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415 - needs onnxruntime

    with open_segmenter(bundle) as segmenter:
        expected = [segmenter(image) for image in images(drive)]

    found = records(whole.out)

    assert len(found) == FRAMES
    for record, one in zip(found, expected, strict=True):
        counts = np.bincount(one.labels.ravel(), minlength=3)
        assert record.class_pixels == tuple(counts)
        assert one.entropy is not None
        assert record.entropy == pytest.approx(one.entropy.mean() / 255)
        assert record.size == SIZE
        assert record.error is None
    assert [record.index for record in found] == list(range(FRAMES))
    assert np.diff([record.stamp_ns for record in found]).tolist() == [10**8] * (FRAMES - 1)


def test_scores_are_those_of_an_evaluation_of_the_same_images(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.datasets import Sample  # noqa: PLC0415
    from seg_node.evaluation import as_json, evaluate, open_for_evaluation  # noqa: PLC0415
    from seg_node.recordings.reader import Recording  # noqa: PLC0415
    from seg_node.replay.truth import label_pixels  # noqa: PLC0415 - needs rosbags
    from tiny import Scenes, TAXONOMY  # noqa: PLC0415

    recording = Recording(drive)
    truth = [
        label_pixels(found, recording.deserialize(found))
        for found in recording.messages([TRUTH_TOPIC])
    ]
    samples = [
        Sample('', image, labels) for image, labels in zip(images(drive), truth, strict=True)
    ]
    with open_for_evaluation(bundle, 'onnxruntime') as segmenter:
        result = evaluate(segmenter, Scenes(TAXONOMY, tuple(samples)), name='drive', split='all')
    expected = as_json(result)

    replayed = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH, full=True))

    scores = replayed.data['scores']
    assert replayed.data['frames_with_truth'] == FRAMES
    assert flat(scores) == pytest.approx(
        flat({name: expected[name] for name in scores}), abs=2e-6, nan_ok=True
    )
    assert replayed.data['sums']['confusion'] == expected['sums']['confusion']


def test_quick_scores_are_the_full_ones_as_far_as_they_go(
    whole: Replay, drive: Path, bundle: str, tmp_path: Path
) -> None:
    full = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH, full=True))

    quick = {name: one for name, one in whole.data['scores'].items() if name in QUICK}

    assert len(quick) == len(QUICK)
    expected = {name: full.data['scores'][name] for name in quick}
    assert flat(quick) == pytest.approx(flat(expected), abs=2e-6, nan_ok=True)


def test_written_file_says_what_is_returned(whole: Replay) -> None:
    written = json.loads((whole.out / 'replay.json').read_text(encoding='utf-8'))

    assert written == json.loads(json.dumps(whole.data))
    assert not (whole.out / 'journal').exists()
