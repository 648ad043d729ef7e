# SPDX-License-Identifier: Apache-2.0
"""Kept frames, against the segmenter that the node runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import BilateralKernel, CrfOptions
from seg_node.datasets import Sample
from seg_node.errors import TaxonomyError
from seg_node.evaluation.prediction import Predictor
from seg_node.pipeline import Segmenter, SegmenterOptions
from seg_node.taxonomy import load_taxonomy
from seg_node.tuning import keep_frames
from tiny import scene, Scenes, SIZE, TAXONOMY

from .conftest import opened, scenes, unsure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.tuning import Drive

    Float32Array = npt.NDArray[np.float32]

STRONG = CrfOptions((BilateralKernel(12.0, 20.0, 4.0),), iterations=3)
ALL = SegmenterOptions(crf=STRONG, crf_min_uncertain_fraction=0.0)


def nineteen(batch: Float32Array) -> Float32Array:
    """Return noisy scores of 19 classes that half precision holds."""
    random = np.random.default_rng(3)
    size = len(batch), 19, SIZE[0] // 2, SIZE[1] // 2
    scores = random.normal(0, 1, size) + batch[:, :1, ::2, ::2] / 50 * np.arange(19)[:, None, None]
    return scores.astype(np.float16).astype(np.float32)


def test_labels_before_and_after_are_those_of_the_node(
    make_drive: Callable[..., Drive],
) -> None:
    drive = make_drive([4])
    frame = drive.frame(0)

    with Segmenter(opened(TAXONOMY, unsure), ALL) as segmenter:
        after = segmenter(frame.image)
        segmenter.options = SegmenterOptions()
        before = segmenter(frame.image)

    assert after.crf == 'ran'
    assert np.array_equal(frame.before, before.labels)
    assert before.entropy is not None
    assert np.array_equal(frame.entropy, before.entropy)
    assert np.array_equal(drive.refined(frame, STRONG), after.labels)
    assert not np.array_equal(before.labels, after.labels)


def test_a_margin_leaves_to_the_crf_what_the_tuner_says(make_drive: Callable[..., Drive]) -> None:
    drive = make_drive([4])
    frame = drive.frame(0)
    everywhere = drive.refined(frame, STRONG)

    gated = drive.refined(frame, replace(STRONG, margin=0.2))

    unsettled = drive.unsettled(frame, 0.2)
    assert 0.0 < unsettled.mean() < 1.0
    np.testing.assert_array_equal(gated, np.where(unsettled, everywhere, frame.before))
    assert (gated != everywhere).any()


def test_where_classes_are_summed_labels_are_those_of_an_evaluation(tmp_path: Path) -> None:
    fine, coarse = load_taxonomy('cityscapes19'), load_taxonomy('camvid11')
    image, truth = scene(SIZE, 1)
    data = Scenes(coarse, (Sample('one', image, truth),))

    drive = keep_frames(opened(fine, nineteen), data, 'camvid', tmp_path)
    frame = drive.frame(0)

    expected = [
        Predictor(Segmenter(opened(fine, nineteen), options), coarse)(image).labels
        for options in (SegmenterOptions(), ALL)
    ]
    assert np.array_equal(frame.before, expected[0])
    assert np.array_equal(drive.refined(frame, STRONG), expected[1])
    assert not np.array_equal(expected[0], expected[1])


def test_truth_and_image_come_back_as_they_were(make_drive: Callable[..., Drive]) -> None:
    drive = make_drive([7, 8])

    frame = drive.frame(1)

    image, truth = scene(SIZE, 8)
    assert drive.frames == 2
    assert np.array_equal(frame.image, image)
    assert np.array_equal(frame.truth, truth)
    assert frame.scores.dtype == np.float16


def test_the_network_runs_once_per_frame_however_often_it_is_asked(tmp_path: Path) -> None:
    calls: list[int] = []

    def counted(batch: Float32Array) -> Float32Array:
        calls.append(1)
        return unsure(batch)

    keep_frames(opened(TAXONOMY, counted), scenes([0, 1]), 'a', tmp_path)
    keep_frames(opened(TAXONOMY, counted), scenes([0, 1, 2]), 'a', tmp_path)

    assert len(calls) == 3


def test_scores_beyond_half_precision_stay_finite(tmp_path: Path) -> None:
    def huge(batch: Float32Array) -> Float32Array:
        return unsure(batch) * np.float32(1e9)

    drive = keep_frames(opened(TAXONOMY, huge), scenes([0]), 'a', tmp_path)

    assert np.isfinite(drive.frame(0).scores).all()
    assert drive.refined(drive.frame(0), STRONG).shape == SIZE


def test_equal_pixels_have_equal_digests(make_drive: Callable[..., Drive]) -> None:
    one, other = make_drive([1, 2], 'a').digests(), make_drive([2, 3], 'b').digests()

    assert one[1] == other[0]
    assert len({*one, *other}) == 3


def test_classes_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match='tiny3'):
        keep_frames(opened(load_taxonomy('camvid11'), nineteen), scenes([0]), 'a', tmp_path)
