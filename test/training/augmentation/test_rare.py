# SPDX-License-Identifier: Apache-2.0
"""Which classes are rare, and that crops and mixtures show more of them."""

from __future__ import annotations

from dataclasses import replace
import os

import numpy as np
import pytest

from seg_node.datasets import open_dataset, Sample
from seg_node.errors import TaxonomyError
from seg_node.training.augmentation.augmenter import Augmenter
from seg_node.training.augmentation.rare import (
    half_of_classes,
    paste,
    rare_pixel,
    rarity,
    some_rare,
)
from seg_node.training.recipe.augment import AugmentPart
from seg_node.training.weights.class_weights import count_pixels, PixelCounts
import tiny

RANDOM = np.random.default_rng
COUNTS = PixelCounts(np.array([900, 99, 1]), np.array([1000, 1000, 1000]))
SMALL = AugmentPart(crop=(64, 64), scale=(0.9, 1.1))
SOUGHT = np.where(np.arange(256) == 2, 1.0, 0.0)


def no_counts() -> PixelCounts:
    pytest.fail('the pixels were counted for nothing')


def lake() -> Sample:
    """Return a sample of which 0.25 % are class 2."""
    labels = np.zeros((200, 320), np.uint8)
    labels[150:160, 40:56] = 2
    return Sample('lake', np.zeros((200, 320, 3), np.uint8), labels)


def test_classes_with_few_pixels_are_sought_the_more_the_fewer_they_are() -> None:
    options = AugmentPart(rare_crop=0.5, rare_share=0.1)

    sought = rarity(options, tiny.TAXONOMY, lambda: COUNTS)

    assert sought is not None
    assert np.flatnonzero(sought).tolist() == [1, 2]
    assert sought[2] / sought[1] == pytest.approx(np.sqrt(99))


def test_a_class_that_never_occurs_is_not_sought() -> None:
    options = AugmentPart(copy_paste=0.5, rare_share=0.5)
    counts = PixelCounts(np.array([60, 40, 0]), np.array([100, 100, 0]))

    sought = rarity(options, tiny.TAXONOMY, lambda: counts)

    assert sought is not None
    assert np.flatnonzero(sought).tolist() == [1]


def test_named_classes_are_sought_without_counting() -> None:
    options = AugmentPart(rare_crop=0.5, rare_classes=('water', 'lava'))

    sought = rarity(options, tiny.TAXONOMY, no_counts)

    assert sought is not None
    assert np.flatnonzero(sought).tolist() == [0, 2]


def test_nothing_is_sought_when_nothing_asks_for_it() -> None:
    assert rarity(AugmentPart(class_mix=1.0), tiny.TAXONOMY, no_counts) is None


def test_a_name_that_is_no_class_is_an_error() -> None:
    options = AugmentPart(rare_crop=0.5, rare_classes=('unicorn',))

    with pytest.raises(TaxonomyError, match='unicorn'):
        rarity(options, tiny.TAXONOMY, no_counts)


def test_options_that_seek_need_the_rarity() -> None:
    with pytest.raises(ValueError, match='rarity'):
        Augmenter(AugmentPart(rare_crop=0.5), padding=(0, 0, 0))


def test_a_rare_pixel_is_one_of_a_rare_class() -> None:
    labels = lake().labels

    found = {rare_pixel(labels, SOUGHT, RANDOM(seed)) for seed in range(300)}

    assert None not in found
    assert {labels[place] for place in found if place} == {2}
    assert len(found) > 100  # of 160, and not always the same


def test_there_is_no_rare_pixel_where_no_rare_class_is() -> None:
    assert rare_pixel(np.zeros((9, 9), np.uint8), SOUGHT, RANDOM(0)) is None


def test_crops_round_rare_classes_show_them_more_often() -> None:
    def share(options: AugmentPart) -> float:
        augment = Augmenter(options, padding=(0, 0, 0), rarity=SOUGHT)
        crops = [augment(lake(), RANDOM(seed)).labels for seed in range(60)]
        return float(np.mean([crop == 2 for crop in crops]))

    plain, aimed = share(SMALL), share(replace(SMALL, rare_crop=1.0))

    assert aimed > 0.9 * 160 / 64**2  # nearly all of the lake in each
    assert aimed > 4 * plain


def test_an_aimed_crop_keeps_inside_the_image() -> None:
    augment = Augmenter(replace(SMALL, rare_crop=1.0), padding=(0, 0, 0), rarity=SOUGHT)

    crops = [augment(lake(), RANDOM(seed)).labels for seed in range(20)]

    assert all((crop != 255).all() for crop in crops)


def test_half_of_the_classes_are_taken_and_never_the_unlabelled() -> None:
    labels = np.array([[0, 1, 2, 3, 4, 255, 255]], np.uint8)

    taken = [half_of_classes(labels, RANDOM(seed)) for seed in range(30)]

    assert {len(ids) for ids in taken} == {3}
    assert {int(one) for ids in taken for one in ids} == {0, 1, 2, 3, 4}
    assert half_of_classes(np.full((1, 4), 255, np.uint8), RANDOM(0)).size == 0


def test_some_of_the_rare_classes_are_taken_at_least_one() -> None:
    labels = np.array([[0, 1, 2, 255]], np.uint8)
    sought = np.where(np.isin(np.arange(256), (1, 2, 9)), 1.0, 0.0)

    taken = {tuple(sorted(some_rare(labels, sought, RANDOM(seed)))) for seed in range(50)}

    assert taken == {(1,), (2,), (1, 2)}
    assert some_rare(np.zeros((1, 2), np.uint8), sought, RANDOM(0)).size == 0


def test_paste_covers_exactly_the_pixels_of_the_chosen_classes() -> None:
    onto = tiny.scene(seed=1)
    other = tiny.scene(seed=2)
    before = [array.copy() for array in (*onto, *other)]

    image, labels = paste(onto, other, np.array([1, 2]))

    covered = np.isin(other[1], (1, 2))
    assert np.array_equal(labels, np.where(covered, other[1], onto[1]))
    assert np.array_equal(image, np.where(covered[..., None], other[0], onto[0]))
    unchanged = zip(before, (*onto, *other), strict=True)
    assert all(np.array_equal(one, array) for one, array in unchanged)


@pytest.mark.needs_camvid
def test_rare_classes_of_camvid_come_more_often() -> None:
    dataset = open_dataset(f'camvid:{os.environ["SEG_NODE_CAMVID"]}', 'train', 'camvid11')
    samples = [dataset[index] for index in range(0, 360, 24)]
    counts = count_pixels((one.labels for one in samples), 11)
    options = AugmentPart(crop=(144, 192), rare_crop=1.0)
    sought = rarity(options, dataset.taxonomy, lambda: counts)
    assert sought is not None
    rare = np.flatnonzero(sought)

    def share(options: AugmentPart) -> float:
        augment = Augmenter(options, padding=(0, 0, 0), rarity=sought)
        crops = [augment(one, RANDOM(7)).labels for one in samples]
        return float(np.mean([np.isin(crop, rare) for crop in crops]))

    assert share(options) > 1.3 * share(replace(options, rare_crop=0.0))
