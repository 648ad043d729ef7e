# SPDX-License-Identifier: Apache-2.0
"""Calibration, against torchmetrics and cases done in the head."""

from __future__ import annotations

from importlib import import_module
import math

import numpy as np
import pytest

from seg_node.metrics import (
    calibration_error,
    count_confidence,
    mean_calibration_error_of_images,
    reliability,
)


def test_calibration_error_is_zero_when_confidence_is_the_share_of_right_pixels() -> None:
    confidence = np.array([0.5, 0.5, 1.0, 1.0], np.float32)
    right = np.array([True, False, True, True])

    assert calibration_error(count_confidence(confidence, right)) == 0.0


def test_calibration_error_weighs_bins_by_their_pixels() -> None:
    """Three sure and wrong pixels are off by 1, one sure and right pixel by 0."""
    confidence = np.array([1.0, 1.0, 1.0, 0.0], np.float32)
    right = np.array([False, False, False, False])

    assert calibration_error(count_confidence(confidence, right)) == 0.75


def test_bytes_are_read_as_parts_of_255() -> None:
    levels = np.arange(256, dtype=np.uint8)
    right = levels % 3 == 0

    from_bytes = count_confidence(levels, right)

    assert np.allclose(from_bytes, count_confidence((levels / 255).astype(np.float32), right))
    assert from_bytes[:, 0].sum() == 256


def test_counts_of_two_halves_give_the_error_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    confidence, right = rng.random(1000).astype(np.float32), rng.random(1000) < 0.7

    halves = count_confidence(confidence[:400], right[:400])
    halves += count_confidence(confidence[400:], right[400:])

    whole = calibration_error(count_confidence(confidence, right))
    assert calibration_error(halves) == pytest.approx(whole, rel=1e-12)


@pytest.mark.needs_lightning
def test_calibration_error_agrees_with_torchmetrics() -> None:
    torch = import_module('torch')
    classification = import_module('torchmetrics.functional.classification')
    rng = np.random.default_rng(4)
    probabilities = rng.dirichlet(np.full(3, 0.5), 500).astype(np.float32)
    truth = rng.integers(0, 3, 500)

    ours = calibration_error(
        count_confidence(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    )

    theirs = classification.multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(truth), num_classes=3, n_bins=15
    )
    assert ours == pytest.approx(float(theirs), abs=1e-6)  # theirs are float32


def test_nothing_has_no_calibration_error() -> None:
    empty = np.zeros(0, np.float32)

    assert math.isnan(calibration_error(count_confidence(empty, empty > 0)))


def test_count_confidence_refuses_arrays_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r'shape \(3,\), right \(2,\)'):
        count_confidence(np.zeros(3, np.uint8), np.zeros(2, np.bool_))


def test_too_much_and_too_little_confidence_cancel_in_a_set_but_not_in_its_images() -> None:
    """Both say 75 %; one image is right in all of 4 pixels, the other in 2."""
    confidence = np.full(4, 0.75, np.float32)
    good = count_confidence(confidence, np.array([True] * 4))
    poor = count_confidence(confidence, np.array([True, True, False, False]))

    assert calibration_error(good + poor) == pytest.approx(0.0)
    assert mean_calibration_error_of_images([good, poor]) == pytest.approx(0.25)


def test_an_image_without_labels_is_left_out_of_the_mean_over_images() -> None:
    sure = count_confidence(np.ones(2, np.float32), np.array([True, False]))

    assert mean_calibration_error_of_images([sure, np.zeros_like(sure)]) == 0.5
    assert math.isnan(mean_calibration_error_of_images([]))


def test_reliability_has_the_means_of_each_bin_and_nan_in_empty_ones() -> None:
    confidence = np.array([0.1, 0.2, 0.9], np.float32)
    right = np.array([False, True, True])

    diagram = reliability(count_confidence(confidence, right, bins=4))

    nothing = [math.nan] * 2
    assert diagram.confidence.tolist() == pytest.approx([0.15, *nothing, 0.9], nan_ok=True)
    assert diagram.accuracy.tolist() == pytest.approx([0.5, *nothing, 1.0], nan_ok=True)
    assert diagram.share.tolist() == pytest.approx([2 / 3, 0.0, 0.0, 1 / 3])


def test_calibration_error_is_the_mean_gap_of_the_reliability_diagram() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.random(400).astype(np.float32)
    counts = count_confidence(confidence, rng.random(400) < confidence**2)

    diagram = reliability(counts)

    gap = np.abs(diagram.confidence - diagram.accuracy) * diagram.share
    assert calibration_error(counts) == pytest.approx(gap.sum())
