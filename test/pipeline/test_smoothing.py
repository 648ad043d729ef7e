# SPDX-License-Identifier: Apache-2.0
"""Smoothing over time: an exponential average, carried along the flow where that is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from seg_node.crf import preset
from seg_node.engines.fake_engine import FakeEngine
from seg_node.errors import EngineError, ParameterError
from seg_node.imaging import InputSpec, place, Placement
from seg_node.pipeline import Mounting, Outputs, Segmenter, SegmenterOptions, SmoothingOptions
from seg_node.pipeline.smoothing import Smoother
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

Float32Array = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

SIZE = (60, 80)
PLACEMENT = place(SIZE, InputSpec(*SIZE, 'letterbox', (0, 0, 0), (1, 1, 1)))
GREY = np.full((*SIZE, 3), 90, np.uint8)
AVERAGE = SmoothingOptions('average', 0.6)
FLOW = SmoothingOptions('flow', 0.6)
TEMPERATURE = 1.7


def softmax(scores: Float32Array) -> npt.NDArray[np.float64]:
    powers = np.exp(scores.astype(np.float64) / TEMPERATURE)
    result: npt.NDArray[np.float64] = powers / powers.sum(axis=0)
    return result


def random_scores(seed: int) -> Float32Array:
    return np.random.default_rng(seed).normal(0, 3, (4, *SIZE)).astype(np.float32)


def textured(shift: int) -> UInt8Array:
    """Return a picture with something to follow, moved to the right [px]."""
    grain = np.random.default_rng(0).integers(0, 256, (SIZE[0], SIZE[1] + 40), np.uint8)
    smooth = np.asarray(cv2.GaussianBlur(grain, (0, 0), 2), np.uint8)
    start = 20 - shift
    contrast = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    return np.repeat(contrast[:, start : start + SIZE[1], None], 3, axis=2).copy()


def test_average_is_the_exponential_one_of_the_probabilities() -> None:
    smoother = Smoother(TEMPERATURE)
    expected = None

    for number in range(4):
        scores = random_scores(number)
        smoothed = smoother(scores, GREY, PLACEMENT, AVERAGE, 0.1 * number)
        now = softmax(scores)
        expected = now if expected is None else 0.4 * now + 0.6 * expected
        np.testing.assert_allclose(softmax(smoothed), expected, atol=1e-5)


def test_scores_that_come_in_are_not_written_to() -> None:
    smoother = Smoother(TEMPERATURE)
    first, second = random_scores(0), random_scores(1)
    kept = second.copy()
    smoother(first, GREY, PLACEMENT, AVERAGE, 0.0)
    smoother(second, GREY, PLACEMENT, AVERAGE, 0.1)

    np.testing.assert_array_equal(second, kept)


@pytest.mark.parametrize('options', [AVERAGE, FLOW], ids=['average', 'flow'])
@pytest.mark.parametrize('stamp', [1.5, -0.1])
def test_a_jump_of_the_stamps_begins_anew(options: SmoothingOptions, stamp: float) -> None:
    smoother = Smoother(TEMPERATURE)
    smoother(random_scores(0), GREY, PLACEMENT, options, 0.0)

    smoothed = smoother(random_scores(1), GREY, PLACEMENT, options, stamp)

    np.testing.assert_allclose(softmax(smoothed), softmax(random_scores(1)), atol=1e-5)


@pytest.mark.parametrize('options', [AVERAGE, FLOW], ids=['average', 'flow'])
def test_an_image_of_another_size_begins_anew(options: SmoothingOptions) -> None:
    smoother = Smoother(TEMPERATURE)
    smoother(random_scores(0), GREY, PLACEMENT, options, 0.0)
    other = replace(PLACEMENT, image_size=(30, 40))

    smoothed = smoother(random_scores(1), GREY[:30, :40], other, options, 0.1)

    np.testing.assert_allclose(softmax(smoothed), softmax(random_scores(1)), atol=1e-5)


@pytest.mark.parametrize('options', [AVERAGE, FLOW], ids=['average', 'flow'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
@pytest.mark.filterwarnings('ignore:invalid value:RuntimeWarning')  # inf - inf
def test_a_score_that_is_no_number_spoils_no_frame_after_its_own(
    value: float, options: SmoothingOptions
) -> None:
    smoother = Smoother(TEMPERATURE)
    broken = random_scores(1)
    broken[2, 10, 20] = value
    smoother(random_scores(0), textured(0), PLACEMENT, options, 0.0)
    smoother(broken, textured(1), PLACEMENT, options, 0.1)

    smoothed = smoother(random_scores(2), textured(2), PLACEMENT, options, 0.2)

    np.testing.assert_allclose(softmax(smoothed), softmax(random_scores(2)), atol=1e-5)


def test_scores_of_another_grid_begin_anew() -> None:
    smoother = Smoother(TEMPERATURE)
    smoother(random_scores(0), GREY, PLACEMENT, AVERAGE, 0.0)
    half = np.ascontiguousarray(random_scores(1)[:, ::2, ::2])

    smoothed = smoother(half, GREY, PLACEMENT, AVERAGE, 0.1)

    np.testing.assert_allclose(softmax(smoothed), softmax(half), atol=1e-5)


def test_frame_without_a_stamp_is_left_and_leaves_no_trace() -> None:
    smoother, reference = Smoother(TEMPERATURE), Smoother(TEMPERATURE)
    for one in (smoother, reference):
        one(random_scores(0), GREY, PLACEMENT, AVERAGE, 0.0)

    alone = smoother(random_scores(5), GREY, PLACEMENT, AVERAGE, None)

    np.testing.assert_array_equal(alone, random_scores(5))
    np.testing.assert_array_equal(
        smoother(random_scores(1), GREY, PLACEMENT, AVERAGE, 0.1),
        reference(random_scores(1), GREY, PLACEMENT, AVERAGE, 0.1),
    )


def test_flow_carries_probabilities_along_with_what_is_seen() -> None:
    """A bright stripe moves 4 px; so does what is known about it."""
    smoother = Smoother(TEMPERATURE)
    scores = np.zeros((2, *SIZE), np.float32)
    scores[1, :, 30:40] = 8.0
    nothing = np.zeros_like(scores)
    smoother(scores, textured(0), PLACEMENT, FLOW, 0.0)

    smoothed = smoother(nothing, textured(4), PLACEMENT, FLOW, 0.1)

    stripe = softmax(smoothed)[1, 20:40].mean(axis=0)
    assert (stripe[36:42] > 0.7).all()
    assert (stripe[24:32] < 0.51).all()


def test_what_the_flow_cannot_follow_has_no_past() -> None:
    """The picture becomes another one."""
    smoother = Smoother(TEMPERATURE)
    noise = np.random.default_rng(9).integers(0, 256, (*SIZE, 3), np.uint8)
    smoother(random_scores(0), textured(0), PLACEMENT, FLOW, 0.0)

    smoothed = smoother(random_scores(1), noise, PLACEMENT, FLOW, 0.1)

    alone = np.abs(softmax(smoothed) - softmax(random_scores(1))).max(axis=0) < 1e-5
    assert alone.mean() > 0.3


def test_method_may_change_between_frames() -> None:
    smoother = Smoother(TEMPERATURE)
    smoother(random_scores(0), GREY, PLACEMENT, AVERAGE, 0.0)

    smoothed = smoother(random_scores(1), GREY, PLACEMENT, FLOW, 0.1)

    np.testing.assert_allclose(softmax(smoothed), softmax(random_scores(1)), atol=1e-5)


def test_probabilities_of_0_and_1_stay_finite() -> None:
    smoother = Smoother()
    certain = np.zeros((2, *SIZE), np.float32)
    certain[0] = 1e4
    smoother(certain, GREY, PLACEMENT, AVERAGE, 0.0)

    assert np.isfinite(smoother(certain, GREY, PLACEMENT, AVERAGE, 0.1)).all()


def test_only_the_part_of_the_image_is_smoothed() -> None:
    """The padding of a letterbox is nobody's."""
    spec = InputSpec(40, 40, 'letterbox', (0, 0, 0), (1, 1, 1))
    placement: Placement = place((20, 40), spec)
    scores = np.random.default_rng(0).normal(0, 3, (3, 40, 40)).astype(np.float32)
    image = np.zeros((20, 40, 3), np.uint8)
    smoother = Smoother(TEMPERATURE)
    smoother(-scores, image, placement, AVERAGE, 0.0)

    smoothed = smoother(scores, image, placement, AVERAGE, 0.1)

    np.testing.assert_array_equal(smoothed[:, : placement.top], scores[:, : placement.top])
    inside = placement.crop(smoothed)
    expected = 0.4 * softmax(placement.crop(scores)) + 0.6 * softmax(placement.crop(-scores))
    np.testing.assert_allclose(softmax(inside), expected, atol=1e-5)


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'method': 'mean'}, "Unknown smoothing method 'mean'; expected one of average, flow"),
        ({'history': 1.0}, 'history is 1.0; expected 0 to below 1'),
        ({'history': -0.1}, 'history is -0.1'),
        ({'history': float('nan')}, 'history is nan'),
    ],
)
def test_options_out_of_range_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SmoothingOptions(**values)  # type: ignore[arg-type]

    assert words in str(caught.value)


