# SPDX-License-Identifier: Apache-2.0
"""From image to segmentation: right labels, right sizes, nothing uncertain called drivable."""

from __future__ import annotations

from dataclasses import replace
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.engines.base import Inferred, Wanted
from seg_node.engines.fake_engine import FakeEngine
from seg_node.errors import ImageError, ParameterError
from seg_node.imaging import PixelMaps, place
from seg_node.pipeline import open_segmenter, Outputs, Segmenter, SegmenterOptions
import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

pytestmark = pytest.mark.needs_onnx
needs_onnxruntime = pytest.mark.needs_onnxruntime
needs_crf = pytest.mark.needs_crf
ROAD = tiny.TAXONOMY.index('green road')
NO_OUTPUTS = Outputs(confidence=False, entropy=False, drivable_area=False)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


@pytest.fixture
def segmenter(bundle: Bundle) -> Iterator[Segmenter]:
    with open_segmenter(bundle.path, 'onnxruntime') as opened:
        yield opened


def constant_scores(bundle: Bundle, *levels: float) -> Segmenter:
    """Return a segmenter whose network gives the same scores everywhere."""
    scores = np.empty((1, 3, 24, 32), np.float32)
    scores[:] = np.reshape(levels, (3, 1, 1))
    engine = FakeEngine(bundle, lambda _: scores)
    engine.open()
    return Segmenter(engine)


def levels(picture: npt.NDArray[np.uint8] | None) -> set[int]:
    """Return the different values of a picture, which must be there."""
    assert picture is not None
    return set(np.unique(picture).tolist())


