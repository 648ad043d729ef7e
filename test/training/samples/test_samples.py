# SPDX-License-Identifier: Apache-2.0
"""Which sample comes when."""

from __future__ import annotations

from collections import Counter
import logging
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from torch.utils.data import DataLoader

from seg_node.datasets import Sample
from seg_node.errors import ParameterError
from seg_node.training.augmentation.augmenter import Augmenter
from seg_node.training.recipe.augment import AugmentPart
from seg_node.training.recipe.file import read_recipe
from seg_node.training.samples.cache import SampleCache
from seg_node.training.samples.samples import (
    Draw,
    Draws,
    DrawSampler,
    Share,
    training_set,
    TrainingSet,
)
import tiny

if TYPE_CHECKING:
    from seg_node.taxonomy import Taxonomy

SMOKE = Path(__file__).parents[3] / 'config' / 'train' / 'smoke.yaml'


class Scenes:
    """Six tiny scenes."""

    @property
    def taxonomy(self) -> Taxonomy:
        """Classes."""
        return tiny.TAXONOMY

    def __len__(self) -> int:
        """Count."""
        return 6

    def __getitem__(self, index: int) -> Sample:
        """Scene."""
        return Sample(str(index), *tiny.scene(seed=index))


def draws(sampler: DrawSampler, epoch: int) -> list[Draw]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_an_epoch_draws_every_sample_of_a_whole_source_once() -> None:
    sampler = DrawSampler([Share(6, 0), Share(4, 0)], seed=1)

    got = Counter((draw.source, draw.place) for draw in draws(sampler, 0))

    assert got == Counter([(0, i) for i in range(6)] + [(1, i) for i in range(4)])


def test_a_share_works_through_its_source_before_it_repeats() -> None:
    sampler = DrawSampler([Share(6, 2)], seed=1)

    places = [draw.place for epoch in range(3) for draw in draws(sampler, epoch)]

    assert sorted(places) == list(range(6))


def test_a_share_larger_than_its_source_repeats_with_other_changes() -> None:
    sampler = DrawSampler([Share(3, 6)], seed=1)

    got = draws(sampler, 0)

    assert Counter(draw.place for draw in got) == {0: 2, 1: 2, 2: 2}
    assert len(set(got)) == 6


def test_a_source_joins_at_its_first_epoch() -> None:
    sampler = DrawSampler([Share(4, 0), Share(9, 3, first_epoch=2)], seed=1)

    sizes = [len(draws(sampler, epoch)) for epoch in range(4)]

    assert sizes == [4, 4, 7, 7]
    assert [sampler.draws_in(epoch) for epoch in range(4)] == sizes


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first, again, other = (DrawSampler([Share(50, 0)], seed=seed) for seed in (1, 1, 2))
    draws(again, 3)

    assert draws(first, 5) == draws(again, 5)
    assert draws(first, 5) != draws(other, 5)
    assert [d.place for d in draws(first, 5)] != [d.place for d in draws(first, 6)]


BUSY = AugmentPart(
    crop=(32, 48),
    motion=0.3,
    jpeg=0.5,
    rain=0.2,
    fog=0.2,
    glare=0.2,
    night=0.2,
    rare_crop=0.5,
    class_mix=0.4,
    copy_paste=0.4,
)
RARITY = np.where(np.arange(256) == 2, 1.0, 0.0)


@pytest.mark.parametrize('options', [AugmentPart(crop=(32, 48)), BUSY])
@pytest.mark.parametrize('cached', [False, True])
def test_samples_do_not_depend_on_workers_or_cache(options: AugmentPart, *, cached: bool) -> None:
    def batches(workers: int, cache: SampleCache | None) -> list[np.ndarray]:
        sampler = DrawSampler([Share(6, 9)], seed=1)
        augment = Augmenter(options, padding=(0, 0, 0), rarity=RARITY)
        samples = TrainingSet([Scenes()], augment, seed=1, stride=2, cache=cache)
        loader = DataLoader(samples, 3, sampler=sampler, num_workers=workers)
        return [part.numpy() for batch in loader for part in batch]

    pairs = zip(batches(0, None), batches(2, SampleCache(1) if cached else None), strict=True)

    assert all(np.array_equal(one, other) for one, other in pairs)


def test_a_sample_to_look_at_is_the_one_that_is_trained_on() -> None:
    augment = Augmenter(BUSY, padding=(0, 0, 0), rarity=RARITY)
    samples = TrainingSet([Scenes()], augment, seed=1, stride=1)

    image, labels = samples[Draw(3, 0, 2)]
    shown = samples.sample(Draw(3, 0, 2))

    assert np.array_equal(image.permute(1, 2, 0), shown.image)
    assert np.array_equal(labels, shown.labels)


def test_a_second_sample_comes_from_the_same_data_set() -> None:
    class Untouchable(Scenes):
        """Another data set."""

        def __getitem__(self, index: int) -> Sample:
            """Nothing."""
            pytest.fail(f'sample {index} of another data set was read')

    augment = Augmenter(AugmentPart(crop=(32, 48), class_mix=1.0), padding=(0, 0, 0))
    samples = TrainingSet([Scenes(), Untouchable()], augment, seed=1, stride=2)

    assert all(len(samples[Draw(0, 0, place)]) == 2 for place in range(6))


def test_labels_are_taken_at_the_stride_of_the_scores() -> None:
    augment = Augmenter(AugmentPart(crop=(32, 48)), padding=(0, 0, 0))

    image, labels = TrainingSet([Scenes()], augment, seed=1, stride=2)[Draw(0, 0, 0)]

    assert image.shape == (3, 32, 48)
    assert labels.shape == (16, 24)


def test_crops_that_are_no_multiple_of_the_stride_are_refused() -> None:
    recipe = read_recipe(SMOKE, ['augment.crop=[33, 48]'])

    with pytest.raises(ParameterError, match=r'crop is \[33, 48\]; expected multiples of 2'):
        training_set(recipe, [Scenes()], pytest.fail, padding=(0, 0, 0), stride=2)


def small_set(*options: str) -> TrainingSet:
    recipe = read_recipe(SMOKE, ['augment.crop=[32, 48]', *options])
    return training_set(recipe, [Scenes()], pytest.fail, padding=(0, 0, 0), stride=2)


@pytest.mark.skipif(sys.platform != 'linux', reason='workers are not forked')
def test_workers_are_forked_so_that_they_share_the_cache_whatever_python_prefers() -> None:
    sampler = DrawSampler([Share(6, 0)], seed=1)

    loader = Draws(small_set(), sampler, batch=2, workers=1).train_dataloader()

    context = loader.multiprocessing_context
    assert context is not None
    assert context.get_start_method() == 'fork'


def test_cache_that_workers_cannot_share_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, 'platform', 'darwin')

    with caplog.at_level(logging.WARNING):
        small_set('workers=0')
        small_set('workers=2', 'data.cache=0')
        silent = not caplog.records
        small_set('workers=2')

    assert silent
    assert 'do not share memory on darwin' in caplog.text
