# SPDX-License-Identifier: Apache-2.0
"""Sheets of frames: image, truth, prediction and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.drawing import Sheet, SheetRow
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.imaging import overlay
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets import Dataset, Sample
    from seg_node.evaluation.evaluate import Evaluation
    from seg_node.evaluation.prediction import Prediction
    from seg_node.evaluation.tally import FrameScore
    from seg_node.pipeline import Segmenter
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['draw_frames', 'error_map', 'frame_row', 'frame_rows', 'worst_rows', 'write_png']

COLUMNS = ('image', 'truth', 'prediction', 'errors')
SURE_AND_WRONG: Color = (230, 0, 0)
UNSURE_AND_WRONG: Color = (255, 225, 0)
NOT_LABELLED: Color = (60, 90, 160)
KEYS: dict[str, Color | int] = {
    'wrong, unsure': UNSURE_AND_WRONG,
    'wrong, sure': SURE_AND_WRONG,
    'unlabelled': NOT_LABELLED,
}
ALPHA = 0.65
SHEET_ROWS = 8
TILE_WIDTH = 400  # [px]


def draw_frames(
    segmenter: Segmenter, dataset: Dataset, evaluation: Evaluation, folder: Path
) -> tuple[Path, ...]:
    """Draw some frames from all over the data set, and the worst ones.

    Args:
        segmenter: The one that was evaluated; it runs these frames again.
        dataset: The one that was evaluated.
        evaluation: What ``evaluate`` returned for the two.
        folder: Where ``samples.png`` and ``worst.png`` go; it exists.

    Returns:
        The files.
    """
    frames, tally = evaluation.tally.frames, evaluation.tally
    count = min(SHEET_ROWS, len(frames))
    chosen = {
        'samples': [frames[position * len(frames) // count] for position in range(count)],
        'worst': tally.worst(SHEET_ROWS),
    }
    headings = {'samples': 'Frames from all over', 'worst': 'Frames of the lowest mean IoU'}
    subtitle = f'{evaluation.bundle["name"]} on {evaluation.dataset}'
    classes = evaluation.classes
    files = []
    for name, scores in chosen.items():
        rows = frame_rows(segmenter, dataset, evaluation, scores)
        title = headings[name]
        sheet = Sheet(title, subtitle, COLUMNS, rows, classes, KEYS, 'errors', TILE_WIDTH)
        files.append(folder / f'{name}.png')
        write_png(files[-1], sheet.draw())
    return tuple(files)


def worst_rows(segmenter: Segmenter, dataset: Dataset, evaluation: Evaluation) -> list[SheetRow]:
    """Return the frames of the lowest mean IoU, as from ``frame_rows``."""
    return frame_rows(segmenter, dataset, evaluation, evaluation.tally.worst(SHEET_ROWS))


def frame_rows(
    segmenter: Segmenter, dataset: Dataset, evaluation: Evaluation, scores: Sequence[FrameScore]
) -> list[SheetRow]:
    """Run some frames again and return name, scores and the four pictures of each.

    Args:
        segmenter: The one that was evaluated.
        dataset: The one that was evaluated.
        evaluation: What ``evaluate`` returned for the two.
        scores: Those of the frames.
    """
    truth = comparable(dataset, segmenter.engine.bundle.manifest.taxonomy)
    predict = Predictor(segmenter, truth.taxonomy, evaluation.views)
    samples = ((truth[score.index], score) for score in scores)
    return [frame_row(one, predict(one.image), score, truth.taxonomy) for one, score in samples]


def frame_row(
    sample: Sample, prediction: Prediction, score: FrameScore, classes: Taxonomy
) -> SheetRow:
    """Return name, scores and the four pictures of a frame; classes are those of both labels."""
    caption = [
        sample.name,
        f'mean IoU {100 * score.mean_iou:.1f} %',
        f'{100 * score.accuracy:.1f} % right',
    ]
    if score.confused is not None:
        true, guessed, share = score.confused
        caption += [
            f'most often wrong, {100 * share:.1f} %:',
            f'{classes.names[true]} taken',
            f'for {classes.names[guessed]}',
        ]
    pictures = (
        sample.image,
        overlay(sample.image, sample.labels, classes, ALPHA),
        overlay(sample.image, prediction.labels, classes, ALPHA),
        error_map(sample, prediction),
    )
    return SheetRow(tuple(caption), pictures)


def error_map(sample: Sample, prediction: Prediction) -> UInt8Array:
    """Return where a prediction is wrong, on a dim grey image.

    Wrong pixels are yellow where the bundle was unsure and red where it was sure; pixels without
    truth are blue.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    grey = cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY) // 2
    picture: UInt8Array = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    levels = np.linspace(UNSURE_AND_WRONG, SURE_AND_WRONG, 256).astype(np.uint8)
    wrong = prediction.labels != sample.labels
    picture[wrong] = levels[prediction.confidence[wrong]]
    picture[sample.labels == UNLABELLED] = NOT_LABELLED
    return picture


def write_png(path: Path, picture: UInt8Array) -> None:
    """Write an (H, W, 3) uint8 RGB picture.

    Raises:
        OSError: If the file cannot be written.
    """
    _, data = cv2.imencode('.png', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.write_bytes(data.tobytes())