def image_of(size: tuple[int, int], color: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    return np.full((*size, 3), color, np.uint8)


@needs_onnxruntime
@pytest.mark.parametrize('size', [(48, 64), (90, 120), (91, 137), (720, 1280), (7, 5)])
def test_every_output_has_the_size_of_the_image(
    segmenter: Segmenter, size: tuple[int, int]
) -> None:
    result = segmenter(image_of(size, (0, 255, 0)), Outputs(classes=(0, 2)))

    pictures = [result.labels, result.confidence, result.entropy, result.drivable_area]
    pictures += list(result.planes.values())
    assert all(one is not None and one.shape == size and one.dtype == np.uint8 for one in pictures)


@needs_onnxruntime
def test_labels_are_those_of_the_scene(segmenter: Segmenter) -> None:
    image, truth = tiny.scene((96, 128))

    labels = segmenter(image).labels

    # Only pixels within a network cell of a border may differ: the network averages 4 x 4 pixels.
    assert (labels == truth).mean() > 0.95


@needs_onnxruntime
@pytest.mark.parametrize('index', range(3))
def test_channels_are_read_as_rgb(segmenter: Segmenter, index: int) -> None:
    color = tuple(int(level) for level in tiny.TAXONOMY.colors[index])

    labels = segmenter(image_of((60, 80), color)).labels  # type: ignore[arg-type]

    assert (labels == index).all()


@needs_onnxruntime
def test_probabilities_are_height_by_width_by_class_and_sum_to_one(segmenter: Segmenter) -> None:
    image, _ = tiny.scene((90, 121))

    scores = segmenter.probabilities(image)

    assert scores.shape == (90, 121, 3)
    np.testing.assert_allclose(scores.sum(axis=2), 1.0, atol=1e-5)
    assert (scores.argmax(axis=2) == segmenter(image).labels).mean() > 0.999


@needs_onnxruntime
def test_probabilities_come_along_with_the_other_outputs_when_asked_for(
    segmenter: Segmenter,
) -> None:
    image, _ = tiny.scene((90, 121))

    plain = segmenter(image)
    result = segmenter(image, Outputs(probabilities=True))

    assert plain.probabilities is None
    assert result.probabilities is not None
    assert result.probabilities.shape == (3, 90, 121)
    assert np.array_equal(np.moveaxis(result.probabilities, 0, -1), segmenter.probabilities(image))
    assert np.array_equal(result.labels, plain.labels)
    assert result.times.keys() == plain.times.keys()


def test_confidence_and_entropy_are_the_softmax_s_own(bundle: Bundle) -> None:
    scores = np.log(np.array([0.25, 0.65, 0.1]))
    entropy = -(np.exp(scores) * scores).sum() / np.log(3)

    result = constant_scores(bundle, *scores)(image_of((50, 60), (9, 9, 9)), Outputs(classes=(0,)))

    assert (result.labels == 1).all()
    assert levels(result.confidence) == {round(0.65 * 255)}
    assert levels(result.entropy) == {round(255 * entropy)}
    assert levels(result.planes[0]) == {round(0.25 * 255)}


def test_temperature_of_the_bundle_softens_the_confidence(tmp_path: Path) -> None:
    hot = tiny.tiny_bundle(tmp_path / 'hot')
    hot = replace(hot, manifest=replace(hot.manifest, temperature=2.0))
    odds = np.exp(np.array([0.0, 4.0, 0.0]) / 2.0)

    result = constant_scores(hot, 0.0, 4.0, 0.0)(image_of((50, 60), (9, 9, 9)))

    assert levels(result.confidence) == {round(255 * odds[1] / odds.sum())}


def test_unwanted_outputs_are_not_there(bundle: Bundle) -> None:
    result = constant_scores(bundle, 0, 5, 0)(image_of((50, 60), (9, 9, 9)), NO_OUTPUTS)

    assert (result.confidence, result.entropy, result.drivable_area) == (None, None, None)
    assert not result.planes
    assert result.uncertain_fraction is None


@pytest.mark.parametrize(
    ('outputs', 'name', 'expected'),
    [
        (Outputs(confidence=False, drivable_area=False), '', 1.0),
        (Outputs(confidence=False, entropy=False), '', None),  # the area alone needs entropy
        (NO_OUTPUTS, 'classic', 1.0),
    ],
    ids=['entropy', 'area', 'crf'],
)
def test_uncertain_pixels_are_counted_for_who_asks_for_entropy_and_for_the_crf(
    bundle: Bundle, outputs: Outputs, name: str, expected: float | None
) -> None:
    segmenter = constant_scores(bundle, 1.0, 1.0, 1.0)
    crf = preset(name) if name else None
    segmenter.options = SegmenterOptions(crf=crf, latency_budget=1e-9)

    result = segmenter(image_of((50, 60), (9, 9, 9)), outputs)

    assert result.uncertain_fraction == expected


def test_drivable_area_is_where_the_road_is_sure(bundle: Bundle) -> None:
    image = image_of((50, 60), (9, 9, 9))

    assert levels(constant_scores(bundle, 0, 9, 0)(image).drivable_area) == {255}
    assert levels(constant_scores(bundle, 9, 0, 0)(image).drivable_area) == {0}


@pytest.mark.parametrize(
    ('options', 'drivable'),
    [
        (SegmenterOptions(drivable_min_probability=0.6, drivable_max_entropy=1.0), True),
        (SegmenterOptions(drivable_min_probability=0.7, drivable_max_entropy=1.0), False),
        (SegmenterOptions(drivable_min_probability=0.0, drivable_max_entropy=0.7), False),
        (SegmenterOptions(drivable_min_probability=0.0, drivable_max_entropy=0.9), True),
    ],
    ids=['probable', 'improbable', 'doubtful', 'clear'],
)
def test_uncertain_road_is_not_drivable(
    bundle: Bundle, options: SegmenterOptions, *, drivable: bool
) -> None:
    """Probability of the road is 0.66, its normalised entropy 0.78."""
    segmenter = constant_scores(bundle, *np.log([0.17, 0.66, 0.17]))
    segmenter.options = options

    area = segmenter(image_of((50, 60), (9, 9, 9))).drivable_area

    assert levels(area) == {255 if drivable else 0}


@pytest.mark.parametrize(
    ('measured', 'drivable'), [(None, True), (0.6, True), (0.7, False)], ids=str
)
def test_drivable_area_takes_the_threshold_that_the_bundle_was_measured_with(
    bundle: Bundle, measured: float | None, *, drivable: bool
) -> None:
    """Probability of the road is 0.66."""
    manifest = replace(bundle.manifest, drivable_threshold=measured)
    segmenter = constant_scores(replace(bundle, manifest=manifest), *np.log([0.17, 0.66, 0.17]))
    segmenter.options = SegmenterOptions(drivable_max_entropy=1.0)

    area = segmenter(image_of((50, 60), (9, 9, 9))).drivable_area

    assert levels(area) == {255 if drivable else 0}


@needs_crf
def test_crf_changes_labels_but_not_the_meaning_of_confidence(bundle: Bundle) -> None:
    """The CRF removes a speckle of road; its confidence stays the network's."""
    scores = np.zeros((1, 3, 24, 32), np.float32)
    scores[0, 0] = 1.0
    scores[0, :, 10:12, 10:12] = np.array([0.0, 0.8, 0.0])[:, None, None]
    engine = FakeEngine(bundle, lambda _: scores)
    engine.open()
    options = SegmenterOptions(
        crf=preset('classic'),
        crf_min_uncertain_fraction=0.0,
        drivable_min_probability=0.0,
        drivable_max_entropy=1.0,
    )
    image = image_of((48, 64), (90, 90, 90))
    plain = Segmenter(engine)(image)

    refined = Segmenter(engine, options)(image)

    speckle = plain.labels == ROAD
    assert plain.crf == 'off'
    assert refined.crf == 'ran'
    assert speckle.any()
    assert not (refined.labels == ROAD).any()
    assert refined.confidence is not None
    assert refined.confidence[21, 21] == round(255 * np.exp(0.0) / (2 + np.exp(0.8)))
    assert np.array_equal(refined.entropy, plain.entropy)  # type: ignore[arg-type]
    assert levels(refined.drivable_area) == {0}


@pytest.mark.parametrize(
    ('min_fraction', 'budget', 'decision'),
    [(1.0, None, 'certain'), (0.0, 1e-6, 'no_time')],
)
def test_crf_is_skipped_with_a_reason(
    bundle: Bundle, min_fraction: float, budget: float | None, decision: str
) -> None:
    segmenter = constant_scores(bundle, 0.0, 5.0, 0.0)
    segmenter.options = SegmenterOptions(
        crf=preset('classic'),
        crf_min_uncertain_fraction=min_fraction,
        latency_budget=budget,
    )

    result = segmenter(image_of((50, 60), (9, 9, 9)))

    assert result.crf == decision
    assert result.uncertain_fraction == 0.0


def test_a_deadline_of_the_caller_counts_before_the_budget(bundle: Bundle) -> None:
    segmenter = constant_scores(bundle, 0.0, 5.0, 0.0)
    segmenter.options = SegmenterOptions(
        crf=preset('classic'), crf_min_uncertain_fraction=0.0, latency_budget=60.0
    )

    result = segmenter(image_of((50, 60), (9, 9, 9)), deadline=time.monotonic())

    assert result.crf == 'no_time'


def test_times_name_the_stages_and_add_up(bundle: Bundle) -> None:
    times = dict(constant_scores(bundle, 0, 5, 0)(image_of((50, 60), (9, 9, 9))).times)

    total = times.pop('total')
    assert set(times) == {'fit', 'infer', 'finish', 'crf'}
    assert sum(times.values()) == pytest.approx(total, abs=1e-3)


def test_results_of_a_frame_survive_the_next(bundle: Bundle) -> None:
    """Buffers are reused inside, never in what a caller holds."""
    with open_segmenter(bundle.path, 'onnxruntime') as segmenter:
        first = segmenter(image_of((90, 120), (0, 255, 0)), Outputs(classes=(1,)))
        kept = first.labels.copy(), first.confidence.copy(), first.planes[1].copy()  # type: ignore[union-attr]
        segmenter(image_of((90, 120), (255, 0, 0)), Outputs(classes=(1,)))

    assert np.array_equal(first.labels, kept[0])
    assert np.array_equal(first.confidence, kept[1])  # type: ignore[arg-type]
    assert np.array_equal(first.planes[1], kept[2])


@pytest.mark.parametrize(
    ('image', 'words'),
    [
        (np.zeros((5, 5), np.uint8), r'\(5, 5\) uint8; expected \(H, W, 3\)'),
        (np.zeros((5, 5, 4), np.uint8), r'\(5, 5, 4\)'),
        (np.zeros((5, 5, 3), np.float32), 'float32'),
        (np.zeros((0, 5, 3), np.uint8), 'empty'),
    ],
    ids=['grey', 'alpha', 'float', 'empty'],
)
def test_what_is_no_image_is_refused(
    bundle: Bundle, image: npt.NDArray[np.uint8], words: str
) -> None:
    with pytest.raises(ImageError, match=words):
        constant_scores(bundle, 0, 1, 0)(image)


@pytest.mark.parametrize(
    'values',
    [
        {'drivable_min_probability': 1.1},
        {'drivable_max_entropy': -0.1},
        {'crf_entropy_threshold': float('nan')},
        {'latency_budget': 0.0},
    ],
)
def test_options_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=f'{next(iter(values))} is .* expected'):
        SegmenterOptions(**values)  # type: ignore[arg-type]


