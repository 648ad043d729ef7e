# SPDX-License-Identifier: Apache-2.0
"""Corruptions: repeatable, worse with each strength, and what they claim to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.errors import ParameterError
from seg_node.evaluation import corrupt, corruption_sheet, CORRUPTIONS
from seg_node.evaluation.corruptions import STRENGTHS
from seg_node.evaluation.robustness import measure_robustness, robustness_text
from tiny import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from tiny import Scenes

NAMES = tuple(CORRUPTIONS)


@pytest.fixture(scope='module')
def street() -> npt.NDArray[np.uint8]:
    """An image with structure: a dark ground, a bright sky, edges between."""
    image = np.full((72, 96, 3), (90, 95, 100), np.uint8)
    image[:24] = (190, 205, 225)
    image[30:60, 20:50] = (120, 60, 40)
    image[::6, 60:] = 30
    image[30:, 55::5] = 20
    return image


@pytest.mark.parametrize('name', NAMES)
def test_the_same_frame_is_always_corrupted_in_the_same_way(
    street: npt.NDArray[np.uint8], name: str
) -> None:
    before = street.copy()

    first, again = corrupt(street, name, 3, 'frame'), corrupt(street, name, 3, 'frame')

    assert np.array_equal(first, again)
    assert np.array_equal(street, before)
    assert first.dtype == np.uint8
    assert first.shape == street.shape
    assert not np.array_equal(first, street)


@pytest.mark.parametrize('name', [name for name in NAMES if name != 'jpeg'])
def test_frames_differ_in_their_noise(street: npt.NDArray[np.uint8], name: str) -> None:
    assert not np.array_equal(corrupt(street, name, 3, 'a'), corrupt(street, name, 3, 'b'))


@pytest.mark.parametrize('name', NAMES)
def test_a_stronger_corruption_is_further_from_the_image(
    street: npt.NDArray[np.uint8], name: str
) -> None:
    clean = street.astype(np.float64)

    distances = [
        float(np.sqrt(np.mean((corrupt(street, name, one, 'frame') - clean) ** 2)))
        for one in STRENGTHS
    ]

    assert distances == sorted(distances)
    assert distances[0] > 1
    assert distances[-1] > 1.5 * distances[0]


def test_night_is_dark_bluish_and_noisy_where_it_is_dark() -> None:
    grey = np.full((60, 200, 3), 40, np.uint8)
    grey[:, 100:] = 220

    night = corrupt(grey, 'night', 4, 'frame').astype(np.float64)

    dark, bright = night[:, :100], night[:, 100:]
    assert bright.mean() < 150
    assert bright[..., 2].mean() > 1.1 * bright[..., 0].mean()
    assert dark.std() / dark.mean() > 3 * bright[..., 1].std() / bright[..., 1].mean()


def test_blur_keeps_the_light_and_goes_mostly_sideways() -> None:
    point = np.zeros((81, 81, 3), np.uint8)
    point[38:43, 38:43] = 255

    blurred = corrupt(point, 'blur', 5, 'frame')

    light = (blurred / 255.0) ** 2.2
    assert light.sum() == pytest.approx(75, rel=0.1)
    rows, columns = np.nonzero(blurred[..., 0])
    assert np.ptp(columns) > np.ptp(rows)


def test_glare_only_adds_light_around_one_place() -> None:
    night = np.zeros((90, 120, 3), np.uint8)

    glare = corrupt(night, 'glare', 3, 'frame').astype(np.float64).sum(axis=2)

    top, left = np.unravel_index(int(glare.argmax()), glare.shape)
    assert 0.05 * 90 < top < 0.4 * 90
    assert 0.15 * 120 < left < 0.85 * 120
    assert glare[-1].mean() < 0.6 * glare.max()


@pytest.mark.parametrize(
    ('name', 'strength', 'message'),
    [('fog', 1, "Unknown corruption 'fog'"), ('rain', 6, 'expected a whole number from 1 to 5')],
)
def test_unknown_corruptions_are_refused(name: str, strength: int, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        corrupt(np.zeros((4, 4, 3), np.uint8), name, strength, 'frame')


def test_robustness_measures_each_condition_like_an_evaluation(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()

    data = measure_robustness(segmenter, scenes, ('night', 'jpeg'))

    right = [
        float(np.mean(segmenter(corrupt(one.image, 'night', 5, one.name)).labels == one.labels))
        for one in scenes.samples
    ]
    assert np.mean(right) < 0.98
    assert list(data['corruptions']) == ['night', 'jpeg']
    assert data['clean']['mean_iou'] > data['corruptions']['night'][4]['mean_iou']
    assert data['corruptions']['night'][4]['mean_entropy'] > data['clean']['mean_entropy']
    assert data['clean']['classes_in_mean'] == 3
    lines = robustness_text(data).splitlines()
    assert lines[2].split()[0] == 'night'
    assert lines[2].split()[1] == f'{100 * data["clean"]["mean_iou"]:.1f}'


def test_the_sheet_has_a_tile_for_every_corruption_and_strength(scenes: Scenes) -> None:
    sheet = corruption_sheet(scenes[0])

    assert sheet.shape[0] > len(NAMES) * 300 * SIZE[0] // SIZE[1]
    assert sheet.shape[1] > 6 * 300
