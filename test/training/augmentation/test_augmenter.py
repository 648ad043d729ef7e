# SPDX-License-Identifier: Apache-2.0
"""What the random changes keep, and where they may not reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.training.augmentation.augmenter import Augmenter
from seg_node.training.recipe.augment import AugmentPart
import tiny
from training.augmentation.still import STILL

PADDING = (1.0, 2.0, 3.0)


def sample() -> Sample:
    image, labels = tiny.scene()
    return Sample('scene', image, labels)


def augmented(options: AugmentPart, seed: int = 0) -> Sample:
    return Augmenter(options, padding=PADDING)(sample(), np.random.default_rng(seed))


def test_nothing_changes_when_everything_is_switched_off() -> None:
    got = augmented(STILL)

    assert np.array_equal(got.image, sample().image)
    assert np.array_equal(got.labels, sample().labels)


def test_flip_mirrors_image_and_labels_exactly() -> None:
    got = augmented(replace(STILL, flip=1.0))

    assert np.array_equal(got.image, sample().image[:, ::-1])
    assert np.array_equal(got.labels, sample().labels[:, ::-1])


@pytest.mark.parametrize('seed', range(5))
def test_labels_stay_on_their_objects_and_are_never_mixed(seed: int) -> None:
    options = replace(STILL, scale=(0.5, 2.0), flip=0.5, crop=(100, 80))

    got = augmented(options, seed)

    colors = tiny.TAXONOMY.colors[np.minimum(got.labels, 2)].astype(int)
    pure = (np.abs(colors - got.image) <= 1).all(2)
    inside = got.labels != 255
    assert set(np.unique(got.labels)) <= {0, 1, 2, 255}
    assert got.labels.shape == (100, 80)
    assert np.asarray(pure)[inside].mean() > 0.9  # the rest are blended edges


def test_padding_is_unlabelled_and_has_the_mean_colour() -> None:
    got = augmented(replace(STILL, scale=(0.5, 0.5)))

    outside = got.labels == 255
    assert outside.mean() == pytest.approx(0.75, abs=0.02)
    assert (got.image[outside] == PADDING).all(axis=1).mean() > 0.98


def test_colour_changes_leave_labels_alone() -> None:
    options = replace(
        STILL, brightness=0.2, contrast=0.4, saturation=0.5, gamma=1.4, tint=0.1, blur=1.0, noise=1
    )

    got = augmented(options)

    assert np.array_equal(got.labels, sample().labels)
    assert not np.array_equal(got.image, sample().image)
    assert got.image.dtype == np.uint8


def test_equal_generators_give_equal_samples_and_others_do_not() -> None:
    options = AugmentPart(crop=(64, 64))

    first, again, other = (augmented(options, seed) for seed in (1, 1, 2))

    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, other.image)
