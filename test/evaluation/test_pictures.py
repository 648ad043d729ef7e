# SPDX-License-Identifier: Apache-2.0
"""Sheets of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import Sample
from seg_node.evaluation import draw_frames, evaluate
from seg_node.evaluation.pictures import (
    COLUMNS,
    draw_sheet,
    error_map,
    GAP,
    SheetRow,
    TILE_WIDTH,
)
from seg_node.evaluation.prediction import Prediction
from tiny import SIZE, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter

    from .conftest import Scenes

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


def test_a_sheet_has_the_four_pictures_of_a_frame_side_by_side() -> None:
    """All lava, taken for water with no confidence at all."""
    lava, water = np.full(SIZE, 0, np.uint8), np.full(SIZE, 2, np.uint8)
    sample = Sample('grey', np.full((*SIZE, 3), 100, np.uint8), lava)
    row = SheetRow('caption', sample, predicted(water, np.zeros(SIZE, np.uint8)))

    sheet = draw_sheet('title', [row], TAXONOMY)

    columns = sheet[sheet.shape[0] // 2, GAP:].reshape(len(COLUMNS), TILE_WIDTH + GAP, 3)
    assert (columns[0, :TILE_WIDTH] == 100).all()
    assert (columns[1, :TILE_WIDTH] == (201, 35, 35)).all()
    assert (columns[2, :TILE_WIDTH] == (35, 35, 201)).all()
    assert (columns[3, :TILE_WIDTH] == (255, 225, 0)).all()


def test_a_sheet_grows_with_its_frames(scenes: Scenes) -> None:
    certain = np.full(SIZE, 255, np.uint8)
    rows = [SheetRow('', one, predicted(one.labels, certain)) for one in scenes.samples]

    heights = [draw_sheet('title', rows[:count], TAXONOMY).shape[0] for count in (1, 2, 3)]

    assert heights[2] - heights[1] == heights[1] - heights[0] > TILE_WIDTH * SIZE[0] // SIZE[1]


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
