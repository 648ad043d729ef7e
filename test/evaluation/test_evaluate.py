# SPDX-License-Identifier: Apache-2.0
"""Sums over a set, against the same set looked at as one big image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node import __version__
from seg_node.datasets import Sample
from seg_node.evaluation import evaluate
from seg_node.evaluation.prediction import Prediction
from seg_node.evaluation.sums import binned
from seg_node.evaluation.tally import Tally
from seg_node.metrics import calibration_error, count_confidence, count_pairs, mean_nll
from tiny import Scenes, SIZE, TAXONOMY

from .conftest import constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.pipeline import Segmenter


def test_counts_are_those_of_all_frames_seen_as_one_image(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()

    tally = evaluate(segmenter, scenes, name='scenes', split='val').tally

    answers = [segmenter(sample.image) for sample in scenes.samples]
    truth = np.concatenate([sample.labels for sample in scenes.samples])
    labels = np.concatenate([answer.labels for answer in answers])
    confidence = np.concatenate(
        [answer.confidence for answer in answers if answer.confidence is not None]
    )
    assert np.array_equal(tally.sums.confusion, count_pairs(truth, labels, 3))
    assert calibration_error(binned(tally.sums.confidence)) == pytest.approx(
        calibration_error(count_confidence(confidence, truth == labels)), rel=1e-9
    )
    shares = np.concatenate([segmenter.probabilities(one.image) for one in scenes.samples])
    of_truth = np.take_along_axis(shares, truth[..., None].astype(np.intp), axis=2)
    assert mean_nll(tally.sums.nll) == pytest.approx(-np.log(of_truth).mean(), rel=1e-5)
    assert [frame.name for frame in tally.frames] == ['scene_0', 'scene_1', 'scene_2']


def test_pixels_without_truth_have_no_say_in_anything(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    """Who says lava everywhere is right on the labelled half, and the rest is no matter."""
    labels = np.zeros(SIZE, np.uint8)
    labels[:, SIZE[1] // 2 :] = 255
    data = Scenes(TAXONOMY, (Sample('half', np.zeros((*SIZE, 3), np.uint8), labels),))
    lava = make_segmenter(function=constant(np.array([30, 0, 0], np.float32)))

    tally = evaluate(lava, data, name='half', split='val').tally

    assert tally.sums.confusion.tolist() == [[SIZE[0] * SIZE[1] // 2, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert tally.sums.confidence[:, 0].sum() == SIZE[0] * SIZE[1] // 2
    assert tally.frames[0].accuracy == 1.0


def test_what_was_measured_is_on_record(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    result = evaluate(make_segmenter(), scenes, name='my scenes', split='test')

    assert (result.dataset, result.split, result.classes) == ('my scenes', 'test', TAXONOMY)
    assert result.bundle == {
        'name': 'tiny',
        'sha256': '0123456789abcdef' * 4,
        'taxonomy': 'tiny3',
    }
    assert result.summed is False
    assert result.engine['name'] == 'fake'
    assert result.versions['seg_node'] == __version__
    assert result.machine['cores']


def test_worst_frames_come_worst_first_and_never_without_truth() -> None:
    tally = Tally(2)
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    even = np.full((2, 1, 4), 0.5, np.float32)
    for name, labels in (('good', truth), ('bad', 1 - truth), ('middling', truth * 0)):
        tally.add(
            Sample(name, np.zeros((1, 4, 3), np.uint8), truth),
            Prediction(labels, np.full((1, 4), 200, np.uint8), even),
        )
    unknown = Sample('unknown', np.zeros((1, 4, 3), np.uint8), np.full((1, 4), 255, np.uint8))
    tally.add(unknown, Prediction(truth, np.full((1, 4), 200, np.uint8), even))

    assert [frame.name for frame in tally.worst(2)] == ['bad', 'middling']
    assert [frame.index for frame in tally.worst(9)] == [1, 2, 0]
