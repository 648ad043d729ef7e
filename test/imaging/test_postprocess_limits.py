# SPDX-License-Identifier: Apache-2.0
"""Post-processing at its limits: one class, many, scores far apart, images of a few pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.errors import EngineError
from seg_node.imaging import finish, InputSpec, place, Placement, probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Scores = npt.NDArray[np.float32]

NETWORK = (16, 24)
LARGEST = float(np.finfo(np.float32).max)


@pytest.fixture(params=WAYS, scope='module', autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run everything here in both ways."""
    with taking(request.param):
        yield


def placed(image_size: tuple[int, int]) -> Placement:
    return place(image_size, InputSpec(*NETWORK, 'stretch', (0, 0, 0), (1, 1, 1)))


def random_scores(classes: int, spread: float) -> Scores:
    draw = np.random.default_rng(classes)
    return draw.normal(0, spread, (classes, *NETWORK)).astype(np.float32)


def softmax_of(scores: Scores) -> npt.NDArray[np.float64]:
    """Return the softmax of scores that are not scaled."""
    exact = scores.astype(np.float64)
    powers = np.exp(exact - exact.max(axis=0))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=0)
    return shares


@pytest.mark.parametrize('spread', [0.1, 8.0, 40.0, 3000.0], ids=str)
@pytest.mark.parametrize('classes', [1, 2, 5, 19, 64, 255])
def test_any_number_of_classes_at_any_spread(classes: int, spread: float) -> None:
    scores = random_scores(classes, spread)

    maps = finish(scores, placed(NETWORK), planes=range(classes))

    shares = softmax_of(scores)
    entropy = -np.sum(shares * np.log(np.maximum(shares, 1e-300)), axis=0)
    unit = np.log(max(classes, 2))
    atol = 0.52 + 1e-6 * spread * 255
    np.testing.assert_array_equal(maps.labels, scores.argmax(axis=0))
    assert maps.confidence is not None
    assert maps.entropy is not None
    np.testing.assert_allclose(maps.confidence, 255 * shares.max(axis=0), atol=atol)
    np.testing.assert_allclose(maps.entropy, 255 * entropy / unit, atol=atol)
    for index in range(classes):
        np.testing.assert_allclose(maps.planes[index], 255 * shares[index], atol=atol)


@pytest.mark.parametrize('size', [(1, 1), (1, 300), (300, 1), (2, 3), (65, 63), (5, 129)], ids=str)
@pytest.mark.parametrize('stride', [1, 2, 4])
def test_images_of_any_size(size: tuple[int, int], stride: int) -> None:
    """A ramp along the columns: class 1 wins to the right of the middle, whatever the size."""
    rows, columns = NETWORK[0] // stride, NETWORK[1] // stride
    ramp = np.arange(columns) - (columns - 1) / 2
    scores = np.stack([np.zeros((rows, columns)), np.tile(ramp, (rows, 1))]).astype(np.float32)

    maps = finish(scores, placed(size), planes=[1])

    centres = (np.arange(size[1]) + 0.5) * columns / size[1] - 0.5
    height = np.clip(centres, 0, columns - 1) - (columns - 1) / 2
    clear = np.abs(height) > 1e-4
    np.testing.assert_array_equal(
        maps.labels[:, clear], np.tile(height > 0, (size[0], 1))[:, clear]
    )
    share = np.tile(255 / (1 + np.exp(-height)), (size[0], 1))
    np.testing.assert_allclose(maps.planes[1], share, atol=0.52)


@pytest.mark.parametrize('height', [1e4, 1e20, 1e37, LARGEST], ids=str)
@pytest.mark.parametrize('temperature', [1.0, 0.01])
def test_scores_as_far_apart_as_float32_allows(height: float, temperature: float) -> None:
    """Class 0 in the left half, class 1 in the right, class 2 nowhere; certain everywhere."""
    scores = np.zeros((3, *NETWORK), np.float32)
    scores[0, :, :12] = height
    scores[1, :, 12:] = height
    scores[2] = -height

    maps = finish(scores, placed((32, 47)), temperature=temperature, planes=[0, 1, 2])
    shares = probabilities(scores, placed((32, 47)), temperature)

    right = np.arange(47) > 23
    beside = np.arange(47) != 23  # the middle column is a tie
    np.testing.assert_array_equal(maps.labels[:, beside], np.tile(right[beside], (32, 1)))
    assert maps.confidence is not None
    assert maps.entropy is not None
    assert set(maps.confidence[:, beside].flat) == {255}
    assert set(maps.entropy[:, beside].flat) == {0}
    assert set(maps.confidence[:, 23]) == {128}
    assert not maps.planes[2].any()
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('place_of', [(0, 0), (15, 23), (7, 12)])
@pytest.mark.parametrize('size', [(3, 4), (40, 50)], ids=['down', 'up'])
def test_one_score_that_is_not_finite_is_found_wherever_it_is(
    value: float, place_of: tuple[int, int], size: tuple[int, int]
) -> None:
    """Also where a small image would not read it."""
    scores = random_scores(4, 1.0)
    scores[(2, *place_of)] = value

    with pytest.raises(EngineError, match='expected finite numbers'):
        finish(scores, placed(size))
    with pytest.raises(EngineError, match='expected finite numbers'):
        probabilities(scores, placed(size))


def test_what_is_not_finite_in_the_padding_does_not_matter() -> None:
    placement = place((8, 24), InputSpec(*NETWORK, 'letterbox', (0, 0, 0), (1, 1, 1)))
    scores = random_scores(4, 1.0)
    expected = finish(scores, placement)
    scores[:, : placement.top] = np.nan
    scores[:, placement.top + placement.height :] = np.inf

    assert placement.top > 0
    np.testing.assert_array_equal(finish(scores, placement).labels, expected.labels)


def test_scores_in_any_layout_give_the_same() -> None:
    scores = random_scores(6, 4.0)
    strided = np.asfortranarray(scores)

    plain, other = finish(scores, placed((33, 50))), finish(strided, placed((33, 50)))

    np.testing.assert_array_equal(plain.labels, other.labels)
    np.testing.assert_array_equal(plain.entropy, other.entropy)


def test_even_the_least_probable_class_has_a_probability() -> None:
    """A likelihood needs its logarithm."""
    scores = np.zeros((3, *NETWORK), np.float32)
    scores[0] = 25
    scores[1, 8:] = 80

    shares = probabilities(scores, placed(NETWORK))

    assert shares[2, :8].min() == pytest.approx(np.exp(-25), rel=1e-3)
    assert shares[0, 9:].max() == pytest.approx(np.exp(-55), rel=1e-3)
    assert shares.min() > 0
