# SPDX-License-Identifier: Apache-2.0
"""``seg replay --live``: the drive is played to a real node, next to the offline replay."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import at_least_one, positive
from seg_node.cli.replaying import Moving, replay_with_bar
from seg_node.errors import ParameterError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.run import Replay

__all__ = ['add_live', 'check_live', 'run_live']

SAME, FAULTY = 0, 1


def add_live(parser: argparse.ArgumentParser) -> None:
    """Add ``--live`` and what goes with it."""
    group = parser.add_argument_group(
        'live',
        # Descriptions are printed as they are written.
        'Needs ROS. The exit status is 1 if a mask is not the one of the offline replay, if no\n'
        'mask could be compared, or if a mask came for which no image was sent.',
    )
    group.add_argument(
        '--live',
        metavar='RATE',
        type=positive,
        help='play the drive to a node through DDS, RATE seconds of it in a second, and compare '
        'what the node publishes with the offline replay',
    )
    group.add_argument(
        '--loops', metavar='N', type=at_least_one, help='play it N times (default: 1)'
    )


def run_live(
    args: argparse.Namespace, out: Path, options: ReplayOptions
) -> tuple[Replay, ReplayOptions, int]:
    """Play and compare; print the report.

    Args:
        args: Of ``seg replay``.
        out: Folder for the results.
        options: What is asked.

    Returns:
        The offline replay, what it was asked, and the exit status.
    """
    from seg_node.replay.live.options import LiveOptions  # noqa: PLC0415 - rosbags is optional
    from seg_node.replay.live.report import as_text, faults  # noqa: PLC0415
    from seg_node.replay.live.run import LIVE, replay_live  # noqa: PLC0415

    done: list[tuple[Replay, ReplayOptions]] = []

    def offline(chosen: ReplayOptions) -> Replay:
        moving.close()
        found = replay_with_bar(args.bags, out, chosen, what='offline', ray=args.ray)
        done.append((found, chosen))
        return found

    moving = Moving('playing')
    live = LiveOptions(args.live, args.loops or 1)
    data = replay_live(args.bags, out, options, live, replay_offline=offline, on_progress=moving)
    print(f'{as_text(data)}\n')
    print(f'written: {out / LIVE}', file=sys.stderr)
    found = faults(data)
    for fault in found:
        print(fault, file=sys.stderr)
    return *done[0], FAULTY if found else SAME


def check_live(args: argparse.Namespace) -> None:
    """Refuse what is said of a live replay where none is asked for.

    Raises:
        ParameterError: If there is something.
    """
    if args.live is None and args.loops is not None:
        msg = '--loops is for a live replay; add --live RATE, or leave it out.'
        raise ParameterError(msg)
