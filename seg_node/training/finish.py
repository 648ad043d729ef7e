# SPDX-License-Identifier: Apache-2.0
"""From a training run, finished or not, to a bundle with measured quality."""

from __future__ import annotations

from dataclasses import dataclass
import logging
from pathlib import Path
import pickle
import subprocess
from typing import Any, TYPE_CHECKING

import numpy as np
import torch

from seg_node.bundle import check_target, Manifest
from seg_node.errors import BundleError
from seg_node.imaging.fitting import Fitter
from seg_node.model.build import build_network
from seg_node.model.export import export_bundle
from seg_node.model.weights import load_weights, round_to_half
from seg_node.training.held_out import BEST, best_weights
from seg_node.training.merit import describe, learnt_crf, measured, pooled
from seg_node.training.recipe.file import read_recipe
from seg_node.training.resuming import RECIPE_COPY
from seg_node.training.run import initial_refinement, input_spec, net_config
from seg_node.training.samples.sources import open_source, recipe_taxonomy, shared_images
from seg_node.training.trainer import CHECKPOINT
from seg_node.training.weights.class_weights import counts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from seg_node.bundle import Bundle
    from seg_node.datasets.base import Dataset
    from seg_node.imaging.fitting import InputSpec
    from seg_node.model.network import SegNet
    from seg_node.training.merit import Merit
    from seg_node.training.recipe import Recipe
    from seg_node.training.refinement import Refinement

logger = logging.getLogger(__name__)

AVERAGE = 'average.network.'
REFINED_AVERAGE = 'refined_average.network.'
PARITY_IMAGES = 8
FEWEST_REAL_PIXELS = 10_000  # below it a class was learned from synthetic pictures, if from any


@dataclass(frozen=True, slots=True)
class Run:
    """What a training folder holds.

    Attributes:
        recipe: As it was trained.
        network: The averaged weights.
        epochs: Complete epochs behind these weights.
        weights: Which of the run's weights they are: ``last`` or ``best``.
        refinement: The CRF that was trained behind the network.
    """

    recipe: Recipe
    network: SegNet
    epochs: int
    weights: str = 'last'
    refinement: Refinement | None = None


def load_run(folder: Path, overrides: Sequence[str] = ()) -> Run:
    """Load the averaged network of a training folder, also of one still being trained.

    Args:
        folder: As given to ``train``.
        overrides: ``key=value`` on the stored recipe, e.g. where data lie now.

    Raises:
        ParameterError: The stored recipe cannot be read.
        BundleError: There is no readable checkpoint.
    """
    recipe = read_recipe(folder / RECIPE_COPY, overrides)
    path = folder / CHECKPOINT
    try:
        stored = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as err:
        msg = f'{str(path)!r} is no checkpoint of seg train ({err}). Train at least one epoch.'
        raise BundleError(msg) from err
    network = build_network(net_config(recipe))
    network.load_state_dict(_part(stored['state_dict'], AVERAGE))
    refinement = initial_refinement(recipe, network.output_stride)
    if refinement is not None:
        refinement.load_state_dict(_part(stored['state_dict'], REFINED_AVERAGE))
    epochs = int(stored['epoch']) + 1
    return Run(recipe, network.eval(), epochs, refinement=refinement)


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}


def load_best(folder: Path, overrides: Sequence[str] = ()) -> Run:
    """Load the averaged network that was best on the held-out images, as ``load_run`` the last.

    Raises:
        ParameterError: The stored recipe cannot be read.
        BundleError: Nothing was measured yet, the weights cannot be read, or a CRF was trained,
            of which the last weights alone are kept.
    """
    recipe = read_recipe(folder / RECIPE_COPY, overrides)
    if recipe.crf.train != 'none':
        msg = f'{str(folder)!r} has trained a CRF, of which only the last weights are kept. '
        raise BundleError(msg + 'Export those.')
    found = best_weights(folder)
    if found is None:
        msg = (
            f'{str(folder)!r} has no weights in {BEST!r}: nothing was measured yet. Train on to '
            'the next measurement (schedule.measure_every), or export the last weights.'
        )
        raise BundleError(msg)
    mark, path = found
    network = build_network(net_config(recipe))
    load_weights(network, path)
    return Run(recipe, network.eval(), mark.epoch, 'best')


