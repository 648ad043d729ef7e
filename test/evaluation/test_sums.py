# SPDX-License-Identifier: Apache-2.0
"""Sums, which add up, go through JSON unharmed, and are those of the metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.errors import DatasetError
from seg_node.evaluation import evaluate
from seg_node.evaluation.frame_sums import sum_grouped_nll
from seg_node.evaluation.sums import binned, ERROR_GRID, Sums
from seg_node.metrics import count_confidence, LEVELS, sum_nll, sum_nll_of_temperatures
from seg_node.pipeline import Outputs
from tiny import SIZE

from .conftest import Scenes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter

RANDOM = np.random.default_rng(5)


def distribution(classes: int, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return random probabilities."""
    powers = np.exp(3 * RANDOM.normal(size=(classes, *size))).astype(np.float32)
    planes: npt.NDArray[np.float32] = powers / powers.sum(axis=0)
    return planes


def test_bins_of_levels_are_those_of_the_pixels() -> None:
    confidence = RANDOM.integers(0, 256, 5000).astype(np.uint8)
    confidence[:256] = np.arange(256)
    right = RANDOM.random(5000) < 0.7

    fine = binned(count_confidence(confidence, right, LEVELS))

    np.testing.assert_allclose(fine, count_confidence(confidence, right), rtol=1e-6)


def test_sums_go_through_json_unharmed(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    sums = evaluate(make_segmenter(), scenes, name='scenes', split='val').tally.sums

    again = Sums.from_plain(json.loads(json.dumps(sums.to_plain())), 3)

    assert again.to_plain() == sums.to_plain()
    assert again.confusion.dtype == np.int64


def test_sums_of_two_halves_are_those_of_the_whole(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()
    halves = [Scenes(scenes.taxonomy, part) for part in (scenes.samples[:1], scenes.samples[1:])]

    total = Sums.zero(3)
    for half in halves:
        total.add(evaluate(segmenter, half, name='half', split='val').tally.sums)

    whole = evaluate(segmenter, scenes, name='scenes', split='val').tally.sums
    assert total.to_plain() == whole.to_plain()


@pytest.mark.parametrize('change', ['missing', 'shape', 'negative', 'word'])
def test_sums_that_are_damaged_are_refused(change: str) -> None:
    data = Sums.zero(3).to_plain()
    damage = {'missing': None, 'shape': [[1, 2]], 'negative': [[-1] * 3] * 3, 'word': 'many'}
    data['confusion'] = damage[change]

    with pytest.raises((DatasetError, ValueError), match=r"'confusion'|could not convert"):
        Sums.from_plain(data, 3)


def test_grouped_likelihood_is_the_plain_one_where_groups_are_single_classes() -> None:
    planes = distribution(4, (9, 11))
    truth = RANDOM.integers(0, 4, (9, 11)).astype(np.uint8)
    truth[0] = 255
    temperatures = np.array([0.5, 1.0, 2.5])

    grouped = sum_grouped_nll(planes, truth, np.eye(4, dtype=np.float32), temperatures, step=1)

    plain = sum_nll_of_temperatures(np.log(planes), truth, temperatures, step=1)
    np.testing.assert_allclose(grouped, plain, rtol=1e-5)
    np.testing.assert_allclose(grouped[1], sum_nll(planes, truth), rtol=1e-5)


def test_grouped_likelihood_sums_the_members_after_the_temperature() -> None:
    """Classes of 0.4 and 0.1 make one group, the third has 0.5. At temperature 1/2: squares."""
    planes = np.array([0.4, 0.1, 0.5], np.float32).reshape(3, 1, 1)
    groups = np.array([[1, 1, 0], [0, 0, 1]], np.float32)

    sums = sum_grouped_nll(planes, np.zeros((1, 1), np.uint8), groups, np.array([0.5]), step=1)

    share = (0.16 + 0.01) / (0.16 + 0.01 + 0.25)
    np.testing.assert_allclose(sums, [[-np.log(share), 1.0]], rtol=1e-6)


def test_errors_are_counted_where_they_are(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()
    one = Scenes(scenes.taxonomy, scenes.samples[:1])

    errors = evaluate(segmenter, one, name='one', split='val').tally.sums.errors

    truth, labels = one[0].labels, segmenter(one[0].image).labels
    expected = np.zeros_like(errors)
    for y, x in np.ndindex(*SIZE):
        row, column = y * ERROR_GRID[0] // SIZE[0], x * ERROR_GRID[1] // SIZE[1]
        expected[truth[y, x], row, column] += [1, labels[y, x] != truth[y, x]]
    assert expected[..., 1].any()
    assert np.array_equal(errors, expected)


def test_drivable_sums_count_what_the_node_would_publish(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()

    counts = evaluate(segmenter, scenes, name='scenes', split='val').tally.sums.drivable

    for probability in (0.5, 0.9, 1.0):
        segmenter.options = type(segmenter.options)(drivable_min_probability=probability)
        published = sum(
            np.count_nonzero(area)
            for area in (segmenter(one.image, Outputs()).drivable_area for one in scenes.samples)
            if area is not None
        )
        level = int(np.ceil(probability * 255))
        assert counts[:, level:256].sum() == published
        assert published > 0
