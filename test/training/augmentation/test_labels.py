# SPDX-License-Identifier: Apache-2.0
"""Labels under all changes: picked or covered, never mixed, and always under their own pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.training.augmentation.augmenter import Augmenter
from seg_node.training.recipe.augment import AugmentPart
import tiny
from training.augmentation.still import STILL

if TYPE_CHECKING:
    from seg_node.taxonomy import Taxonomy

PLACED = replace(STILL, scale=(0.5, 2.0), flip=0.5, crop=(80, 100))
PLACES = {
    'warp': PLACED,
    'rare crop': replace(PLACED, rare_crop=1.0),
    'class mix': replace(PLACED, class_mix=1.0),
    'copy paste': replace(PLACED, copy_paste=1.0),
    'all': replace(PLACED, rare_crop=0.5, class_mix=0.5, copy_paste=0.5),
}
LOOKS = ('motion', 'jpeg', 'rain', 'fog', 'glare', 'night')
IDS = (0, 3, 7, 11, 18, 255)
RARE = 18
COLORS = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
RARITY = np.where(np.arange(256) == RARE, 1.0, 0.0)


class Patches:
    """Samples of two sizes whose colours are those of their labels; every third shows class 18."""

    taxonomy: Taxonomy = tiny.TAXONOMY

    def __len__(self) -> int:
        """Count."""
        return 6

    def __getitem__(self, index: int) -> Sample:
        """Rectangles of a few classes on each other."""
        random = np.random.default_rng(index)
        height, width = (96, 128) if index % 2 else (120, 144)
        labels = np.full((height, width), 3, np.uint8)
        for _ in range(8):
            top, left = random.integers(0, height), random.integers(0, width)
            shown = IDS if index % 3 == 0 else tuple(one for one in IDS if one != RARE)
            labels[top : top + 30, left : left + 40] = random.choice(shown)
        return Sample(str(index), COLORS[labels], labels)


def changed(options: AugmentPart, index: int, seed: int) -> Sample:
    patches = Patches()
    augment = Augmenter(options, padding=(0, 0, 0), rarity=RARITY)
    return augment(patches[index], np.random.default_rng(seed), patches)


def inside(labels: np.ndarray) -> np.ndarray:
    """Return which pixels have the same label two pixels in each direction."""
    same = cv2.erode(labels, np.ones((5, 5))) == cv2.dilate(labels, np.ones((5, 5)))
    return np.asarray(same)


@pytest.mark.parametrize('name', PLACES)
@pytest.mark.parametrize('seed', range(12))
def test_each_label_lies_on_the_pixels_that_show_it(name: str, seed: int) -> None:
    got = changed(PLACES[name], seed % 6, seed)

    wanted = inside(got.labels) & (got.labels != 255)
    apart = np.abs(got.image.astype(int) - COLORS[got.labels])[wanted].max(1)
    assert wanted.mean() > 0.05
    # Where two pieces of one class meet, each has an edge that the labels do not show.
    assert (apart <= 1).mean() > (0.9999 if name in ('warp', 'rare crop') else 0.95)
    assert set(np.unique(got.labels)) <= set(IDS)
    assert got.labels.shape == (80, 100)
    assert got.image.shape == (80, 100, 3)


@pytest.mark.parametrize('name', LOOKS)
def test_changes_of_looks_leave_labels_and_crops_alone(name: str) -> None:
    chance: Any = {name: 1.0}
    options = replace(PLACED, **chance)

    pairs = [(changed(options, 0, seed), changed(PLACED, 0, seed)) for seed in range(4)]

    assert all(np.array_equal(one.labels, other.labels) for one, other in pairs)
    assert not any(np.array_equal(one.image, other.image) for one, other in pairs)
    assert all(one.image.dtype == np.uint8 for one, _ in pairs)


def test_new_changes_take_no_random_numbers_from_the_old_ones() -> None:
    options = AugmentPart(crop=(64, 64))
    busy = replace(
        options, rare_crop=1.0, class_mix=0.5, copy_paste=0.5, rain=0.5, night=0.5, jpeg=1.0
    )

    generators = [np.random.default_rng(5) for _ in range(2)]
    for one, random in zip((options, busy), generators, strict=True):
        Augmenter(one, padding=(0, 0, 0), rarity=RARITY)(Patches()[0], random, Patches())

    assert generators[0].integers(2**60) == generators[1].integers(2**60)


def test_class_mix_brings_classes_of_a_second_sample() -> None:
    options = replace(STILL, class_mix=1.0)
    alone = [set(np.unique(changed(STILL, 1, seed).labels)) for seed in range(20)]

    mixed = [set(np.unique(changed(options, 1, seed).labels)) for seed in range(20)]

    assert all(RARE not in shown for shown in alone)
    assert any(RARE in shown for shown in mixed)


def test_copy_paste_brings_rare_classes_alone() -> None:
    options = replace(STILL, copy_paste=1.0)

    pairs = [(changed(STILL, 1, seed), changed(options, 1, seed)) for seed in range(20)]

    differ = [new.labels[new.labels != old.labels] for old, new in pairs]
    assert any(len(one) for one in differ)
    assert all((one == RARE).all() for one in differ)


def test_without_others_nothing_is_mixed_in() -> None:
    options = replace(STILL, class_mix=1.0)
    sample = Patches()[1]

    got = Augmenter(options, padding=(0, 0, 0))(sample, np.random.default_rng(0))
    plain = Augmenter(STILL, padding=(0, 0, 0))(sample, np.random.default_rng(0))

    assert np.array_equal(got.labels, plain.labels)
