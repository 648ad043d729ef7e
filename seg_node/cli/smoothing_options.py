# SPDX-License-Identifier: Apache-2.0
"""Arguments that smooth frames over time, named as the node's parameters are."""

from __future__ import annotations

import argparse
from typing import get_args

from seg_node.errors import ParameterError
from seg_node.pipeline.smoothing import SmoothingMethod, SmoothingOptions

__all__ = ['add_smoothing', 'history', 'smoothing_options']


def add_smoothing(parser: argparse.ArgumentParser) -> None:
    """Add ``--smoothing`` and what goes with it."""
    group = parser.add_argument_group(
        'smoothing over time', "As the node's parameters smoothing.*; see docs/smoothing.md."
    )
    group.add_argument(
        '--smoothing',
        metavar='METHOD',
        choices=get_args(SmoothingMethod),
        help='take in the frames before: average or flow (default: none)',
    )
    group.add_argument(
        '--smoothing-history',
        metavar='H',
        type=history,
        help=f'their share (default: {SmoothingOptions().history:g})',
    )


def smoothing_options(args: argparse.Namespace) -> SmoothingOptions | None:
    """Return what the arguments ask for; None without smoothing.

    Raises:
        ParameterError: If there is a share for a smoothing that is off.
    """
    given = {} if args.smoothing_history is None else {'history': args.smoothing_history}
    if args.smoothing is None:
        if given:
            msg = '--smoothing-history is for --smoothing, which is off. Add --smoothing flow.'
            raise ParameterError(msg)
        return None
    return SmoothingOptions(args.smoothing, **given)


def history(text: str) -> float:
    """Return a number from 0 to below 1; for the ``type`` of an argument."""
    try:
        return SmoothingOptions(history=float(text)).history
    except (ValueError, ParameterError):
        msg = f'expected a number from 0 to below 1, not {text!r}'
        raise argparse.ArgumentTypeError(msg) from None