# In the pipeline


class Scripted:
    """A network that gives the same scores everywhere, one line of them per frame."""

    def __init__(self, *lines: tuple[float, float, float]) -> None:
        """Remember what to say."""
        self._lines = list(lines)

    def __call__(self, _: object) -> Float32Array:
        """Return the scores of the next frame."""
        scores = np.empty((1, 3, 24, 32), np.float32)
        scores[:] = np.reshape(self._lines.pop(0), (3, 1, 1))
        return scores


LAVA, ROAD, WATER = (0.0, -9.0, -9.0), (-9.0, 0.0, -9.0), (-9.0, -9.0, 0.0)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


def segmenter(bundle: Bundle, options: SegmenterOptions, *lines: tuple[float, ...]) -> Segmenter:
    engine = FakeEngine(bundle, Scripted(*lines))  # type: ignore[arg-type]
    engine.open()
    return Segmenter(engine, options)


IMAGE = np.full((50, 60, 3), 90, np.uint8)
SLOW = SegmenterOptions(smoothing=SmoothingOptions('average', 0.7))


@pytest.mark.needs_onnx
def test_all_outputs_are_those_of_the_smoothed_probabilities(bundle: Bundle) -> None:
    run = segmenter(bundle, SLOW, LAVA, WATER)
    run(IMAGE, stamp=0.0)

    result = run(IMAGE, Outputs(classes=(2,), probabilities=True), stamp=0.1)

    assert (result.labels == 0).all()
    assert result.confidence is not None
    assert result.probabilities is not None
    assert int(result.confidence[0, 0]) == round(255 * 0.7)
    assert int(result.planes[2][0, 0]) == pytest.approx(255 * 0.3, abs=1)
    assert float(result.probabilities[2, 0, 0]) == pytest.approx(0.3, abs=1e-3)
    assert 'smooth' in result.times


