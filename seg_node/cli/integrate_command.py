# SPDX-License-Identifier: Apache-2.0
"""``seg integrate``: files that connect the node to Nav2, Autoware, nvblox, Foxglove or RViz."""

from __future__ import annotations

import argparse
from pathlib import Path

from seg_node.integrations import CONSUMERS, generate, Site, subscriptions, write_files
from seg_node.ros.parameters.outputs import OUTPUTS

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Generate what a consumer needs to read the masks: parameters, remappings, layouts.'
MOST = max(one.bounds[1] for one in OUTPUTS if one.name == 'decimated.factor' and one.bounds)
EPILOG = """\
Each file says at its top what it is for and what to do with it; docs/integrations.md has an
example for each consumer.

examples:
  seg integrate nav2 --out integration
  seg integrate autoware my_bundle --out integration --cameras front left right
  seg integrate nvblox --out integration --namespace /robot
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and examples as the epilog."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add('consumer', choices=CONSUMERS, help='who reads the masks')
    add('bundle', nargs='?', default='default', help='name or path of the bundle (default)')
    add('--out', metavar='DIR', type=Path, required=True, help='folder for the files')
    add(
        '--cameras',
        metavar='NAME',
        nargs='+',
        default=[''],
        help='as in the parameter cameras (default: one camera without a name)',
    )
    add('--namespace', default='', metavar='/NAME', help='of the node (default: none)')
    add(
        '--factor',
        type=_factor,
        default=4,
        metavar='N',
        help=f'Nav2 gets every N-th pixel in both directions, at most {MOST} (default: 4)',
    )
    add(
        '--clouds',
        default='depth/points',
        metavar='TOPIC',
        help="of each camera's point cloud, below its namespace; from / only for one camera "
        '(default: depth/points)',
    )
    add('--replace', action='store_true', help='replace files that are there')


def _factor(text: str) -> int:
    """Return a factor that the node takes; 0, by which it chooses, is not for two programs."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        msg = f'expected a whole number from 1 to {MOST}, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the files; print their paths, and which topics the consumer will read."""
    from seg_node.bundle import open_bundle  # noqa: PLC0415 - reads no model for --help

    manifest = open_bundle(args.bundle).manifest
    site = Site(manifest, tuple(args.cameras), args.namespace, args.factor, args.clouds)
    files = generate(args.consumer, site)
    for path in write_files(files, args.out, replace=args.replace):
        print(path)
    for line in subscriptions(args.consumer, site):
        print(f'reads {line}')
    return 0
