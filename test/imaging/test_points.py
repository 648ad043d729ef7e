# SPDX-License-Identifier: Apache-2.0
"""The softmax at some pixels, against that of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.imaging import confidence_at, finish, InputSpec, place, probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.imaging.fitting import Fit

NETWORK = (48, 64)


@pytest.fixture(params=WAYS, scope='module', autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run everything here in both ways."""
    with taking(request.param):
        yield


@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
@pytest.mark.parametrize('stride', [1, 2, 4])
@pytest.mark.parametrize('size', [(101, 173), (31, 17), (48, 64)], ids=['up', 'down', 'same'])
def test_confidence_at_agrees_with_the_softmax_of_the_whole_image(
    size: tuple[int, int], stride: int, fit: Fit
) -> None:
    draw = np.random.default_rng(0)
    shape = (7, NETWORK[0] // stride, NETWORK[1] // stride)
    scores = draw.normal(0, 5, shape).astype(np.float32)
    placement = place(size, InputSpec(*NETWORK, fit, (0, 0, 0), (1, 1, 1)))
    labels = draw.integers(0, 7, size, np.uint8)
    where = draw.random(size) < 0.3

    found = confidence_at(scores, placement, labels, where, 1.7)

    softmax = probabilities(scores, placement, 1.7)
    exact = np.take_along_axis(softmax, labels[None].astype(np.intp), axis=0)[0][where]
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, 255 * exact, atol=0.51)


def test_confidence_at_the_winners_is_that_of_finish() -> None:
    scores = np.random.default_rng(1).normal(0, 3, (5, 24, 32)).astype(np.float32)
    placement = place((90, 120), InputSpec(*NETWORK, 'letterbox', (0, 0, 0), (1, 1, 1)))
    maps = finish(scores, placement)
    everywhere = np.ones((90, 120), np.bool_)

    found = confidence_at(scores, placement, maps.labels, everywhere)

    assert maps.confidence is not None
    assert np.abs(found.astype(int) - maps.confidence.ravel()).max() <= 1
    assert (found == maps.confidence.ravel()).mean() > 0.999


def test_more_pixels_than_fit_at_once_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(2).normal(0, 3, (3, 24, 32)).astype(np.float32)
    placement = place((50, 70), InputSpec(*NETWORK, 'stretch', (0, 0, 0), (1, 1, 1)))
    labels = np.zeros((50, 70), np.uint8)
    everywhere = np.ones((50, 70), np.bool_)
    whole = confidence_at(scores, placement, labels, everywhere)

    monkeypatch.setattr('seg_node.imaging.points.PIXELS_AT_ONCE', 1000)

    np.testing.assert_array_equal(confidence_at(scores, placement, labels, everywhere), whole)


def test_scores_far_apart_make_no_overflow() -> None:
    scores = np.zeros((2, 24, 32), np.float32)
    scores[0] = 1e4
    placement = place((48, 64), InputSpec(*NETWORK, 'stretch', (0, 0, 0), (1, 1, 1)))
    nowhere = np.zeros((48, 64), np.bool_)
    one = nowhere.copy()
    one[3, 4] = True
    unlikely = np.ones((48, 64), np.uint8)

    assert confidence_at(scores, placement, unlikely, one).tolist() == [0]
    assert confidence_at(scores, placement, unlikely, nowhere).size == 0