def test_threads_change_nothing(bundle: Bundle) -> None:
    image, _ = tiny.scene((91, 121))
    wanted = Outputs(classes=(0, 1, 2))

    with open_segmenter(bundle.path, 'onnxruntime', threads=1) as alone:
        one = alone(image, wanted)
    with open_segmenter(bundle.path, 'onnxruntime', threads=2) as together:
        two = together(image, wanted)

    for name in ('labels', 'confidence', 'entropy', 'drivable_area'):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    np.testing.assert_array_equal(one.planes[1], two.planes[1])


class DeviceEngine(FakeEngine):
    """Gives the drivable area by itself, and nothing that was not asked for."""

    asked: Wanted | None = None

    def _segment(self, images: Sequence[npt.NDArray[np.uint8]], wanted: Wanted) -> list[Inferred]:
        self.asked = wanted
        height, width, _ = images[0].shape
        maps = PixelMaps(
            labels=np.ones((height, width), np.uint8), confidence=None, entropy=None, planes={}
        )
        area = np.full((height, width), 255, np.uint8)
        placement = place((height, width), self.bundle.manifest.input)
        return [Inferred(maps, placement, area, times={'copy_in': 0.5, 'infer': 0.25})]


def test_drivable_area_of_an_engine_that_has_one_is_passed_on(bundle: Bundle) -> None:
    """Confidence and entropy then need not come from the device."""
    with DeviceEngine(bundle) as engine:
        options = SegmenterOptions(drivable_min_probability=0.25, drivable_max_entropy=0.75)
        result = Segmenter(engine, options)(
            image_of((50, 60), (9, 9, 9)), Outputs(confidence=False, entropy=False)
        )

    assert engine.asked == Wanted(confidence=False, entropy=False, drivable=(0.25, 0.75))
    assert levels(result.drivable_area) == {255}
    assert result.uncertain_fraction is None
    assert (result.times['copy_in'], result.times['infer']) == (0.5, 0.25)


@pytest.mark.parametrize('wanted', [NO_OUTPUTS, Outputs(confidence=False, entropy=False)])
def test_crf_needs_scores_and_entropy_and_the_area_is_left_to_the_pipeline(
    bundle: Bundle, wanted: Outputs
) -> None:
    with DeviceEngine(bundle) as engine:
        segmenter = Segmenter(engine, SegmenterOptions(crf=preset('classic')))
        asked = segmenter._wanted(wanted)

    assert asked == Wanted(
        confidence=wanted.drivable_area, entropy=True, drivable=None, scores=True
    )
