# SPDX-License-Identifier: Apache-2.0
"""Figures of sums that can be done in the head."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.evaluation.figures import better_temperature, figures
from seg_node.evaluation.sums import Sums
from seg_node.metrics import TEMPERATURES
from seg_node.taxonomy import load_taxonomy
from tiny import TAXONOMY

FINE = load_taxonomy('cityscapes19')


def test_figures_of_nothing_are_none_and_not_zero() -> None:
    found = figures(Sums.zero(3), TAXONOMY)

    assert found['mean_iou'] is None
    assert found['boundary_f1'] is None
    assert found['best_temperature'] is None
    assert found['drivable'] is None
    assert (found['classes_in_mean'], found['labelled_pixels']) == (0, 0)
    assert found['class_iou'] == {'lava': None, 'green road': None, 'water': None}


def test_best_temperature_is_that_of_the_least_sum() -> None:
    sums = Sums.zero(3)
    sums.nll_of_temperatures[:, 0] = abs(TEMPERATURES - 1.5) + 7
    sums.nll_of_temperatures[:, 1] = 10

    assert figures(sums, TAXONOMY)['best_temperature'] == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize(('used', 'better'), [(1.0, 1.5), (1.49, None), (None, None)])
def test_a_better_temperature_is_named_only_if_it_is_another(
    used: float | None, better: float | None
) -> None:
    assert better_temperature({'temperature': used, 'best_temperature': 1.5}) == better


def test_drivable_threshold_is_the_least_that_keeps_off_road_users() -> None:
    """1000 pixels of cars: 100 at level 100, 6 at 150, 4 at 200; so 201 is not needed, 151 is."""
    sums = Sums.zero(len(FINE))
    road, car = FINE.index('road'), FINE.index('car')
    sums.drivable[road, [120, 180, 250]] = [10, 20, 70]
    sums.drivable[car, [100, 150, 200, 256]] = [100, 6, 4, 890]

    found = figures(sums, FINE)['drivable']

    assert found['threshold'] == pytest.approx(150.5 / 255, abs=1e-6)
    assert found['recall'] == 0.9
    assert found['false_drivable_rate'] == 0.004
    assert found['at_half'] == {
        'recall': 0.9,
        'precision': 0.9,
        'iou': pytest.approx(90 / 110, abs=1e-6),
        'false_drivable_rate': 0.01,
    }


def test_categories_are_there_for_the_classes_of_cityscapes_alone() -> None:
    counts = Sums.zero(len(FINE))
    counts.confusion[FINE.index('car'), FINE.index('truck')] = 5

    assert figures(counts, FINE)['category_iou']['vehicle'] == 1.0
    assert figures(Sums.zero(3), TAXONOMY)['category_iou'] is None


def test_figures_of_images_are_means_of_those_that_have_one() -> None:
    sums = Sums.zero(3)
    sums.of_images[:] = np.array([[1.2, 2], [0.0, 0], [0.3, 3]])

    found = figures(sums, TAXONOMY)

    keys = ('mean_iou_of_images', 'boundary_f1', 'ece_of_images')
    assert [found[key] for key in keys] == [0.6, None, pytest.approx(0.1)]
