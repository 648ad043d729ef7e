# SPDX-License-Identifier: Apache-2.0
"""Sums, which add up, go through JSON unharmed, and are those of the metrics."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.errors import DatasetError
from seg_node.evaluation import evaluate
from seg_node.evaluation.sums import binned, ERROR_GRID, Sums
from seg_node.metrics import count_confidence, LEVELS, mean_nll, TEMPERATURES
from seg_node.pipeline import Outputs, Segmenter
from tiny import Scenes, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable


RANDOM = np.random.default_rng(5)


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


def test_temperatures_are_those_of_the_scores_whatever_the_probabilities_were_made_with(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    """The grid is of divisors of the scores, so a bundle's own temperature does not move it."""
    found = []
    for temperature in (1.0, 2.5):
        segmenter = make_segmenter()
        bundle = segmenter.engine.bundle
        manifest = replace(bundle.manifest, temperature=temperature)
        segmenter.engine.bundle = replace(bundle, manifest=manifest)
        segmenter = Segmenter(segmenter.engine)
        sums = evaluate(segmenter, scenes, name='scenes', split='val').tally.sums
        found.append(sums.nll_of_temperatures)
        used = int(np.argmin(abs(TEMPERATURES - temperature)))
        total, pixels = sums.nll_of_temperatures[used]
        assert total / pixels == pytest.approx(mean_nll(sums.nll), rel=0.2)

    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)


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