def finish(run: Run, folder: Path, target: Path, *, quality: Path | None = None) -> Bundle:
    """Calibrate, measure, export and write the bundle.

    Args:
        run: What was trained.
        folder: Where the run lies; pixel counts are kept there.
        target: Where the bundle goes.
        quality: What ``seg pool --json`` wrote about models of the same recipe on images that
            each of them never saw. Its temperature, figures and drivable threshold are taken, and
            nothing is measured: a network that was trained on all data has no images left for it.

    Raises:
        DatasetError: A data set of the recipe cannot be opened.
        BundleError: ``target`` is something else than a bundle, or ``quality`` cannot be used; it
            knows nothing of a CRF that was trained.
        ExportError: The export computes something else than the network.
    """
    check_target(target)
    recipe, network, refinement = run.recipe, run.network, run.refinement
    if quality and refinement is not None:
        msg = f'{str(quality)!r} knows nothing of the trained CRF. Export without pooled figures.'
        raise BundleError(msg)
    round_to_half(network)
    torch.set_num_threads(recipe.threads)
    spec = input_spec(recipe)
    held_out = open_source(recipe, recipe.data.val)
    merit = pooled(quality) if quality else measured(recipe, network, held_out)
    logger.info('temperature %.3f', merit.temperature)
    crf = learnt_crf(recipe, network, refinement, held_out, merit) if refinement else {}
    taxonomy = recipe_taxonomy(recipe)
    pixels = _real_pixels(recipe, folder)
    real = dict(zip(taxonomy.names, pixels.tolist(), strict=True))
    manifest = Manifest(
        name=recipe.name,
        taxonomy=taxonomy,
        input=spec,
        architecture=net_config(recipe).to_dict(),
        output_stride=network.output_stride,
        temperature=merit.temperature,
        drivable_threshold=merit.drivable_threshold,
        licence=dict(recipe.licence),
        training=_training(run, real, merit),
        quality=merit.figures,
        crf=crf,
        synthetic_only=_synthetic_only(recipe, real),
    )
    return export_bundle(network, manifest, target, _inputs(held_out, spec))


def _training(run: Run, real: dict[str, int], merit: Merit) -> dict[str, Any]:
    recipe = run.recipe
    values = recipe.to_dict()
    for key in ('paths', 'licence', 'name', 'notes'):
        del values[key]
    return {
        'data': [describe(source) for source in recipe.data.train],
        'never trained on': _never_trained_on(recipe),
        'temperature fitted on': merit.fitted_on,
        'notes': recipe.notes,
        'seed': recipe.seed,
        'epochs': run.epochs,
        'weights': run.weights,
        'commit': _commit(),
        'torch': torch.__version__,
        'parameters': sum(one.numel() for one in run.network.parameters()),
        'real_pixels': real,
        'recipe': values,
    }


def _never_trained_on(recipe: Recipe) -> list[str]:
    """Name the sources that were set aside, without those that share images with training."""
    trained = [open_source(recipe, source) for source in recipe.data.train]
    aside = {one: open_source(recipe, one) for one in (recipe.data.val, *recipe.data.also)}
    return [
        describe(source)
        for source, dataset in aside.items()
        if not any(shared_images(one, dataset) for one in trained)
    ]


def _real_pixels(recipe: Recipe, folder: Path) -> npt.NDArray[np.int64]:
    """Return how many labelled pixels of each class come from real images: (K,)."""
    total = np.zeros(len(recipe_taxonomy(recipe)), np.int64)
    for number, source in enumerate(recipe.data.train):
        if source.real:
            total += counts_of(str(number), open_source(recipe, source), folder).pixels
    return total


def _synthetic_only(recipe: Recipe, real: dict[str, int]) -> tuple[str, ...]:
    """Name the classes with next to no real pixels, where there were drawn pictures besides."""
    if all(source.real for source in recipe.data.train):
        return ()
    return tuple(name for name, count in real.items() if count < FEWEST_REAL_PIXELS)


def _inputs(dataset: Dataset, spec: InputSpec) -> list[npt.NDArray[np.float32]]:
    fit = Fitter(spec)
    step = max(len(dataset) // PARITY_IMAGES, 1)
    chosen = range(0, len(dataset), step)
    return [fit(dataset[number].image)[0].copy() for number in chosen]


def _commit() -> str:
    """Return the commit of the source tree, or ``unknown`` for an installed package."""
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return 'unknown'
    return done.stdout.strip() or 'unknown'
