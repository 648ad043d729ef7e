# SPDX-License-Identifier: Apache-2.0
"""Labels, confidence, entropy and planes against the textbook formulae in float64.

Whatever way they are computed: each test runs with the extension and with strips.
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
from hypothesis import given, settings, strategies
import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.engines.fake_engine import bands
from seg_node.errors import EngineError
from seg_node.imaging import (
    finish,
    Fitter,
    InputSpec,
    place,
    Placement,
    probabilities,
)
from seg_node.imaging.upsampling import ScoreMaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.imaging import PixelMaps
    from seg_node.imaging.fitting import Fit

    Scores = npt.NDArray[np.float32]

NETWORK = (48, 64)


@pytest.fixture(params=WAYS, scope='module', autouse=True)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run everything here in both ways."""
    with taking(request.param):
        yield


def placed(image_size: tuple[int, int], fit: Fit = 'letterbox') -> Placement:
    return place(image_size, InputSpec(*NETWORK, fit, (0, 0, 0), (1, 1, 1)))


def random_scores(classes: int, stride: int = 2, spread: float = 5.0, seed: int = 0) -> Scores:
    size = (classes, NETWORK[0] // stride, NETWORK[1] // stride)
    return np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)


def matrix(count: int, available: int) -> npt.NDArray[np.float64]:
    """Return (count, available) weights of linear interpolation, half-pixel centres."""
    weights = np.zeros((count, available))
    for index in range(count):
        centre = min(max((index + 0.5) * available / count - 0.5, 0.0), available - 1.0)
        first = int(centre)
        weights[index, first] += 1 - (centre - first)
        weights[index, min(first + 1, available - 1)] += centre - first
    return weights


def slow_scores(scores: Scores, placement: Placement) -> npt.NDArray[np.float64]:
    """Return the (K, H, W) scores of the image in float64."""
    stride = placement.network_size[0] // scores.shape[1]
    top, left = placement.top // stride, placement.left // stride
    height, width = placement.height // stride, placement.width // stride
    crop = scores[:, top : top + height, left : left + width].astype(np.float64)
    down = matrix(placement.image_size[0], height)
    across = matrix(placement.image_size[1], width)
    scaled: npt.NDArray[np.float64] = down @ crop @ across.T
    return scaled


def slow_softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=0))
    softmax: npt.NDArray[np.float64] = powers / powers.sum(axis=0)
    return softmax


def assert_agrees(
    maps: PixelMaps, scores: Scores, placement: Placement, temperature: float
) -> None:
    """Compare with float64: half a level is rounding, the rest float32's grain."""
    exact = slow_scores(scores, placement) / temperature
    grain = 2e-6 * float(np.abs(exact).max())
    atol = 0.51 + 255 * grain / 2
    softmax = slow_softmax(exact)
    entropy = -np.sum(softmax * np.log(np.maximum(softmax, 1e-300)), axis=0)
    second, first = np.sort(exact, axis=0)[-2:]
    clear = first - second > grain
    assert clear.mean() > 0.98
    np.testing.assert_array_equal(maps.labels[clear], exact.argmax(axis=0)[clear])
    assert maps.confidence is not None
    assert maps.entropy is not None
    np.testing.assert_allclose(maps.confidence, 255 * softmax.max(axis=0), atol=atol)
    np.testing.assert_allclose(maps.entropy, 255 * entropy / np.log(len(scores)), atol=atol)
    for index, plane in maps.planes.items():
        np.testing.assert_allclose(plane, 255 * softmax[index], atol=atol)


@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
@pytest.mark.parametrize('stride', [1, 2, 4])
@pytest.mark.parametrize('classes', [2, 11, 19])
@pytest.mark.parametrize('size', [(101, 173), (31, 17), (48, 64)], ids=['up', 'down', 'same'])
def test_finish_agrees_with_the_formulae(
    size: tuple[int, int], classes: int, stride: int, fit: Fit
) -> None:
    scores = random_scores(classes, stride)
    placement = placed(size, fit)

    maps = finish(scores, placement, planes=(0, classes - 1))

    assert_agrees(maps, scores, placement, 1.0)


@pytest.mark.parametrize('temperature', [0.5, 1.7])
def test_finish_divides_the_scores_by_the_temperature(temperature: float) -> None:
    scores = random_scores(5)
    placement = placed((60, 90))

    maps = finish(scores, placement, temperature=temperature, planes=[1])

    assert_agrees(maps, scores, placement, temperature)


@pytest.mark.parametrize('spread', [0.01, 30.0, 200.0], ids=str)
def test_finish_is_exact_however_far_scores_spread(spread: float) -> None:
    """Beyond exp's range each pixel is shifted by its own maximum."""
    scores = random_scores(7, spread=spread)
    placement = placed((60, 90))

    maps = finish(scores, placement, planes=range(7))

    assert_agrees(maps, scores, placement, 1.0)


