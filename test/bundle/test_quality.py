# SPDX-License-Identifier: Apache-2.0
"""What a manifest takes from the JSON of an evaluation."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.bundle.quality import CONDITIONS, FIGURES, QUALITY_FORMAT, read_quality
from seg_node.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def evaluation(**changes: Any) -> dict[str, Any]:
    """Return what an evaluation writes, as far as a manifest is concerned."""
    return {
        'format': QUALITY_FORMAT,
        **dict.fromkeys((*CONDITIONS, *FIGURES), 0.123456),
        'sources': [source('camvid:/home/me/CamVid')],
        'class_iou': {'lava': 0.987654, 'water': None},
        'temperature': 1.25,
        'precision': 'fp32',
        'best_temperature': 1.26,
        'drivable': {'threshold': 0.42, 'recall': 0.912345},
        'a key of a later version': 1,
        **changes,
    }


def source(dataset: str) -> dict[str, Any]:
    """Return what was measured on what."""
    return {
        'bundle': 'fold a',
        'sha256': 'f' * 64,
        'dataset': dataset,
        'split': 'val',
        'frames': 7,
        'mean_iou': 0.123456,
    }


def write(folder: Path, data: object) -> Path:
    path = folder / 'pooled.json'
    path.write_text(json.dumps(data), encoding='utf-8')
    return path


def test_quality_keeps_figures_temperature_and_threshold(tmp_path: Path) -> None:
    quality = read_quality(write(tmp_path, evaluation()))

    assert (quality.temperature, quality.drivable_threshold) == (1.25, 0.42)
    assert quality.figures['mean_iou'] == 0.1235
    assert quality.figures['class_iou'] == {'lava': 0.9877, 'water': None}
    assert quality.figures['drivable'] == {'threshold': 0.42, 'recall': 0.9123}
    assert quality.figures['precision'] == 'fp32'
    assert 'a key of a later version' not in quality.figures


@pytest.mark.parametrize(
    ('dataset', 'data'),
    [
        ('camvid:/home/me/CamVid', 'camvid val'),
        ('/home/me/my_images', 'my_images val'),
        ('procedural:20@7', 'procedural 20@7 val'),
        ('default', 'default val'),
    ],
)
def test_quality_keeps_what_was_measured_and_not_where_it_lay(
    tmp_path: Path, dataset: str, data: str
) -> None:
    quality = read_quality(write(tmp_path, evaluation(sources=[source(dataset)])))

    (found,) = quality.figures['sources']
    assert found == {
        'bundle': 'fold a',
        'sha256': 'f' * 64,
        'data': data,
        'frames': 7,
        'mean_iou': 0.1235,
    }


def test_quality_has_no_threshold_where_nothing_is_drivable(tmp_path: Path) -> None:
    quality = read_quality(write(tmp_path, evaluation(drivable=None)))

    assert quality.drivable_threshold is None


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        pytest.param(evaluation(format='2.0'), "format '2.0'; expected 1.x", id='format'),
        pytest.param([], 'format None', id='no object'),
        pytest.param({'format': '1.1'}, 'lacks a figure', id='value missing'),
        pytest.param(
            evaluation(best_temperature=1.5), 'Evaluate with --temperature 1.5', id='temperature'
        ),
    ],
)
def test_quality_is_refused_with_what_to_do(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        read_quality(write(tmp_path, data))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match='nowhere'):
        read_quality(tmp_path / 'nowhere.json')