@pytest.mark.needs_onnx
def test_frame_without_a_stamp_is_not_smoothed(bundle: Bundle) -> None:
    run = segmenter(bundle, SLOW, LAVA, WATER)
    run(IMAGE, stamp=0.0)

    assert (run(IMAGE).labels == 2).all()


@pytest.mark.needs_onnx
def test_frame_that_fails_is_left_out_like_one_that_was_dropped(bundle: Bundle) -> None:
    run = segmenter(bundle, SLOW, LAVA, (np.nan, 0.0, 0.0), WATER)
    reference = segmenter(bundle, SLOW, LAVA, WATER)
    for one in (run, reference):
        one(IMAGE, stamp=0.0)
    with pytest.raises(EngineError, match='expected finite numbers'):
        run(IMAGE, stamp=0.1)

    result, expected = (one(IMAGE, stamp=0.2) for one in (run, reference))

    assert (result.labels == 0).all()
    np.testing.assert_array_equal(result.confidence, expected.confidence)


@pytest.mark.needs_onnx
def test_an_obstacle_is_not_drivable_from_its_first_frame_on(bundle: Bundle) -> None:
    """Smoothing still calls it road; this frame's network does not."""
    options = replace(SLOW, drivable_min_probability=0.5, drivable_max_entropy=1.0)
    run = segmenter(bundle, options, ROAD, LAVA)
    first = run(IMAGE, stamp=0.0)

    second = run(IMAGE, stamp=0.1)

    assert first.drivable_area is not None
    assert first.drivable_area.all()
    assert (second.labels == 1).all()
    assert second.drivable_area is not None
    assert not second.drivable_area.any()


@pytest.mark.needs_onnx
@pytest.mark.needs_crf
def test_crf_works_on_smoothed_scores(bundle: Bundle) -> None:
    options = replace(SLOW, crf=preset('classic'), crf_min_uncertain_fraction=0.0)
    run = segmenter(bundle, options, LAVA, WATER)
    run(IMAGE, stamp=0.0)

    result = run(IMAGE, stamp=0.1)

    assert result.crf == 'ran'
    assert (result.labels == 0).all()


@pytest.mark.needs_onnx
def test_cameras_that_share_an_engine_share_no_past(bundle: Bundle) -> None:
    engine = FakeEngine(bundle, Scripted(LAVA, WATER))
    engine.open()
    left, right = Segmenter(engine, SLOW), Segmenter(engine, SLOW, Mounting(180))
    left(IMAGE, stamp=0.0)

    assert (right(IMAGE, stamp=0.1).labels == 2).all()
