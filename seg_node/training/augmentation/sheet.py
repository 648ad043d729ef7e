# SPDX-License-Identifier: Apache-2.0
"""A page of samples as a recipe trains on them: what was read, what became of it, its labels."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from seg_node.drawing import Sheet, SheetRow
from seg_node.imaging import overlay
from seg_node.training.run import input_spec
from seg_node.training.samples.samples import DrawSampler, Share, training_set
from seg_node.training.samples.sources import open_source, place, recipe_taxonomy
from seg_node.training.weights.class_weights import count_dataset

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.training.recipe import Recipe

COLUMNS = ('as read', 'as trained on', 'with its labels')
UNLABELLED_KEY = {'no label: darkened': (0, 0, 0)}
ALPHA = 0.55
TILE_WIDTH = 400  # [px]


def draw_samples(recipe: Recipe, count: int, epoch: int | None = None) -> npt.NDArray[np.uint8]:
    """Draw the first samples of an epoch.

    Args:
        recipe: Data and changes.
        count: Number of samples.
        epoch: Counted from 0; None for the last, when all sources take part.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DatasetError: A data set cannot be opened or is empty.
    """
    epoch = recipe.schedule.epochs - 1 if epoch is None else epoch
    sources = recipe.data.train
    datasets = [open_source(recipe, source) for source in sources]
    counts = partial(count_dataset, datasets[0])
    samples = training_set(recipe, datasets, counts, padding=input_spec(recipe).mean, stride=1)
    sizes = zip(datasets, sources, strict=True)
    shares = [Share(len(data), one.per_epoch, one.first_epoch) for data, one in sizes]
    sampler = DrawSampler(shares, seed=recipe.seed)
    sampler.set_epoch(epoch)
    classes = recipe_taxonomy(recipe)
    rows = []
    for draw in islice(sampler, count):
        found, got = datasets[draw.source][draw.place], samples.sample(draw)
        pictures = (found.image, got.image, overlay(got.image, got.labels, classes, ALPHA))
        rows.append(SheetRow((found.name, f'source {draw.source}'), pictures))
    names = [f'{place(recipe, source.dataset)} {source.split}' for source in sources]
    listed = ', '.join(f'source {number}: {name}' for number, name in enumerate(names))
    subtitle = f'epoch {epoch + 1} of {recipe.schedule.epochs}; {listed}'
    title = f'Training samples of the recipe {recipe.name}'
    return Sheet(title, subtitle, COLUMNS, rows, classes, UNLABELLED_KEY, '', TILE_WIDTH).draw()
