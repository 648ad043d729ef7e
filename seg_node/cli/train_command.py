# SPDX-License-Identifier: Apache-2.0
"""``seg train``: a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

from seg_node.cli.arguments import add_recipe, at_least_one

if TYPE_CHECKING:
    import argparse

    from seg_node.training.run import Trained

__all__ = ['SUMMARY', 'configure', 'run', 'summary']

SUMMARY = 'Train a network by a recipe and write it as a bundle.'

EPILOG = """\
examples:
  seg train own_labels data=my_labels
  seg train config/train/default.yaml camvid=/data/camvid schedule.epochs=10
  seg train config/train/default_gpu.yaml camvid=/data/camvid --minutes 8
  seg train config/train/fold.yaml fold=0016E5 camvid=/data/camvid compute.devices=2

Interrupted or out of time, the same command goes on after the last complete epoch.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    add_recipe(parser)
    parser.add_argument(
        '--run', metavar='DIR', type=Path, help='folder of the run (default: runs/NAME)'
    )
    parser.add_argument(
        '--until', type=at_least_one, metavar='N', help='stop after N epochs, without a bundle'
    )
    parser.add_argument(
        '--minutes',
        type=at_least_one,
        metavar='N',
        help='stop after the last epoch that fits into so many minutes, to go on later',
    )
    parser.add_argument(
        '--bundle',
        metavar='DIR',
        type=Path,
        help='where the bundle goes (default: bundle in the folder of the run)',
    )


def run(args: argparse.Namespace) -> int:
    """Train, measure and write the bundle; torch is imported only now."""
    started = time.monotonic()
    from seg_node.training.finish import finish, load_run  # noqa: PLC0415 - torch is slow to load
    from seg_node.training.recipe.file import find_recipe, read_recipe  # noqa: PLC0415
    from seg_node.training.run import train  # noqa: PLC0415
    from seg_node.training.run_progress import TimeLimit  # noqa: PLC0415
    from seg_node.training.trainer import is_chief  # noqa: PLC0415

    recipe = read_recipe(find_recipe(args.recipe), args.overrides)
    folder = args.run or Path('runs') / recipe.name
    limit = TimeLimit(60.0 * args.minutes, started=started) if args.minutes else None
    trained = train(recipe, folder, until=args.until, limit=limit)
    if not is_chief(recipe.compute):
        return 0
    print(summary(folder, trained, recipe.schedule.epochs), file=sys.stderr)
    if not trained.ended or (limit and not limit.leaves_time_to_finish):
        rest = 'writes the bundle' if trained.ended else 'goes on'
        print(f'The same command {rest}.', file=sys.stderr)
        print(folder)
        return 0
    bundle = finish(load_run(folder), folder, args.bundle or folder / 'bundle')
    print(bundle.path)
    return 0


def summary(folder: Path, trained: Trained, epochs: int) -> str:
    """Return what was reached and where everything lies, for people."""
    early = ', ended early' if trained.ended and trained.epochs < epochs else ''
    lines = [f'{trained.epochs} of {epochs} epochs are trained{early}.']
    if trained.marks:
        best = max(trained.marks, key=lambda mark: mark.iou)
        lines.append(
            f'held-out mean IoU: {trained.marks[-1].iou:.4f} after epoch '
            f'{trained.marks[-1].epoch}, at best {best.iou:.4f} after epoch {best.epoch}'
        )
    log = max(folder.glob('log*/metrics.csv'), key=lambda path: path.stat().st_mtime, default=None)
    lines.append(f'run: {folder} (checkpoint, best weights, recipe)')
    if log:
        lines.append(f'log: {log} (with tensorboard: tensorboard --logdir {folder})')
    return '\n'.join(lines)
