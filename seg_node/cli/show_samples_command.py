# SPDX-License-Identifier: Apache-2.0
"""``seg show-samples``: a page of what a recipe trains on."""

from __future__ import annotations

import argparse
from pathlib import Path

from seg_node.cli.arguments import at_least_one, writable_file

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Draw samples as a recipe trains on them, with their labels laid over.'

EPILOG = """\
examples:
  seg show-samples config/train/procedural.yaml
  seg show-samples config/train/default.yaml paths.camvid=/data/camvid augment.rain=0.5 -o rain.png

The samples are those of a training run with the same recipe, pixel for pixel.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('recipe', type=Path, help='YAML file, e.g. config/train/default.yaml')
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='changes, e.g. augment.fog=0.3'
    )
    parser.add_argument(
        '--count', type=at_least_one, default=8, metavar='N', help='number of samples (default: 8)'
    )
    parser.add_argument(
        '--epoch', type=at_least_one, metavar='N', help='epoch, counted from 1 (default: the last)'
    )
    parser.add_argument(
        '-o',
        '--output',
        default='samples.png',
        metavar='F.png',
        help='picture to write (default: samples.png)',
    )


def run(args: argparse.Namespace) -> int:
    """Draw the page and print where it is; torch is imported only now."""
    import cv2  # noqa: PLC0415 - slow to load

    from seg_node.training.augmentation.sheet import draw_samples  # noqa: PLC0415 - as is torch
    from seg_node.training.recipe.file import read_recipe  # noqa: PLC0415

    path = writable_file(args.output)
    recipe = read_recipe(args.recipe, args.overrides)
    page = draw_samples(recipe, args.count, args.epoch and args.epoch - 1)
    _, data = cv2.imencode('.png', cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    path.write_bytes(data.tobytes())
    print(path)
    return 0
