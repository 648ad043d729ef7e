# SPDX-License-Identifier: Apache-2.0
"""What ``seg replay`` writes beside its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.replay.outputs import BagOutputs, CHOICES

if TYPE_CHECKING:
    import argparse

__all__ = ['add_outputs', 'bag_outputs', 'sinks']

USUAL = BagOutputs()


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add what is written beside the numbers."""
    add = parser.add_argument_group('what is written beside replay.json and frames.jsonl')
    add.add_argument(
        '--report', action='store_true', help='report.html, a page that needs nothing but itself'
    )
    add.add_argument(
        '--video', action='store_true', help='overlay/BAG.mp4, the classes over the images'
    )
    add.add_argument(
        '--labelled',
        nargs='?',
        const=','.join(USUAL.names),
        metavar='OUTPUTS',
        help="labelled/BAG, a recording of the node's topics: of these, separated by commas: "
        f'{", ".join(CHOICES)}, confidence/CLASS (default: {",".join(USUAL.names)})',
    )
    add.add_argument(
        '--with-inputs',
        action='store_true',
        help='copy all topics of the drive into the labelled bag, too',
    )
    add.add_argument(
        '--storage',
        choices=('mcap', 'sqlite3'),
        default=USUAL.storage,
        help='of the labelled bag (default: mcap)',
    )
    add.add_argument(
        '--distro',
        default=USUAL.distro,
        metavar='NAME',
        help='oldest ROS 2 that has to read it: humble, jazzy, kilted or lyrical (default: jazzy)',
    )
    add.add_argument('--zstd', action='store_true', help='compress its messages without loss')


def sinks(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of what is written while frames pass."""
    wanted = {'labelled': args.labelled is not None, 'overlay': args.video}
    return tuple(name for name, asked in wanted.items() if asked)


def bag_outputs(args: argparse.Namespace) -> BagOutputs:
    """Return what goes into labelled bags.

    Raises:
        ParameterError: If something is said of labelled bags, and none is asked for.
    """
    if args.labelled is None:
        if (
            args.with_inputs
            or args.zstd
            or (args.storage, args.distro)
            != (
                USUAL.storage,
                USUAL.distro,
            )
        ):
            msg = '--with-inputs, --storage, --distro and --zstd are for --labelled; add it.'
            raise ParameterError(msg)
        return USUAL
    return BagOutputs(
        names=tuple(name.strip() for name in args.labelled.split(',') if name.strip()),
        storage=args.storage,
        distro=args.distro,
        zstd=args.zstd,
        with_inputs=args.with_inputs,
    )
