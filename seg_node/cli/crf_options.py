# SPDX-License-Identifier: Apache-2.0
"""Arguments that turn the dense CRF on, named as the node's parameters are."""

from __future__ import annotations

import argparse
from typing import get_args

from seg_node.cli.arguments import at_least_one
from seg_node.crf.options import BackendName, Mode, Resolution
from seg_node.errors import ParameterError
from seg_node.pipeline import CrfChoice
from seg_node.pipeline.crf_choice import AUTO, PRESET_CHOICES

__all__ = ['add_crf', 'crf_choice']

PREFIX = 'crf_'


def add_crf(parser: argparse.ArgumentParser) -> None:
    """Add ``--crf`` and what goes with it."""
    group = parser.add_argument_group(
        'dense CRF', "Each --crf-NAME is the node's parameter crf.NAME; see docs/node.md."
    )
    add = group.add_argument
    add(
        '--crf',
        metavar='PRESET',
        choices=PRESET_CHOICES,
        help='refine uncertain frames, as the node does with crf.enabled: auto (the preset of the '
        'bundle, or classic), classic or tuned (default: no CRF)',
    )
    add('--crf-mode', choices=(AUTO, *get_args(Mode)), help='how exactly the native one computes')
    add('--crf-resolution', choices=(AUTO, *get_args(Resolution)), help='grid that is solved')
    add('--crf-backend', choices=get_args(BackendName), help='who computes')
    add('--crf-threads', metavar='N', type=at_least_one, help='threads of the CRF')
    add(
        '--crf-entropy-threshold',
        metavar='E',
        type=share,
        help='a pixel is uncertain above this normalised entropy',
    )
    add(
        '--crf-min-uncertain-fraction',
        metavar='F',
        type=share,
        help='refine frames with at least this share of uncertain pixels; 0 for all',
    )


def crf_choice(args: argparse.Namespace) -> CrfChoice:
    """Return what the arguments ask of the CRF.

    Raises:
        ParameterError: If there are some for a CRF that is off.
    """
    given = {
        name.removeprefix(PREFIX): value
        for name, value in vars(args).items()
        if name.startswith(PREFIX) and value is not None
    }
    if args.crf is None and given:
        name = next(iter(given)).replace('_', '-')
        msg = f'--crf-{name} is for the dense CRF, which is off. Add --crf auto, or leave it out.'
        raise ParameterError(msg)
    return CrfChoice(enabled=args.crf is not None, preset=args.crf or AUTO, **given)


def share(text: str) -> float:
    """Return a number from 0 to 1; for the ``type`` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        msg = f'expected a number from 0 to 1, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return value
