# SPDX-License-Identifier: Apache-2.0
"""Images of several cameras in one run of an engine: the same results as one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.engines.base import Wanted
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.errors import ImageError
from seg_node.pipeline import (
    infer_together,
    Mounting,
    Outputs,
    Segmenter,
    SegmenterOptions,
    SmoothingOptions,
)
from seg_node.pipeline.together import Request
import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.engines.base import Engine
    from seg_node.pipeline import Segmentation

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]
REFINING = SegmenterOptions(crf=replace(preset('classic'), backend='numpy', iterations=2))
NOTHING = Outputs(confidence=False, entropy=False, drivable_area=False)
WISHES = (
    Outputs(classes=(0, 2)),
    NOTHING,
    Outputs(drivable_area=False, classes=(1,)),
    Outputs(confidence=False, probabilities=True),
)


def noise(seed: int, height: int = 40, width: int = 72) -> npt.NDArray[np.uint8]:
    """Return an image in which every class wins somewhere."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 9, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


@pytest.fixture(scope='module')
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with OnnxEngine(tiny.tiny_bundle(tmp_path_factory.mktemp('together') / 'tiny')) as opened:
        yield opened


@pytest.fixture
def runs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect how many images each run of the engine gets."""
    counts: list[int] = []
    segment = engine.segment

    def counted(images: list[npt.NDArray[np.uint8]], wanted: Wanted) -> object:
        counts.append(len(images))
        return segment(images, wanted)

    monkeypatch.setattr(engine, 'segment', counted)
    return counts


def assert_same(found: Segmentation, expected: Segmentation) -> None:
    """Compare everything but times."""
    for name in (
        'labels',
        'confidence',
        'entropy',
        'drivable_area',
        'network_labels',
        'probabilities',
    ):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert set(found.planes) == set(expected.planes)
    for index, plane in found.planes.items():
        np.testing.assert_array_equal(plane, expected.planes[index])
    assert (found.crf, found.uncertain_fraction) == (expected.crf, expected.uncertain_fraction)


@pytest.mark.parametrize(
    'options',
    [SegmenterOptions(), REFINING, SegmenterOptions(smoothing=SmoothingOptions())],
    ids=['network', 'crf', 'smoothed'],
)
def test_results_are_those_of_one_after_the_other(
    options: SegmenterOptions, engine: Engine, runs: list[int]
) -> None:
    images = [noise(seed) for seed in range(4)]
    mountings = [Mounting(0), Mounting(180), Mounting(), Mounting()]
    alone = [
        Segmenter(engine, options, mounting)(image, outputs, stamp=1.0)
        for image, outputs, mounting in zip(images, WISHES, mountings, strict=True)
    ]
    runs.clear()
    segmenters = [Segmenter(engine, options, mounting) for mounting in mountings]
    requests = [
        segmenter.request(image, outputs, 1.0)
        for segmenter, image, outputs in zip(segmenters, images, WISHES, strict=True)
    ]

    answers = infer_together(engine, requests)
    together = [
        segmenter(image, outputs, stamp=1.0, ahead=ahead)
        for segmenter, image, outputs, ahead in zip(
            segmenters, images, WISHES, answers, strict=True
        )
    ]

    assert runs == [4]
    for found, expected in zip(together, alone, strict=True):
        assert_same(found, expected)


def test_images_of_each_size_have_a_run_of_their_own(engine: Engine, runs: list[int]) -> None:
    """A turned camera's upright image is what counts."""
    images = [noise(1), noise(2, 72, 40), noise(3), noise(4, 72, 40)]
    segmenters = [Segmenter(engine, mounting=Mounting(turn)) for turn in (0, 90, 90, 0)]
    expected = [
        segmenter(image).labels for segmenter, image in zip(segmenters, images, strict=True)
    ]
    runs.clear()

    answers = infer_together(
        engine,
        [segmenter.request(image) for segmenter, image in zip(segmenters, images, strict=True)],
    )

    assert runs == [2, 2]
    for segmenter, image, ahead, labels in zip(segmenters, images, answers, expected, strict=True):
        np.testing.assert_array_equal(segmenter(image, ahead=ahead).labels, labels)


def test_time_of_the_common_run_belongs_to_every_frame(engine: Engine) -> None:
    segmenter = Segmenter(engine)
    (ahead,) = infer_together(engine, [segmenter.request(noise(1))])

    times = segmenter(noise(1), ahead=ahead).times

    assert times['infer'] == ahead.inferred.times['infer']
    assert times['total'] >= times['infer']


def test_what_is_no_image_is_refused_before_the_run(engine: Engine) -> None:
    with pytest.raises(ImageError, match='expected'):
        Segmenter(engine).request(np.zeros((4, 4), np.uint8))


def test_requests_with_different_limits_cannot_share_a_run(engine: Engine) -> None:
    requests = [Request(noise(1), Wanted(drivable=(least, 0.5))) for least in (0.4, 0.6)]

    with pytest.raises(ValueError, match='one pair of limits'):
        infer_together(engine, requests)
