# SPDX-License-Identifier: Apache-2.0
"""``seg train``: a recipe to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from seg_node.cli.arguments import at_least_one

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Train a network by a recipe and write it as a bundle.'

EPILOG = """\
examples:
  seg train config/train/procedural.yaml
  seg train config/train/default.yaml paths.camvid=/data/camvid schedule.epochs=10

Interrupted, the same command goes on after the last complete epoch.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('recipe', type=Path, help='YAML file, e.g. config/train/default.yaml')
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='changes, e.g. schedule.epochs=10'
    )
    parser.add_argument('--run', type=Path, help='folder of the run (default: runs/NAME)')
    parser.add_argument(
        '--until', type=at_least_one, metavar='N', help='stop after N epochs, without a bundle'
    )
    parser.add_argument('--bundle', type=Path, help='where the bundle goes (default: RUN/bundle)')


def run(args: argparse.Namespace) -> int:
    """Train, measure and write the bundle; torch is imported only now."""
    from seg_node.training.finish import finish, load_run  # noqa: PLC0415 - torch is slow to load
    from seg_node.training.recipe_file import read_recipe  # noqa: PLC0415
    from seg_node.training.run import train  # noqa: PLC0415

    recipe = read_recipe(args.recipe, args.overrides)
    folder = args.run or Path('runs') / recipe.name
    train(recipe, folder, until=args.until)
    if args.until and args.until < recipe.schedule.epochs:
        print(folder)
        return 0
    bundle = finish(load_run(folder), folder, args.bundle or folder / 'bundle')
    print(bundle.path)
    return 0
