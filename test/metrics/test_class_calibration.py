# SPDX-License-Identifier: Apache-2.0
"""Class-wise calibration, against torchmetrics class by class and against plain counting."""

from __future__ import annotations

from importlib import import_module
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.metrics import (
    class_calibration_error,
    count_class_confidence,
    mean_class_calibration_error,
)

if TYPE_CHECKING:
    import numpy.typing as npt

CLASSES, BINS = 4, 15


def prediction(
    seed: int, unlabelled: float = 0.125
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return probabilities of 4 classes, of which the last never occurs in the truth."""
    rng = np.random.default_rng(seed)
    spread = rng.dirichlet([2.0, 1.0, 0.1, 0.1], (17, 19))
    planes = np.moveaxis(spread, -1, 0).astype(np.float32)
    truth = rng.integers(0, 3, planes.shape[1:]).astype(np.uint8)
    truth[rng.random(truth.shape) < unlabelled] = 255
    return planes, truth


def test_every_pixel_is_counted_in_one_bin_of_each_class() -> None:
    planes, truth = prediction(0)

    counts = count_class_confidence(planes, truth)

    expected = np.zeros((CLASSES, BINS, 3))
    for y, x in np.argwhere(truth != 255).tolist():
        for number in range(CLASSES):
            value = planes[number, y, x]
            row = min(int(value * np.float32(BINS)), BINS - 1)
            expected[number, row] += [1, value, truth[y, x] == number]
    np.testing.assert_allclose(counts, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.needs_lightning
def test_class_calibration_error_agrees_with_torchmetrics() -> None:
    torch = import_module('torch')
    classification = import_module('torchmetrics.functional.classification')
    planes, truth = prediction(1, unlabelled=0.0)

    errors = class_calibration_error(count_class_confidence(planes, truth))

    for number in range(3):
        theirs = classification.binary_calibration_error(
            torch.from_numpy(planes[number].ravel()),
            torch.from_numpy((truth == number).ravel().astype(np.int64)),
            n_bins=BINS,
        )
        assert errors[number] == pytest.approx(float(theirs), abs=1e-6)  # theirs are float32


def test_a_class_that_never_occurs_has_no_error_and_is_not_in_the_mean() -> None:
    errors = class_calibration_error(counts := count_class_confidence(*prediction(2)))

    assert math.isnan(errors[3])
    assert mean_class_calibration_error(counts) == pytest.approx(errors[:3].mean())


def test_an_error_of_a_rare_class_is_not_hidden_by_the_others() -> None:
    """One pixel in a hundred is of class 2, which gets 11 % everywhere."""
    planes = np.stack([np.full((10, 10), share, np.float32) for share in (0.5, 0.39, 0.11)])
    truth = np.zeros((10, 10), np.uint8)
    truth[:, 5:] = 1
    truth[0, 9] = 2

    errors = class_calibration_error(count_class_confidence(planes, truth))

    assert errors.tolist() == pytest.approx([0.0, 0.1, 0.1], abs=1e-6)


def test_counts_of_two_halves_add_up_to_the_whole() -> None:
    planes, truth = prediction(3)

    halves = count_class_confidence(planes[:, :5], truth[:5])
    halves += count_class_confidence(planes[:, 5:], truth[5:])

    np.testing.assert_allclose(halves, count_class_confidence(planes, truth), rtol=1e-9, atol=1e-9)


def test_unlabelled_images_have_no_class_calibration() -> None:
    planes, truth = prediction(4, unlabelled=1.0)

    counts = count_class_confidence(planes, truth)

    assert np.abs(counts).max() < 1e-9
    assert math.isnan(mean_class_calibration_error(counts))


def test_count_class_confidence_refuses_arrays_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r'\(2, 2\), the truth is \(2, 3\)'):
        count_class_confidence(np.zeros((4, 2, 2), np.float32), np.zeros((2, 3), np.uint8))