def test_finish_is_exact_at_an_offset_common_to_all_scores() -> None:
    scores = random_scores(7) + np.float32(500)
    placement = placed((60, 90))

    maps = finish(scores, placement)

    assert_agrees(maps, scores, placement, 1.0)


@settings(deadline=None, max_examples=40)
@given(
    strategies.tuples(strategies.integers(1, 70), strategies.integers(1, 70)),
    strategies.integers(2, 6),
    strategies.sampled_from([1, 2, 4]),
    strategies.sampled_from(['letterbox', 'stretch']),
    strategies.integers(0, 5),
)
def test_finish_agrees_with_the_formulae_at_any_size(
    size: tuple[int, int], classes: int, stride: int, fit: Fit, seed: int
) -> None:
    scores = random_scores(classes, stride, seed=seed)
    placement = placed(size, fit)
    exact = slow_scores(scores, placement)

    maps = finish(scores, placement, planes=[1])

    assert maps.labels.shape == size
    chosen = np.take_along_axis(exact, maps.labels[None].astype(np.intp), axis=0)[0]
    np.testing.assert_allclose(chosen, exact.max(axis=0), atol=1e-4)
    np.testing.assert_allclose(maps.planes[1], 255 * slow_softmax(exact)[1], atol=0.51)


def test_many_strips_and_blocks_join_without_a_seam() -> None:
    """Wide enough for several strips per block of score rows."""
    scores = random_scores(19, 4)
    placement = placed((90, 3000), 'stretch')

    maps = finish(scores, placement)

    assert ScoreMaps(scores, placement, 1.0).strip_rows < 10
    assert_agrees(maps, scores, placement, 1.0)


@pytest.mark.parametrize('threads', [2, 3, 200])
def test_threads_do_not_change_the_result(threads: int) -> None:
    scores = random_scores(11)
    placement = placed((101, 173))

    one = finish(scores, placement, planes=[3])
    several = finish(scores, placement, planes=[3], threads=threads)

    for first, second in (
        (one.labels, several.labels),
        (one.confidence, several.confidence),
        (one.entropy, several.entropy),
        (one.planes[3], several.planes[3]),
    ):
        np.testing.assert_array_equal(first, second)


