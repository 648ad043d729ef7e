# SPDX-License-Identifier: Apache-2.0
"""Calibration, against torchmetrics and cases done in the head."""

from __future__ import annotations

from importlib import import_module
import math

import numpy as np
import pytest

from seg_node.metrics import calibration_error, count_confidence, mean_nll, sum_nll


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


def test_mean_nll_is_minus_the_log_of_the_probability_of_the_truth() -> None:
    probabilities = np.array([[[0.5, 0.25, 0.1]], [[0.5, 0.75, 0.9]]], np.float32)
    truth = np.array([[0, 1, 255]], np.uint8)

    nll = mean_nll(sum_nll(probabilities, truth))

    assert nll == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)


def test_one_impossible_pixel_does_not_make_the_mean_infinite() -> None:
    probabilities = np.array([[[0.0]], [[1.0]]], np.float32)

    nll = mean_nll(sum_nll(probabilities, np.array([[0]], np.uint8)))

    assert 80 < nll < 90  # -ln of the smallest normal float32


def test_unlabelled_images_have_no_nll() -> None:
    nothing = sum_nll(np.full((2, 1, 1), 0.5, np.float32), np.array([[255]], np.uint8))

    assert math.isnan(mean_nll(nothing))


def test_sum_nll_refuses_arrays_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r'\(2, 2\), the truth is \(2, 3\)'):
        sum_nll(np.zeros((4, 2, 2), np.float32), np.zeros((2, 3), np.uint8))
