# SPDX-License-Identifier: Apache-2.0
"""Sums before and after the CRF, against an evaluation of the same labels."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.evaluation.figures import figures
from seg_node.evaluation.prediction import Prediction
from seg_node.evaluation.tally import Tally
from seg_node.metrics import boundary_f1_of_classes
from seg_node.tuning.sums import Effect, sums_of_frame, total
from tiny import scene, TAXONOMY

from .conftest import sums


def test_figures_are_those_of_an_evaluation_of_the_same_labels() -> None:
    tally = Tally(3)
    parts = []
    for seed in range(3):
        image, truth = scene(seed=seed)
        labels = np.roll(truth, seed, axis=1)
        planes = np.eye(3, dtype=np.float32)[labels].transpose(2, 0, 1)
        tally.add(Sample('s', image, truth), Prediction(labels, labels, planes))
        parts.append(sums_of_frame(truth, labels, 3))

    got = parts[0] + parts[1] + parts[2]

    expected = figures(tally.sums, TAXONOMY)
    assert got.mean_iou == pytest.approx(expected['mean_iou'], abs=1e-6)
    assert got.boundary_f1 == pytest.approx(expected['boundary_f1'], abs=1e-6)
    assert got.class_iou == pytest.approx(list(expected['class_iou'].values()), abs=1e-6)


def test_boundary_f1_of_a_class_is_the_mean_over_images_that_have_its_outline() -> None:
    two = np.zeros((20, 20), np.uint8)
    two[:, 10:] = 1
    three = two.copy()
    three[:5] = 2

    got = sums_of_frame(two, two, 4) + sums_of_frame(three, two, 4)

    assert got.class_boundary_f1[2] == 0.0  # missed in the only image that has it
    of_second = boundary_f1_of_classes(three, two, 4)[0]
    assert got.class_boundary_f1[0] == pytest.approx((1.0 + of_second) / 2)
    assert np.isnan(got.class_boundary_f1[3])


def test_an_image_without_an_outline_counts_for_nothing() -> None:
    flat = np.zeros((8, 8), np.uint8)

    got = sums_of_frame(flat, flat, 2)

    assert got.of_images.tolist() == [0.0, 0.0]
    assert np.isnan(got.boundary_f1)


def test_changes_are_in_points_and_the_worst_class_is_found() -> None:
    before = sums([[8, 2, 0], [2, 8, 0], [0, 0, 0]], 0.40)
    after = sums([[10, 0, 0], [5, 5, 0], [0, 0, 0]], 0.45)

    effect = total([Effect(before, after), Effect(before, after)])

    assert effect.boundary_gain == pytest.approx(5.0)
    assert effect.class_changes[:2] == pytest.approx([0, 100 * (5 / 10 - 8 / 12)], abs=1e-9)
    assert effect.worst_change == pytest.approx(effect.class_changes[1])
    assert np.isnan(effect.class_changes[2])
    assert effect.iou_gain == pytest.approx(effect.class_changes[:2].mean())
