# SPDX-License-Identifier: Apache-2.0
"""The picture of what accuracy costs: which variants are worth it, and that all are drawn."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.pareto_picture import COLORS, draw, front

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def variant(time: float, score: float | None, precision: str = 'fp32') -> dict[str, Any]:
    times = {'onnxruntime': {'cpu_best_ms': time}, 'openvino': {'cpu_best_ms': 0.9 * time}}
    size = [192, 256]
    return {
        'size': size,
        'stride': 2,
        'precision': precision,
        'mean_iou': score,
        'times': times,
    }


def result(*variants: dict[str, Any]) -> dict[str, Any]:
    return {
        'data': 'camvid',
        'drives': ['0016E5'],
        'frames': 3,
        'machine': {'processor': 'test'},
        'variants': list(variants),
    }


def test_front_leaves_out_what_another_beats_in_time_and_accuracy() -> None:
    fast, good, slower, worse = (
        variant(10, 0.4),
        variant(20, 0.5),
        variant(30, 0.5),
        variant(25, 0.45),
    )

    assert front([worse, slower, good, fast]) == [fast, good]


def test_each_precision_has_its_colour_in_the_picture(tmp_path: Path) -> None:
    path = tmp_path / 'pareto.png'

    draw(result(variant(10, 0.4, 'int8'), variant(20, 0.5)), path)

    picture = cv2.imread(str(path))
    assert picture is not None
    for color in COLORS.values():
        pixels = (picture[..., ::-1] == np.array(color)).all(axis=2).sum()
        assert pixels > 100  # dots in plot and legend


def test_nothing_is_drawn_without_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'pareto.png'

    draw(result(variant(10, None)), path)

    assert not path.exists()
    assert 'no accuracy was measured' in capsys.readouterr().out
