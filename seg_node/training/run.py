# SPDX-License-Identifier: Apache-2.0
"""A training run from recipe to averaged weights; resumes where an earlier one stopped."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
import logging
import sys
from typing import TYPE_CHECKING
import warnings

import lightning
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
import torch
import yaml

from seg_node.datasets import open_dataset
from seg_node.errors import DatasetError
from seg_node.imaging.fitting import InputSpec
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_imagenet, load_pretrained
from seg_node.taxonomy import load_taxonomy
from seg_node.training.augment import Augmenter
from seg_node.training.class_weights import counts_of, recipe_weights
from seg_node.training.losses.combination import SegmentationLoss
from seg_node.training.measure import measure
from seg_node.training.samples import Draws, DrawSampler, Share, TrainingSet
from seg_node.training.task import SegmentationTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seg_node.datasets.base import Dataset
    from seg_node.model.network import SegNet
    from seg_node.training.recipe import Recipe, Source

logger = logging.getLogger(__name__)

CHECKPOINT = 'last.ckpt'
RECIPE_COPY = 'recipe.yaml'
LOGS = 'log*'  # one folder per start


def train(recipe: Recipe, folder: Path, *, until: int | None = None) -> SegNet:
    """Train, or go on training, and return the averaged network.

    The folder keeps the recipe, a checkpoint after every epoch, the log as CSV and the pixel
    counts. Run again with the same folder it goes on after the last complete epoch and ends with
    the same weights, bit for bit on one machine, as a run that was never stopped.

    Args:
        recipe: What to train.
        folder: Created when missing.
        until: Number of epochs after which to stop early, to go on later; None for all.

    Raises:
        DatasetError: A data set cannot be opened or is empty.
        BundleError: The ImageNet weights are not installed.
    """
    torch.set_num_threads(recipe.threads)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE_COPY).write_text(yaml.safe_dump(recipe.to_dict(), sort_keys=False))
    datasets = [open_source(recipe, source) for source in recipe.data.train]
    task, draws = _prepare(recipe, datasets, folder)
    last = folder / CHECKPOINT
    with _quiet():
        trainer = _trainer(recipe, folder, min(until or sys.maxsize, recipe.schedule.epochs))
        resumed = str(last) if last.is_file() else None
        trainer.fit(task, datamodule=draws, ckpt_path=resumed, weights_only=True)
    network: SegNet = task.average.network  # type: ignore[assignment]
    return network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def open_source(recipe: Recipe, source: Source) -> Dataset:
    """Open one data set of a recipe with the recipe's paths and classes.

    Raises:
        DatasetError: It cannot be opened, its path has no value, or it is empty.
    """
    try:
        spec = source.dataset.format(**recipe.paths)
    except (KeyError, IndexError) as err:
        msg = f'The data set {source.dataset!r} needs a path {err}; give it under paths.'
        raise DatasetError(msg) from err
    dataset = open_dataset(spec, split=source.split, taxonomy=recipe.taxonomy)
    if not len(dataset):
        msg = f'The data set {spec!r} has no samples in split {source.split!r}.'
        raise DatasetError(msg)
    return dataset


def net_config(recipe: Recipe) -> NetConfig:
    """Return what builds the recipe's network."""
    return NetConfig(recipe.network.family, classes=len(load_taxonomy(recipe.taxonomy)))


def input_spec(recipe: Recipe) -> InputSpec:
    """Return the network input of the recipe's bundle."""
    config, options = net_config(recipe), recipe.input
    return InputSpec(options.height, options.width, options.fit, config.mean, config.std)


def initial_network(recipe: Recipe) -> SegNet:
    """Build the network that training starts from, with the weights it shall go on from."""
    torch.manual_seed(recipe.seed)
    network = build_network(net_config(recipe))
    options = recipe.network
    if options.pretrained == 'imagenet':
        logger.info('ImageNet encoder: %s', load_imagenet(network.encoder))
    elif options.pretrained != 'none':
        logger.info('%s: %s', options.pretrained, load_pretrained(network, options.pretrained))
    if options.frozen:
        network.encoder.freeze(options.frozen)  # type: ignore[operator]
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _prepare(
    recipe: Recipe, datasets: list[Dataset], folder: Path
) -> tuple[SegmentationTask, Draws]:
    spec = input_spec(recipe)
    shares = [
        Share(len(data), source.per_epoch, source.first_epoch)
        for data, source in zip(datasets, recipe.data.train, strict=True)
    ]
    sampler = DrawSampler(shares, seed=recipe.seed)
    network = initial_network(recipe)
    samples = TrainingSet(
        datasets,
        Augmenter(recipe.augment, padding=spec.mean),
        seed=recipe.seed,
        stride=network.output_stride,
    )
    batch = recipe.schedule.batch
    draws = Draws(samples, sampler, batch=batch, workers=recipe.workers)
    steps = sum(sampler.draws_in(epoch) // batch for epoch in range(recipe.schedule.epochs))
    held_out = open_source(recipe, recipe.data.val)
    groups = load_taxonomy(recipe.data.groups)
    task = SegmentationTask(
        network,
        _loss(recipe, datasets[0], folder, network.output_stride),
        recipe,
        steps=steps,
        measure=partial(measure, dataset=held_out, spec=spec, groups=groups),
    )
    return task, draws


def _loss(recipe: Recipe, first: Dataset, folder: Path, stride: int) -> SegmentationLoss:
    """Return the loss; class weights come from the first source."""
    weights = recipe_weights(
        recipe.loss.class_weights, first.taxonomy, partial(counts_of, '0', first, folder)
    )
    return SegmentationLoss(torch.from_numpy(weights), recipe.loss, stride=stride)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice (loggers, worker counts, its own deprecations) to itself."""
    lightning_log = logging.getLogger('lightning.pytorch')
    level = lightning_log.level
    lightning_log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', module=r'lightning\..*')
            yield
    finally:
        lightning_log.setLevel(level)


def _trainer(recipe: Recipe, folder: Path, epochs: int) -> lightning.Trainer:
    checkpoint = ModelCheckpoint(
        folder, filename='last', enable_version_counter=False, save_on_train_epoch_end=True
    )
    callbacks: list[Callback] = [checkpoint, LearningRateMonitor('epoch')]
    return lightning.Trainer(
        accelerator='cpu',
        max_epochs=epochs,
        gradient_clip_val=recipe.optimizer.clip_norm,
        logger=CSVLogger(folder, name='', version=f'log{len(list(folder.glob(LOGS)))}'),
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )
