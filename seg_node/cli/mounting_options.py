# SPDX-License-Identifier: Apache-2.0
"""Arguments that say how cameras are mounted, named as the node's parameters are."""

from __future__ import annotations

import argparse
from pathlib import Path

from seg_node.errors import ParameterError
from seg_node.pipeline.mounting import ROTATIONS
from seg_node.replay.options import CameraMounting

__all__ = ['add_mounting', 'mountings']


def add_mounting(parser: argparse.ArgumentParser) -> None:
    """Add ``--rotation`` and ``--own-vehicle-mask``."""
    group = parser.add_argument_group(
        'how cameras are mounted',
        "As the node's parameters of these names. With TOPIC= for that camera, else for all\n"
        'others; may be given several times.',
    )
    group.add_argument(
        '--rotation',
        metavar='[TOPIC=]DEGREES',
        type=_rotation,
        action='append',
        default=[],
        help='clockwise turn that makes the images upright: 0, 90, 180 or 270 (default: 0)',
    )
    group.add_argument(
        '--own-vehicle-mask',
        metavar='[TOPIC=]FILE.png',
        type=_of_camera,
        action='append',
        default=[],
        help='pixels that are not 0 show the own vehicle or the lens; they become unlabelled, and '
        'are not scored',
    )


def mountings(args: argparse.Namespace) -> tuple[CameraMounting, ...]:
    """Return what the arguments ask for, by topic; what is for all other cameras comes first.

    Raises:
        ParameterError: If a camera is given two rotations or two masks.
    """
    turns = _by_topic('--rotation', args.rotation)
    masks = _by_topic('--own-vehicle-mask', args.own_vehicle_mask)
    return tuple(
        CameraMounting(
            topic,
            int(turns.get(topic, turns.get('', '0'))),
            _absolute(masks.get(topic, masks.get('', ''))),
        )
        for topic in sorted({*turns, *masks})
    )


def _by_topic(argument: str, given: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(given)
    if len(found) < len(given):
        msg = f'{argument} is given twice for the same camera; give each its own, with TOPIC=.'
        raise ParameterError(msg)
    return found


def _absolute(path: str) -> str:
    """Return a path that means the same in another process."""
    return str(Path(path).expanduser().resolve()) if path else ''


def _of_camera(text: str) -> tuple[str, str]:
    """Return topic and value; the topic is empty where none is given."""
    topic, equals, value = text.partition('=')
    return (topic, value) if equals else ('', text)


def _rotation(text: str) -> tuple[str, str]:
    topic, value = _of_camera(text)
    if value not in map(str, ROTATIONS):
        msg = f'expected 0, 90, 180 or 270 degrees, not {value!r}'
        raise argparse.ArgumentTypeError(msg)
    return topic, value
