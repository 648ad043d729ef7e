# SPDX-License-Identifier: Apache-2.0
"""Sums that are exact in any order."""

from __future__ import annotations

from dataclasses import fields
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.evaluation.prediction import Prediction
from seg_node.evaluation.sums import Sums
from seg_node.metrics import count_confidence, LEVELS
from seg_node.pipeline import Segmentation
from seg_node.replay.tally import exact, quick_sums, sums_from_plain

if TYPE_CHECKING:
    import numpy.typing as npt

CLASSES = 4
SHAPE = (30, 40)


def made_up(seed: int) -> Sums:
    """Return sums of about the size that frames have."""
    rng = np.random.default_rng(seed)
    sums = Sums.zero(CLASSES)
    for one in fields(sums):
        value = getattr(sums, one.name)
        value += (1e5 * rng.random(value.shape)).astype(value.dtype)
    sums.of_images = rng.random((3, 2))
    return exact(sums)


def added(parts: list[Sums]) -> Sums:
    total = Sums.zero(CLASSES)
    for one in parts:
        total.add(one)
    return total


def same(one: Sums, other: Sums) -> bool:
    return all(
        np.array_equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(one)
    )


@pytest.mark.parametrize('seed', range(3))
def test_order_and_groups_do_not_matter(seed: int) -> None:
    parts = [made_up(index) for index in range(50)]
    whole = added(parts)
    order = np.random.default_rng(seed).permutation(50).tolist()

    shuffled = [parts[index] for index in order]
    groups = [added(shuffled[begin : begin + 7]) for begin in range(0, 50, 7)]

    assert same(added(groups), whole)


def test_json_gives_back_the_very_sums() -> None:
    """After any number of times: what a run leaves is read and added to by the one after it."""
    total = Sums.zero(CLASSES)
    expected = added([made_up(index) for index in range(30)])
    for index in range(30):
        total.add(made_up(index))
        total = sums_from_plain(json.loads(json.dumps(total.to_plain())), CLASSES)

    assert same(total, expected)


def test_quick_sums_count_pixel_by_pixel() -> None:
    truth, prediction = frame(5)

    sums = quick_sums(truth, prediction, CLASSES)

    labels, level = prediction.labels, prediction.confidence
    for true in range(CLASSES):
        for taken in range(CLASSES):
            expected = np.count_nonzero((truth == true) & (labels == taken))
            assert sums.confusion[true, taken] == expected
    labelled = truth != 255
    expected_levels = count_confidence(level[labelled], (labels == truth)[labelled], LEVELS)
    np.testing.assert_allclose(sums.confidence, expected_levels, atol=1e-3)
    published = prediction.published
    assert published is not None
    assert published.entropy is not None
    assert sums.entropy[0] == pytest.approx(published.entropy[labelled].sum() / 255, abs=1e-4)
    assert sums.entropy[1] == labelled.sum()


def frame(seed: int) -> tuple[npt.NDArray[np.uint8], Prediction]:
    """Return truth with unlabelled pixels, and a prediction."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, SHAPE, np.uint8)
    truth[rng.random(SHAPE) < 0.2] = 255
    labels = rng.integers(0, CLASSES, SHAPE, np.uint8)
    confidence, entropy = rng.integers(0, 256, (2, *SHAPE), np.uint8)
    published = Segmentation(labels, confidence, entropy)
    prediction = Prediction(
        labels, confidence, None, published=published, allowed=np.ones(SHAPE, np.bool_)
    )
    return truth, prediction
