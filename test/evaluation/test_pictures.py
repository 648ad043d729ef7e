# SPDX-License-Identifier: Apache-2.0
"""Sheets of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import Sample
from seg_node.evaluation import draw_frames, evaluate
from seg_node.evaluation.pictures import error_map, frame_row, TILE_WIDTH
from seg_node.evaluation.prediction import Prediction
from seg_node.evaluation.tally import FrameScore
from tiny import SIZE, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from tiny import Scenes

    UInt8Array = npt.NDArray[np.uint8]


def predicted(labels: UInt8Array, confidence: UInt8Array) -> Prediction:
    """Return a prediction; pictures have no use for its probabilities."""
    return Prediction(labels, confidence, np.empty((0, *labels.shape), np.float32))


def test_error_map_shows_right_wrong_sure_unsure_and_unlabelled() -> None:
    image = np.full((1, 4, 3), 100, np.uint8)
    sample = Sample('row', image, np.array([[0, 0, 0, 255]], np.uint8))
    prediction = predicted(
        np.array([[0, 1, 1, 1]], np.uint8), np.array([[255, 255, 0, 255]], np.uint8)
    )

    right, sure, unsure, unlabelled = error_map(sample, prediction)[0].tolist()

    assert right == [50, 50, 50]
    assert sure == [230, 0, 0]
    assert unsure == [255, 225, 0]
    assert unlabelled == [60, 90, 160]


def test_a_row_has_the_scores_and_the_four_pictures_of_a_frame() -> None:
    """All lava, taken for water with no confidence at all."""
    lava, water = np.full(SIZE, 0, np.uint8), np.full(SIZE, 2, np.uint8)
    sample = Sample('grey', np.full((*SIZE, 3), 100, np.uint8), lava)
    answer = predicted(water, np.zeros(SIZE, np.uint8))

    row = frame_row(sample, answer, FrameScore(0, 'grey', 0.25, 0.5, 0.0), TAXONOMY)

    assert row.caption == ('grey', 'mean IoU 25.0 %', '50.0 % right')
    colors = [(100, 100, 100), (201, 35, 35), (35, 35, 201), (255, 225, 0)]
    for picture, color in zip(row.pictures, colors, strict=True):
        np.testing.assert_array_equal(picture, np.full((*SIZE, 3), color))


def test_sheets_of_samples_and_of_the_worst_frames_are_written(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes, tmp_path: Path
) -> None:
    segmenter = make_segmenter()
    result = evaluate(segmenter, scenes, name='scenes', split='val')

    files = draw_frames(segmenter, scenes, result, tmp_path)

    assert [path.name for path in files] == ['samples.png', 'worst.png']
    for path in files:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.shape[0] > 3 * TILE_WIDTH * SIZE[0] // SIZE[1]