def scores_like_a_scene(classes: int, stride: int, seed: int) -> Scores:
    """Return smooth scores, in which few classes compete for each place."""
    rng = np.random.default_rng(seed)
    height, width = NETWORK[0] // stride, NETWORK[1] // stride
    coarse = rng.normal(0, 8, (classes, 3, 4)).astype(np.float32)
    return np.stack([cv2.resize(one, (width, height)) for one in coarse]).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    size=strategies.tuples(strategies.integers(1, 150), strategies.integers(1, 150)),
    classes=strategies.integers(2, 19),
    stride=strategies.sampled_from([1, 2, 4]),
    kind=strategies.sampled_from(['noise', 'scene', 'bands', 'ties', 'constant']),
    seed=strategies.integers(0, 1000),
)
def test_labels_alone_are_those_that_come_with_confidence(
    size: tuple[int, int], classes: int, stride: int, kind: str, seed: int
) -> None:
    network = (NETWORK[0] // stride, NETWORK[1] // stride)
    scores = {
        'noise': random_scores(classes, stride, seed=seed),
        'scene': scores_like_a_scene(classes, stride, seed),
        'bands': bands(classes, network),
        'ties': np.repeat(random_scores(1, stride, seed=seed), classes, axis=0),
        'constant': np.zeros((classes, *network), np.float32),
    }[kind]
    placement = placed(size)

    alone = finish(scores, placement, confidence=False, entropy=False)
    together = finish(scores, placement)

    np.testing.assert_array_equal(alone.labels, together.labels)


def test_labels_alone_look_only_at_classes_that_can_win() -> None:
    maps = ScoreMaps(scores_like_a_scene(19, 1, 0), placed((480, 640)), 1.0)

    contenders = [len(contest.classes) for contest in maps.contests(0, 480)]

    assert min(contenders) >= 1
    assert np.mean(contenders) < 19 / 2


def test_equal_scores_go_to_the_first_class() -> None:
    scores = np.zeros((4, *NETWORK), np.float32)
    scores[0] = -1

    maps = finish(scores, placed((30, 40)))

    np.testing.assert_array_equal(maps.labels, np.ones((30, 40)))


def test_even_scores_have_full_entropy_and_certain_ones_none() -> None:
    even = np.zeros((4, *NETWORK), np.float32)
    certain = even.copy()
    certain[2] = 60
    placement = placed((30, 40))

    shared, sure = finish(even, placement), finish(certain, placement)

    assert shared.entropy is not None
    assert shared.confidence is not None
    assert sure.entropy is not None
    assert sure.confidence is not None
    assert set(shared.entropy.flat) == {255}
    assert set(shared.confidence.flat) == {64}
    assert set(sure.entropy.flat) == {0}
    assert set(sure.confidence.flat) == {255}
    assert set(sure.labels.flat) == {2}


def test_only_what_is_asked_for_is_computed() -> None:
    scores = random_scores(5)
    placement = placed((30, 40))
    everything = finish(scores, placement, planes=[2])

    labels_only = finish(scores, placement, confidence=False, entropy=False)
    entropy_only = finish(scores, placement, confidence=False)

    assert labels_only.confidence is None
    assert labels_only.entropy is None
    assert not labels_only.planes
    assert entropy_only.confidence is None
    np.testing.assert_array_equal(labels_only.labels, everything.labels)
    np.testing.assert_array_equal(entropy_only.entropy, everything.entropy)


def test_results_are_the_callers_own_and_scores_stay_as_they_are() -> None:
    scores = random_scores(5)
    kept = scores.copy()
    placement = placed((30, 40))

    first = finish(scores, placement)
    labels = first.labels.copy()
    finish(random_scores(5, seed=1), placement)

    np.testing.assert_array_equal(first.labels, labels)
    np.testing.assert_array_equal(scores, kept)


def test_padding_does_not_bleed_into_the_image() -> None:
    """What the network says about the padding must not matter."""
    placement = placed((20, 64))
    scores = random_scores(3, 4)
    changed = scores.copy()
    changed[:, : placement.top // 4] = 1000
    changed[:, (placement.top + placement.height) // 4 :] = -1000

    assert placement.top > 0
    np.testing.assert_array_equal(
        finish(scores, placement).labels, finish(changed, placement).labels
    )


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_an_error_of_the_engine(value: float) -> None:
    scores = random_scores(5)
    scores[3, 10, 20] = value

    for compute in (finish, probabilities):
        with pytest.raises(EngineError, match=r'Scores range from .*; expected finite numbers'):
            compute(scores, placed((48, 64)))


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        ({'temperature': 0}, 'Temperature is 0; expected a number above 0'),
        ({'temperature': float('nan')}, 'Temperature is nan'),
        ({'planes': [5]}, 'Class 5 was asked for; the scores have classes 0 to 4'),
        ({'planes': [-1]}, 'Class -1 was asked for'),
    ],
    ids=str,
)
def test_finish_says_what_is_wrong(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        finish(random_scores(5), placed((30, 40)), **options)


def test_finish_refuses_more_classes_than_bytes_can_name() -> None:
    with pytest.raises(ValueError, match='256 classes; labels of one byte name at most 255'):
        finish(random_scores(256, 4), placed((3, 4)))


def test_255_classes_are_told_apart() -> None:
    scores = np.zeros((255, *NETWORK), np.float32)
    scores[254, :, :32] = 9
    scores[127, :, 32:] = 9

    labels = finish(scores, placed(NETWORK)).labels

    assert set(labels[:, :31].flat) == {254}
    assert set(labels[:, 33:].flat) == {127}


@pytest.mark.parametrize('spread', [5.0, 300.0])
@pytest.mark.parametrize('temperature', [1.0, 1.5])
def test_probabilities_are_the_softmax_of_scaled_scores(temperature: float, spread: float) -> None:
    scores = random_scores(6, spread=spread)
    placement = placed((101, 73))

    softmax = probabilities(scores, placement, temperature)

    assert softmax.dtype == np.float32
    expected = slow_softmax(slow_scores(scores, placement) / temperature)
    np.testing.assert_allclose(softmax, expected, atol=1e-4 * max(1.0, spread / 10))
    np.testing.assert_allclose(softmax.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize('size', [(130, 200), (23, 31)], ids=['shrunk', 'grown'])
def test_scaling_scores_undoes_fitting_without_a_shift(size: tuple[int, int]) -> None:
    """A ramp that the network passes through comes back where it was; half a pixel would show."""
    image = np.zeros((*size, 3), np.uint8)
    image[..., 0] = np.arange(size[1])
    image[..., 1] = np.arange(size[0])[:, None]

    batch, placement = Fitter(InputSpec(*NETWORK, 'letterbox', (0, 0, 0), (1, 1, 1)))(image)
    maps = ScoreMaps(batch[0, :2], placement, 1.0)
    pixels = np.empty((2, size[0] * size[1]), np.float32)
    for strip in maps.strips(0, size[0]):
        pixels[:, strip.pixels] = strip.scores
    restored = pixels.reshape(2, *size) + placement.crop(batch[0, :2]).max()

    margin = 5
    inside = (slice(margin, -margin), slice(margin, -margin))
    for plane in (0, 1):
        error = restored[plane][inside] - image[..., plane][inside]
        assert abs(error.mean()) < 0.25  # levels are whole numbers
        assert np.abs(error).max() < 1.1
