# SPDX-License-Identifier: Apache-2.0
"""``seg show-weights``: a page of what pixels weigh in the loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seg_node.cli.arguments import add_picture, at_least_one, writable_file, write_picture

if TYPE_CHECKING:
    import argparse

    from seg_node.datasets.base import Dataset
    from seg_node.training.recipe.loss import LossPart

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Draw what every pixel weighs in the loss: samples, the mean over the data, each class.'

EPILOG = """\
examples:
  seg show-weights procedural:20
  seg show-weights procedural:20 loss.boundary.w0=4 loss.class_weights.kind=balanced
  seg show-weights camvid:/data/camvid --split train --sample 12
  seg show-weights config/train/default.yaml paths.camvid=/data/camvid -o weights.png

What has a colon or is a folder is a data set; everything else is a recipe, whose first source of
training samples is taken. Class weights count all of its images, as in training. A data set
without a recipe is weighed with loss.class_weights.kind=enet and loss.boundary.w0=2.
"""
LOSS = {'class_weights': {'kind': 'enet'}, 'boundary': {'w0': 2.0}}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    parser.add_argument('source', metavar='RECIPE|DATASET', help='see below')
    parser.add_argument('overrides', nargs='*', metavar='key=value', help='changes of the recipe')
    parser.add_argument('--split', default='train', help='of a DATASET (default: train)')
    parser.add_argument('--taxonomy', metavar='NAME', help='of a DATASET (default: its own)')
    parser.add_argument(
        '--count', type=at_least_one, default=4, metavar='N', help='samples shown (default: 4)'
    )
    parser.add_argument(
        '--sample', type=at_least_one, metavar='N', help='show this one alone, counted from 1'
    )
    parser.add_argument(
        '--limit',
        type=at_least_one,
        default=100,
        metavar='N',
        help='images that the mean is over, spread evenly over the data (default: 100)',
    )
    add_picture(parser, 'weights.png')


def run(args: argparse.Namespace) -> int:
    """Draw the page and print where it is."""
    from seg_node.datasets import spread  # noqa: PLC0415
    from seg_node.training.weights.class_weights import count_dataset, recipe_weights  # noqa: PLC0415
    from seg_node.training.weights.sheet import draw_weights, Weighed  # noqa: PLC0415
    from seg_node.training.weights.survey import survey_weights  # noqa: PLC0415

    path = writable_file(args.output)
    name, dataset, loss = _opened(args)
    shown = _samples(dataset, args)
    weights = recipe_weights(loss.class_weights, dataset.taxonomy, lambda: count_dataset(dataset))
    survey = survey_weights(spread(dataset, args.limit), weights, loss.boundary)
    weighed = Weighed(dataset.taxonomy, weights, loss, survey)
    page = draw_weights(f'What pixels weigh: {name}', [dataset[i] for i in shown], weighed)
    write_picture(path, page)
    print(path)
    return 0


def _opened(args: argparse.Namespace) -> tuple[str, Dataset, LossPart]:
    """Return name, data set and loss of what the command line names."""
    from seg_node.datasets import open_dataset  # noqa: PLC0415 - after the arguments are read
    from seg_node.training.recipe.file import (  # noqa: PLC0415
        find_recipe,
        read_loss,
        read_recipe,
    )
    from seg_node.training.samples.sources import open_source, place  # noqa: PLC0415

    if ':' in args.source or Path(args.source).is_dir():
        loss = read_loss(args.overrides, LOSS)
        return args.source, open_dataset(args.source, args.split, args.taxonomy), loss
    recipe = read_recipe(find_recipe(args.source), args.overrides)
    first = recipe.data.train[0]
    name = f'recipe {recipe.name}, {place(recipe, first.dataset)} {first.split}'
    return name, open_source(recipe, first), recipe.loss


def _samples(dataset: Dataset, args: argparse.Namespace) -> list[int]:
    """Return the indices of the samples to show.

    Raises:
        ParameterError: There is no such sample.
    """
    from seg_node.errors import ParameterError  # noqa: PLC0415

    if args.sample is None:
        count = min(args.count, len(dataset))
        return [(2 * place + 1) * len(dataset) // (2 * count) for place in range(count)]
    if args.sample > len(dataset):
        msg = f'There is no sample {args.sample}; the data set has {len(dataset)}.'
        raise ParameterError(msg)
    return [args.sample - 1]
