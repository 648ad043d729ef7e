# SPDX-License-Identifier: Apache-2.0
"""Which sample comes when: a pure function of seed and epoch, whatever the number of workers."""

from __future__ import annotations

import logging
import sys
from typing import NamedTuple, TYPE_CHECKING

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from seg_node.errors import ParameterError
from seg_node.imaging.fitting import InputSpec
from seg_node.training.augmentation.augmenter import Augmenter
from seg_node.training.augmentation.rare import rarity
from seg_node.training.processes import RankShare
from seg_node.training.samples.cache import SampleCache, workers_share_memory
from seg_node.training.samples.fitted import FittedDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seg_node.datasets.base import Dataset, Sample
    from seg_node.training.recipe import Recipe
    from seg_node.training.weights.class_weights import PixelCounts

logger = logging.getLogger(__name__)

UNIT = (1.0, 1.0, 1.0)  # levels are not scaled here


class Draw(NamedTuple):
    """One sample of one epoch."""

    epoch: int
    source: int
    place: int
    repeat: int = 0


class Share(NamedTuple):
    """How much of a data set an epoch takes."""

    size: int
    per_epoch: int
    first_epoch: int = 0

    def draws(self, epoch: int) -> int:
        """Return the number of samples taken in an epoch."""
        return (self.per_epoch or self.size) if epoch >= self.first_epoch else 0


class DrawSampler(Sampler[Draw]):
    """Yields the draws of the current epoch in random order.

    A source that gives fewer samples than it has is worked through without repeats before any
    sample comes again, across epochs too.
    """

    def __init__(self, shares: Sequence[Share], *, seed: int) -> None:
        """Draw from ``shares``, in epoch 0."""
        self._shares = tuple(shares)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration yields."""
        self._epoch = epoch

    def draws_in(self, epoch: int) -> int:
        """Return the number of draws in an epoch."""
        return sum(share.draws(epoch) for share in self._shares)

    def __len__(self) -> int:
        """Return the number of draws in the current epoch."""
        return self.draws_in(self._epoch)

    def __iter__(self) -> Iterator[Draw]:
        """Yield the draws of the current epoch."""
        draws = [
            draw for number in range(len(self._shares)) for draw in self._source_draws(number)
        ]
        order = np.random.default_rng([self._seed, self._epoch]).permutation(len(draws))
        return (draws[position] for position in order)

    def _source_draws(self, number: int) -> Iterator[Draw]:
        share = self._shares[number]
        taken = share.draws(self._epoch)
        start = taken * (self._epoch - share.first_epoch)
        for position in range(start, start + taken):
            round_, place = divmod(position, share.size)
            random = np.random.default_rng([self._seed, number, round_])
            chosen = int(random.permutation(share.size)[place])
            yield Draw(self._epoch, number, chosen, round_)


class TrainingSet(TorchDataset[tuple[Tensor, Tensor]]):
    """Augmented samples by draw."""

    def __init__(
        self,
        datasets: Sequence[Dataset],
        augment: Augmenter,
        *,
        seed: int,
        stride: int,
        cache: SampleCache | None = None,
    ) -> None:
        """Serve samples of several data sets.

        Args:
            datasets: In the order of ``Draw.source``.
            augment: Random changes; a second sample comes from the same data set.
            seed: Of the random changes.
            stride: Distance of the pixels whose labels are returned [px]. Of each
                ``stride`` x ``stride`` patch one is chosen at random per sample, so that on
                average a score is compared with the centre of what it covers.
            cache: Keeps samples as they were read.
        """
        if cache is not None:
            datasets = [cache.over(dataset) for dataset in datasets]
        self._datasets = tuple(datasets)
        self._augment = augment
        self._seed = seed
        self._stride = stride

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Return (3, H, W) uint8 RGB and (H / stride, W / stride) int64 labels, 255 ignored."""
        random = self._random(draw)
        sample = self._changed(draw, random)
        top, left = random.integers(0, self._stride, 2)
        labels = sample.labels[top :: self._stride, left :: self._stride]
        image = np.ascontiguousarray(sample.image)
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(labels.astype(np.int64))

    def sample(self, draw: Draw) -> Sample:
        """Return what a draw is trained on, with a label for each pixel."""
        return self._changed(draw, self._random(draw))

    def _random(self, draw: Draw) -> np.random.Generator:
        return np.random.default_rng([self._seed, *draw])

    def _changed(self, draw: Draw, random: np.random.Generator) -> Sample:
        dataset = self._datasets[draw.source]
        return self._augment(dataset[draw.place], random, dataset)


def training_set(
    recipe: Recipe,
    datasets: Sequence[Dataset],
    counts: Callable[[], PixelCounts],
    *,
    padding: Sequence[float],
    stride: int,
) -> TrainingSet:
    """Return the augmented samples of a recipe, fitted to its network input before all else.

    Args:
        recipe: Network input, changes, seed and cache.
        datasets: Those of ``data.train``.
        counts: Gives the pixels of each class in the first of them; asked only where rare classes
            are sought and none are named.
        padding: RGB levels for what lies outside the image.
        stride: As for ``TrainingSet``.

    Raises:
        ParameterError: The crop is no multiple of the stride, so that labels would differ in size.
        TaxonomyError: A rare class is not in the taxonomy.
    """
    if any(side % stride for side in recipe.augment.crop):
        msg = (
            f'The value of augment.crop is {list(recipe.augment.crop)!r}; expected multiples of '
            f'{stride}, the stride of the scores [px].'
        )
        raise ParameterError(msg)
    if recipe.data.cache > 0 and recipe.workers > 0 and not workers_share_memory():
        logger.warning(
            'data.cache keeps nothing: worker processes do not share memory on %s, so samples are '
            'read anew in every epoch. workers=0 keeps them in the training process.',
            sys.platform,
        )
    sought = rarity(recipe.augment, datasets[0].taxonomy, counts)
    size = recipe.input
    red, green, blue = padding
    spec = InputSpec(size.height, size.width, size.fit, (red, green, blue), UNIT)
    return TrainingSet(
        [FittedDataset(dataset, spec) for dataset in datasets],
        Augmenter(recipe.augment, padding=padding, rarity=sought),
        seed=recipe.seed,
        stride=stride,
        cache=SampleCache(recipe.data.cache) if recipe.data.cache > 0 else None,
    )


class Draws(lightning.LightningDataModule):
    """Gives Lightning a loader per epoch; its length may change when a source joins."""

    def __init__(
        self, samples: TrainingSet, sampler: DrawSampler, *, batch: int, workers: int
    ) -> None:
        """Serve ``samples`` in the order of ``sampler``, in batches without a rest.

        On several processes each gets the same share of every batch.
        """
        super().__init__()
        self._samples, self._sampler = samples, sampler
        self._batch, self._workers = batch, workers

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """Return the loader of the trainer's current epoch."""
        trainer = self.trainer
        self._sampler.set_epoch(trainer.current_epoch if trainer else 0)
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        on_gpu = trainer is not None and trainer.strategy.root_device.type == 'cuda'
        forks = self._workers > 0 and workers_share_memory()  # no longer Python's own choice
        return DataLoader(
            self._samples,
            self._batch // world,
            sampler=RankShare(self._sampler, batch=self._batch, rank=rank, world=world),
            num_workers=self._workers,
            pin_memory=on_gpu,
            multiprocessing_context='fork' if forks else None,
        )
