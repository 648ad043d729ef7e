# SPDX-License-Identifier: Apache-2.0
"""A training run from recipe to averaged weights; resumes where an earlier one stopped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
import logging
import sys
from typing import Any, TYPE_CHECKING

import torch

from seg_node.imaging.fitting import InputSpec
from seg_node.model.auxiliary import AuxiliaryHeads
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_imagenet, load_pretrained
from seg_node.training.held_out import HeldOut
from seg_node.training.losses.combination import SegmentationLoss
from seg_node.training.measure import measure
from seg_node.training.processes import steps_of_epochs, takes_gpu
from seg_node.training.refinement import RefinedNetwork, Refinement
from seg_node.training.resuming import keep_recipe
from seg_node.training.run_progress import RunBar
from seg_node.training.samples.samples import Draws, DrawSampler, Share, training_set
from seg_node.training.samples.sources import (
    open_source,
    place,
    recipe_groups,
    recipe_taxonomy,
    shared_images,
)
from seg_node.training.sync_norm import with_sync_norms
from seg_node.training.task import SegmentationTask
from seg_node.training.trainer import CHECKPOINT, is_chief, make_trainer, quiet
from seg_node.training.weights.class_weights import counts_of, recipe_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning.pytorch.callbacks import Callback
    from torch import nn

    from seg_node.datasets.base import Dataset
    from seg_node.model.network import SegNet
    from seg_node.training.held_out import Mark
    from seg_node.training.measure import Measured
    from seg_node.training.recipe import Recipe
    from seg_node.training.run_progress import TimeLimit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """How far a run has come.

    Attributes:
        network: The averaged weights.
        epochs: Complete epochs.
        ended: Whether nothing is left to train: all epochs are done, or patience is at its end.
        marks: Held-out mean IoU so far.
    """

    network: SegNet
    epochs: int
    ended: bool
    marks: tuple[Mark, ...]


def train(
    recipe: Recipe, folder: Path, *, until: int | None = None, limit: TimeLimit | None = None
) -> Trained:
    """Train, or go on training.

    The folder keeps the recipe, a checkpoint after every epoch, the weights of the best
    measurements, the log and the pixel counts. Run again with the same folder it goes on after the
    last complete epoch and ends with the same weights, bit for bit on one CPU, as a run that was
    never stopped.

    Args:
        recipe: What to train.
        folder: Created when missing.
        until: Number of epochs after which to stop early, to go on later; None for all.
        limit: Stops earlier, when the time is up.

    Raises:
        DatasetError: A data set cannot be opened or is empty, or fills no batch.
        BundleError: The weights to start from are not there or do not fit.
        ParameterError: The folder holds a run of another recipe, or the devices are not here.
        TrainingError: The loss is no number.
    """
    torch.set_num_threads(recipe.threads)
    last = folder / CHECKPOINT
    if is_chief(recipe.compute):
        folder.mkdir(parents=True, exist_ok=True)
        keep_recipe(recipe, folder, begun=last.is_file())
    datasets = [open_source(recipe, source) for source in recipe.data.train]
    task, draws, callbacks = _prepare(recipe, datasets, folder)
    held_out = next(one for one in callbacks if isinstance(one, HeldOut))
    epochs = min(until or sys.maxsize, recipe.schedule.epochs)
    if limit:
        callbacks.append(limit)
    with quiet():
        trainer = make_trainer(recipe, folder, epochs=epochs, callbacks=callbacks)
        resumed = str(last) if last.is_file() else None
        trainer.fit(task, datamodule=draws, ckpt_path=resumed, weights_only=True)
    done = trainer.current_epoch
    network: SegNet = task.average.network  # type: ignore[assignment]
    return Trained(
        network.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
        done,
        done >= recipe.schedule.epochs or held_out.waits_in_vain,
        tuple(held_out.marks),
    )


def net_config(recipe: Recipe) -> NetConfig:
    """Return what builds the recipe's network."""
    return NetConfig(
        recipe.network.family,
        classes=len(recipe_taxonomy(recipe)),
        finest_stride=recipe.network.finest_stride,
    )


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
        source = place(recipe, options.pretrained)
        logger.info('%s: %s', source, load_pretrained(network, source))
    if recipe.compute.sync_norm and recipe.compute.processes > 1:
        with_sync_norms(network, on_gpu=takes_gpu(recipe.compute))
    if options.frozen:
        network.encoder.freeze(options.frozen)  # type: ignore[operator]
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def initial_refinement(recipe: Recipe, stride: int) -> Refinement | None:
    """Return the CRF that is trained behind the network, or None where none is.

    Args:
        recipe: Its part ``crf``.
        stride: Of the network's scores.
    """
    if recipe.crf.train == 'none':
        return None
    return Refinement(recipe.crf, net_config(recipe).classes, stride)


