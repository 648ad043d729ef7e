# SPDX-License-Identifier: Apache-2.0
"""Sheets of frames: image, truth, prediction and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

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

__all__ = ['SheetRow', 'draw_frames', 'draw_sheet', 'error_map']

# All in [px].
TILE_WIDTH = 400
GAP = 8
LINE = 26
SWATCH = 16
TEXT_SCALE = 0.5
INK: Color = (30, 30, 30)
WHITE = 255
COLUMNS = ('image', 'truth', 'prediction', 'errors')
SURE_AND_WRONG: Color = (230, 0, 0)
UNSURE_AND_WRONG: Color = (255, 225, 0)
NOT_LABELLED: Color = (60, 90, 160)
ALPHA = 0.65
SHEET_ROWS = 8


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One frame of a sheet.

    Attributes:
        caption: One line above the pictures.
        sample: Image and truth.
        prediction: What the bundle said.
    """

    caption: str
    sample: Sample
    prediction: Prediction


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
    truth = comparable(dataset, segmenter.engine.bundle.manifest.taxonomy)
    predict = Predictor(segmenter, truth.taxonomy)
    frames, tally = evaluation.tally.frames, evaluation.tally
    count = min(SHEET_ROWS, len(frames))
    chosen = {
        'samples': [frames[position * len(frames) // count] for position in range(count)],
        'worst': tally.worst(SHEET_ROWS),
    }
    headings = {'samples': 'frames from all over', 'worst': 'frames of the lowest mean IoU'}
    files = []
    for name, scores in chosen.items():
        rows = [_row(score, truth, predict) for score in scores]
        title = f'{evaluation.bundle["name"]} on {evaluation.dataset}: {headings[name]}'
        files.append(folder / f'{name}.png')
        write_png(files[-1], draw_sheet(title, rows, truth.taxonomy))
    return tuple(files)


def draw_sheet(title: str, rows: Sequence[SheetRow], classes: Taxonomy) -> UInt8Array:
    """Return a page with one row per frame and a legend.

    Args:
        title: One line at the top.
        rows: The frames; sizes may differ.
        classes: Those of truth and prediction.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    width = len(COLUMNS) * (TILE_WIDTH + GAP) + GAP
    parts = [_text_line(title, width, scale=0.7), _columns(width)]
    for row in rows:
        parts += [_text_line(row.caption, width), _tiles(row, classes, width)]
    return np.concatenate([*parts, _legend(classes, width)])


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


def _row(score: FrameScore, truth: Dataset, predict: Predictor) -> SheetRow:
    sample = truth[score.index]
    caption = (
        f'{sample.name}: mean IoU {100 * score.mean_iou:.1f} %, '
        f'{100 * score.accuracy:.1f} % of pixels right'
    )
    return SheetRow(caption, sample, predict(sample.image))


def _tiles(row: SheetRow, classes: Taxonomy, width: int) -> UInt8Array:
    image = row.sample.image
    pictures = (
        image,
        overlay(image, row.sample.labels, classes, ALPHA),
        overlay(image, row.prediction.labels, classes, ALPHA),
        error_map(row.sample, row.prediction),
    )
    height = max(round(TILE_WIDTH * image.shape[0] / image.shape[1]), 1)
    strip = np.full((height + GAP, width, 3), WHITE, np.uint8)
    for column, picture in enumerate(pictures):
        left = GAP + column * (TILE_WIDTH + GAP)
        tile = cv2.resize(picture, (TILE_WIDTH, height), interpolation=cv2.INTER_AREA)
        strip[:height, left : left + TILE_WIDTH] = tile
    return strip


def _columns(width: int) -> UInt8Array:
    line = np.full((LINE, width, 3), WHITE, np.uint8)
    for column, text in enumerate(COLUMNS):
        _write(line, text, GAP + column * (TILE_WIDTH + GAP), thickness=2)
    return line


def _text_line(text: str, width: int, *, scale: float = TEXT_SCALE) -> UInt8Array:
    line = np.full((round(LINE * scale / TEXT_SCALE), width, 3), WHITE, np.uint8)
    _write(line, text, GAP, scale=scale)
    return line


def _legend(classes: Taxonomy, width: int) -> UInt8Array:
    """Return swatches with names, on as many lines as they need."""
    entries = [(one.name, one.color) for one in classes.classes]
    entries += [
        ('wrong, unsure', UNSURE_AND_WRONG),
        ('wrong, sure', SURE_AND_WRONG),
        ('unlabelled', NOT_LABELLED),
    ]
    lines = [np.full((LINE, width, 3), WHITE, np.uint8)]
    left = GAP
    for name, color in entries:
        needed = SWATCH + 2 * GAP + _text_width(name) + GAP
        if left + needed > width and left > GAP:
            lines.append(np.full((LINE, width, 3), WHITE, np.uint8))
            left = GAP
        top = (LINE - SWATCH) // 2
        lines[-1][top : top + SWATCH, left : left + SWATCH] = color
        _write(lines[-1], name, left + SWATCH + GAP)
        left += needed
    return np.concatenate(lines)


def _write(
    line: UInt8Array, text: str, left: int, *, scale: float = TEXT_SCALE, thickness: int = 1
) -> None:
    base = round(len(line) * 0.68)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(line, text, (left, base), font, scale, INK, thickness, cv2.LINE_AA)


def _text_width(text: str) -> int:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)
    return int(width)
