# SPDX-License-Identifier: Apache-2.0
"""Several looks at an image, against the same computed the plain way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.errors import ParameterError
from seg_node.evaluation import evaluate, ONE_LOOK, Views
from seg_node.evaluation.prediction import Predictor
from seg_node.evaluation.views import mean_probabilities, window_starts
from seg_node.pipeline import SegmenterOptions
from tiny import scene, SIZE, TAXONOMY

from .conftest import brightest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from tiny import Scenes

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

HEIGHT, WIDTH = SIZE


def leaning(batch: Float32Array) -> Float32Array:
    """Return scores that depend on where in the network's input a pixel lies.

    So a mirrored look and a window that begins elsewhere say something else.
    """
    scores = brightest(batch)
    scores[:, 0] += np.linspace(0, 3, scores.shape[3], dtype=np.float32)
    scores[:, 1] += np.linspace(0, 2, scores.shape[2], dtype=np.float32)[:, None]
    return scores


@pytest.fixture
def segmenter(make_segmenter: Callable[..., Segmenter]) -> Segmenter:
    return make_segmenter(function=leaning)


def planes(segmenter: Segmenter, image: UInt8Array) -> Float32Array:
    """Return the probabilities of one look, class first."""
    return segmenter.probabilities(np.ascontiguousarray(image)).transpose(2, 0, 1)


def windows_one_by_one(segmenter: Segmenter, image: UInt8Array) -> Float32Array:
    """Return the mean over all windows, each pixel on its own list."""
    height, width = image.shape[:2]
    heard: dict[tuple[int, int], list[Float32Array]] = {}
    for top in window_starts(height, HEIGHT):
        for left in window_starts(width, WIDTH):
            window = np.full((HEIGHT, WIDTH, 3), (124, 116, 104), np.uint8)
            part = image[top : top + HEIGHT, left : left + WIDTH]
            window[: part.shape[0], : part.shape[1]] = part
            answer = segmenter.probabilities(window)
            for y, x in np.ndindex(*part.shape[:2]):
                heard.setdefault((top + y, left + x), []).append(answer[y, x])
    mean = np.empty((len(TAXONOMY), height, width), np.float32)
    for (y, x), answers in heard.items():
        mean[:, y, x] = np.mean(answers, axis=0)
    return mean


def test_flip_is_the_mean_of_the_image_and_its_mirror_image(segmenter: Segmenter) -> None:
    image, _ = scene(SIZE, 3)

    mean = mean_probabilities(segmenter, image, Views(flip=True))

    plain, mirrored = planes(segmenter, image), planes(segmenter, image[:, ::-1])
    assert not np.allclose(plain, mirrored[..., ::-1], atol=0.01)
    np.testing.assert_allclose(mean, (plain + mirrored[..., ::-1]) / 2, atol=1e-6)


def test_slide_keeps_the_resolution_and_averages_where_windows_overlap(
    segmenter: Segmenter,
) -> None:
    image, _ = scene((60, 150), 1)

    mean = mean_probabilities(segmenter, image, Views(slide=True))

    np.testing.assert_allclose(mean, windows_one_by_one(segmenter, image), atol=1e-6)


@pytest.mark.parametrize('size', [(24, 32), (48, 64), (30, 100)])
def test_slide_takes_images_of_any_size(segmenter: Segmenter, size: tuple[int, int]) -> None:
    mean = mean_probabilities(segmenter, scene(size, 1)[0], Views(slide=True))

    assert mean.shape == (3, *size)
    np.testing.assert_allclose(mean.sum(axis=0), 1.0, atol=1e-5)


def test_scales_are_seen_padded_or_through_windows_and_averaged(segmenter: Segmenter) -> None:
    image, _ = scene(SIZE, 2)

    mean = mean_probabilities(segmenter, image, Views(scales=(0.5, 1.0, 1.5)))

    looks = [planes(segmenter, image)]
    for scale in (0.5, 1.5):
        seen = np.asarray(cv2.resize(image, (int(WIDTH * scale), int(HEIGHT * scale))), np.uint8)
        small = windows_one_by_one(segmenter, seen)
        looks.append(np.stack([cv2.resize(plane, (WIDTH, HEIGHT)) for plane in small]))
    np.testing.assert_allclose(mean, np.mean(looks, axis=0), atol=1e-5)


def test_windows_cover_everything_and_overlap_by_a_third() -> None:
    for length in range(1, 400):
        starts = window_starts(length, 60)

        covered = np.zeros(max(length, 60), np.bool_)
        for start in starts:
            covered[start : start + 60] = True
        assert covered[:length].all()
        assert max(np.diff(starts), default=0) <= 41
        assert starts[-1] + 60 == max(length, 60)


def test_a_prediction_of_several_looks_is_their_mean_and_its_winner(
    segmenter: Segmenter,
) -> None:
    image, _ = scene(SIZE, 3)
    views = Views(flip=True)

    prediction = Predictor(segmenter, TAXONOMY, views)(image)

    mean = mean_probabilities(segmenter, image, views)
    assert np.array_equal(prediction.labels, mean.argmax(axis=0))
    assert np.array_equal(prediction.confidence, np.rint(255 * mean.max(axis=0)))
    assert prediction.published is not None
    assert prediction.published.entropy is not None
    entropy = -(mean * np.log(mean)).sum(axis=0) / np.log(3)
    np.testing.assert_allclose(prediction.published.entropy, 255 * entropy, atol=0.51)
    allowed = (prediction.labels == 1) & (prediction.published.entropy <= 127)
    assert prediction.allowed is not None
    assert np.array_equal(prediction.allowed, allowed)


def test_the_same_look_twice_changes_no_score(segmenter: Segmenter, scenes: Scenes) -> None:
    """At the size of the network a sliding window is the whole image."""
    plain = evaluate(segmenter, scenes, name='scenes', split='val')

    slid = evaluate(segmenter, scenes, name='scenes', split='val', views=Views(slide=True))

    assert np.array_equal(plain.tally.sums.confusion, slid.tally.sums.confusion)
    np.testing.assert_allclose(plain.tally.sums.nll, slid.tally.sums.nll, rtol=1e-5)
    assert abs(plain.tally.sums.drivable - slid.tally.sums.drivable).sum() <= 20
    assert (str(plain.views), str(slid.views)) == (
        'single scale, no flip, whole image',
        'single scale, no flip, sliding window',
    )


def test_protocol_is_named_in_words() -> None:
    assert str(Views(flip=True, scales=(0.75, 1.0))) == 'scales 0.75, 1, flip, whole image'
    assert str(Views(scales=(2.0,))) == 'scales 2, no flip, whole image'
    assert ONE_LOOK.plain
    assert not Views(slide=True).plain


@pytest.mark.parametrize('scales', [(), (0.1,), (5.0,), (1.0, 1.0), (float('nan'),)])
def test_scales_that_make_no_sense_are_refused(scales: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match=r'expected different numbers from 0\.25 to 4'):
        Views(scales=scales)


def test_crf_and_several_looks_are_refused_together(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    refining = make_segmenter(options=SegmenterOptions(crf=preset('classic')))

    with pytest.raises(ParameterError, match='Leave out --crf'):
        Predictor(refining, TAXONOMY, Views(flip=True))