def _prepare(
    recipe: Recipe, datasets: list[Dataset], folder: Path
) -> tuple[SegmentationTask, Draws, list[Callback]]:
    spec, schedule = input_spec(recipe), recipe.schedule
    shares = [
        Share(len(data), source.per_epoch, source.first_epoch)
        for data, source in zip(datasets, recipe.data.train, strict=True)
    ]
    sampler = DrawSampler(shares, seed=recipe.seed)
    network = initial_network(recipe)
    counts = partial(counts_of, '0', datasets[0], folder)
    samples = training_set(
        recipe, datasets, counts, padding=spec.mean, stride=network.output_stride
    )
    draws = Draws(samples, sampler, batch=schedule.batch, workers=recipe.workers)
    steps = steps_of_epochs(sampler, epochs=schedule.epochs, batch=schedule.batch)
    task = SegmentationTask(
        network,
        _loss(recipe, datasets[0], folder, network.output_stride),
        recipe,
        heads=_heads(recipe, network),
        refinement=initial_refinement(recipe, network.output_stride),
        steps=sum(steps),
        names=partial(_names, datasets, sampler, schedule.batch),
    )
    bar = RunBar([count * schedule.batch for count in steps], batch=schedule.batch)
    counted = partial(
        _measure,
        task=task,
        dataset=_held_out(recipe, datasets),
        spec=spec,
        groups=recipe_groups(recipe),
    )
    return task, draws, [HeldOut(schedule, folder, counted, bar.say), bar]


def _measure(network: nn.Module, task: SegmentationTask, **known: Any) -> Measured:
    """Measure the averaged network, with the averaged CRF behind it where one is trained."""
    if task.refined_average is not None:
        refinement: Refinement = task.refined_average.network  # type: ignore[assignment]
        network = RefinedNetwork(network, refinement)  # type: ignore[assignment]
    return measure(network, **known)


def _held_out(recipe: Recipe, datasets: list[Dataset]) -> Dataset:
    """Open what is measured on, and warn where it is trained on."""
    held_out = open_source(recipe, recipe.data.val)
    shared = sum(len(shared_images(one, held_out)) for one in datasets)
    if shared and is_chief(recipe.compute):
        logger.warning(
            '%d of the %d images of data.val are trained on too: the held-out figures will be too '
            'good. Put some images aside in a split of their own.',
            shared,
            len(held_out),
        )
    return held_out


def _names(
    datasets: Sequence[Dataset], sampler: DrawSampler, batch: int, step: int
) -> tuple[str, ...]:
    """Return the names of the samples in a step of the sampler's epoch."""
    draws = list(sampler)[step * batch : (step + 1) * batch]
    return tuple(datasets[draw.source][draw.place].name for draw in draws)


def _heads(recipe: Recipe, network: SegNet) -> AuxiliaryHeads | None:
    """Return the heads of the decoder's coarser levels, where the recipe trains on them."""
    classes = net_config(recipe).classes
    wanted = recipe.loss.auxiliary and recipe.crf.scores_factor
    return AuxiliaryHeads(network, classes) if wanted else None


def _loss(recipe: Recipe, first: Dataset, folder: Path, stride: int) -> SegmentationLoss:
    """Return the loss; class weights come from the first source."""
    weights = recipe_weights(
        recipe.loss.class_weights, first.taxonomy, partial(counts_of, '0', first, folder)
    )
    return SegmentationLoss(torch.from_numpy(weights), recipe.loss, stride=stride)
