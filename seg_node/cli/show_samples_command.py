# SPDX-License-Identifier: Apache-2.0
"""``seg show-samples``: a page of what a recipe trains on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.cli.arguments import (
    add_picture,
    add_recipe,
    at_least_one,
    writable_file,
    write_picture,
)

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Draw samples as a recipe trains on them, with their labels laid over.'

EPILOG = """\
examples:
  seg show-samples procedural
  seg show-samples config/train/default.yaml paths.camvid=/data/camvid augment.rain=0.5 -o rain.png

The samples are those of a training run with the same recipe, pixel for pixel.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    add_recipe(parser)
    parser.add_argument(
        '--count', type=at_least_one, default=8, metavar='N', help='number of samples (default: 8)'
    )
    parser.add_argument(
        '--epoch', type=at_least_one, metavar='N', help='epoch, counted from 1 (default: the last)'
    )
    add_picture(parser, 'samples.png')


def run(args: argparse.Namespace) -> int:
    """Draw the page and print where it is; torch is imported only now."""
    from seg_node.training.augmentation.sheet import draw_samples  # noqa: PLC0415 - as is torch
    from seg_node.training.recipe.file import find_recipe, read_recipe  # noqa: PLC0415

    path = writable_file(args.output)
    recipe = read_recipe(find_recipe(args.recipe), args.overrides)
    page = draw_samples(recipe, args.count, args.epoch and args.epoch - 1)
    write_picture(path, page)
    print(path)
    return 0
