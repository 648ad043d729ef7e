# SPDX-License-Identifier: Apache-2.0
"""How a bundle is run: the options that commands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.cli.arguments import at_least_one, positive
from seg_node.engines.registry import AUTO, PRECISIONS

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

__all__ = ['add_engine']


def add_engine(group: _ArgumentGroup) -> None:
    """Add engine, threads, precision and temperature to a group of options."""
    group.add_argument(
        '--engine',
        default=AUTO,
        help='onnxruntime, openvino, tensorrt, torch, fake, or auto for the best on a CPU '
        '(default: auto); an engine of TensorRT that is not there is built first',
    )
    group.add_argument(
        '--threads',
        metavar='N',
        type=at_least_one,
        default=1,
        help='threads of the engine (default: 1)',
    )
    group.add_argument(
        '--precision',
        choices=PRECISIONS,
        default=AUTO,
        help='arithmetic of the network; auto is what the bundle asks for, on every machine '
        '(default: auto)',
    )
    group.add_argument(
        '--temperature',
        metavar='T',
        type=positive,
        help="divide the scores by T (default: the bundle's temperature)",
    )
