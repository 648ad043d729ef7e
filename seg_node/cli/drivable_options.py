# SPDX-License-Identifier: Apache-2.0
"""Settings of the drivable area, named as the node's parameters are."""

from __future__ import annotations

import argparse
from typing import Any, TYPE_CHECKING

from seg_node.cli.crf_options import share
from seg_node.errors import one_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['add_drivable']


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split('+') if name.strip())


def _yes(text: str) -> bool:
    if text not in {'true', 'false'}:
        msg = f'expected true or false, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return text == 'true'


def _limit(text: str) -> float | None:
    return share(text) or None  # as in the node, 0 takes what the bundle was measured with


KINDS: dict[str, Callable[[str], Any]] = {
    'classes': _names,
    'min_probability': _limit,
    'max_entropy': share,
    'hysteresis': share,
    'max_hole': share,
    'reachable': _yes,
    'ego_width': share,
    'ego_height': share,
}
"""What takes the value of each setting."""


def add_drivable(parser: argparse.ArgumentParser) -> None:
    """Add ``--drivable``."""
    group = parser.add_argument_group('drivable area')
    group.add_argument(
        '--drivable',
        metavar='NAME=VALUE',
        type=_setting,
        action='append',
        default=[],
        help="as the node's parameter drivable.NAME, for example reachable=true or "
        'classes=road+sidewalk; may be given several times, see docs/drivable.md',
    )


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition('=')
    if name not in KINDS or not equals:
        msg = f'{one_of("setting", name, KINDS)} Write it as NAME=VALUE.'
        raise argparse.ArgumentTypeError(msg)
    return name, KINDS[name](value)
