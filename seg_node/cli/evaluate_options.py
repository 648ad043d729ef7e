# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``seg evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.cli import corrupt_option
from seg_node.cli.arguments import at_least_one, positive
from seg_node.cli.crf_options import add_crf
from seg_node.cli.engine_options import add_engine
from seg_node.datasets import dataset_lines

if TYPE_CHECKING:
    import argparse

__all__ = ['add_arguments']

EXAMPLES = """\
data sets (layouts in docs/datasets.md):
{lines}

A bundle of finer classes than the data is scored by summing the probabilities of each group.

examples:
  seg evaluate default default
  seg evaluate default procedural:20@7 --json scores.json
  seg evaluate ./my_bundle camvid:./CamVid --split test --out pictures
  seg evaluate default ./my_images --taxonomy cityscapes19 --limit 50
  seg evaluate default procedural:20 --report report
  seg evaluate default procedural:20 --flip --scales 0.75,1,1.25
  seg evaluate default procedural:10 --corrupt all
  seg evaluate ./my_int8_bundle ./my_images --precision int8
  seg evaluate default procedural:20 --crf auto --crf-min-uncertain-fraction 0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and examples as the epilog."""
    parser.epilog = EXAMPLES.format(lines=dataset_lines())
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    parser.add_argument('dataset', metavar='DATASET', help='labelled images, see below')
    _add_data(parser)
    _add_model(parser)
    add_crf(parser)
    _add_protocol(parser)
    _add_results(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('which frames')
    group.add_argument('--split', default='val', help='part of the data (default: val)')
    group.add_argument(
        '--taxonomy',
        metavar='NAME',
        help='classes to compare in, by name, such as camvid11, or YAML file '
        '(default: those of the data)',
    )
    group.add_argument(
        '--limit',
        metavar='N',
        type=at_least_one,
        help='take at most N frames, spread evenly over the data',
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('how the bundle is run')
    add_engine(group)


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        'protocol', 'Several looks at each image, averaged; the node takes one.'
    )
    group.add_argument('--flip', action='store_true', help='look at the mirrored image, too')
    group.add_argument(
        '--scales',
        metavar='S,S,...',
        type=_scales,
        default=(1.0,),
        help='sizes to look at, for example 0.75,1,1.25 (default: 1)',
    )
    group.add_argument(
        '--slide',
        action='store_true',
        help="keep the image's resolution and look through windows of the network's size",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('results')
    group.add_argument(
        '--corrupt',
        choices=corrupt_option.CHOICES,
        help='measure the frames clean and corrupted at five strengths instead: mean IoU, ECE and '
        'mean entropy',
    )
    group.add_argument(
        '--json',
        metavar='FILE',
        help='write all numbers there, and sums for seg pool; - for stdout without the table',
    )
    group.add_argument(
        '--report', metavar='DIR', help='write a page there: index.html, with figures.json'
    )
    group.add_argument(
        '--out', metavar='DIR', help='draw sheets of sample frames and of the worst ones there'
    )


def _scales(text: str) -> tuple[float, ...]:
    """Return numbers above 0 that are separated by commas; for the ``type`` of an argument."""
    return tuple(positive(part) for part in text.split(','))
