# SPDX-License-Identifier: Apache-2.0
"""``seg mine``: the frames of drives that are most worth a person's labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import at_least_one, positive
from seg_node.cli.crf_options import add_crf, share
from seg_node.cli.mounting_options import add_mounting
from seg_node.cli.replay_command import add_frames, add_model, add_work, replay_options
from seg_node.cli.replaying import replay_with_bar, results_folder
from seg_node.cli.smoothing_options import add_smoothing
from seg_node.errors import ParameterError

if TYPE_CHECKING:
    import argparse

    from seg_node.replay.mine import Chosen, Reason
    from seg_node.replay.options import ReplayOptions

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = "Choose the frames of recorded drives that are most worth a person's labels."
REASONS = ('uncertain', 'flickering', 'disagreeing')
REPLAYED = 'replay'
NO_TRUTH = {
    'truth_topic': None,
    'truth_folder': None,
    'truth_by': 'stamp',
    'teacher': None,
    'taxonomy': None,
    'full': False,
    'drivable': (),
}
EPILOG = """\
DIR gets images/, labels/ with what the bundle says (class ids), taxonomy.yaml, and frames.json
with the reason for each frame, the most valuable first. It is a data set for all other verbs, for
example seg check-dataset DIR. DIR/replay is the replay that the frames were chosen from. With
--smoothing frames are chosen by smoothed figures; their labels are of the image alone.

examples:
  seg mine day1 day2 --count 50 --out to_label
  seg mine drive --by flickering --gap 5 --out to_label
  seg mine drive --other ./old_bundle --unsure-above 0.5 --out to_label
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    parser.set_defaults(**NO_TRUTH)
    parser.add_argument(
        'bags', metavar='BAG', nargs='+', type=Path, help='folder, or .mcap, .db3 or .bag file'
    )
    parser.add_argument('--out', metavar='DIR', required=True, help='labelling folder to write')
    group = parser.add_argument_group('which frames are chosen')
    group.add_argument(
        '--count', metavar='N', type=at_least_one, default=50, help='at most N (default: 50)'
    )
    group.add_argument(
        '--by',
        choices=REASONS,
        help='with the highest mean entropy, the highest flicker, or the most pixels that two '
        'bundles call differently (default: uncertain; with --other disagreeing)',
    )
    group.add_argument('--other', metavar='BUNDLE', help='the second bundle')
    group.add_argument(
        '--gap',
        metavar='S',
        type=positive,
        default=2.0,
        help='least time between two frames of a camera in seconds (default: 2)',
    )
    group.add_argument(
        '--unsure-above',
        metavar='E',
        type=share,
        help='leave pixels with a higher normalised entropy unlabelled (default: label all)',
    )
    add_frames(parser)
    add_mounting(parser)
    add_model(parser)
    add_crf(parser)
    add_smoothing(parser)
    add_work(parser)


def run(args: argparse.Namespace) -> int:
    """Replay, choose, write the folder and say what was found."""
    reason, options = _asked(args)
    with results_folder(args.out) as out:
        _refuse_full(out)
        chosen = _mine(args, options, reason, out)
    first, last = chosen[0].value, chosen[-1].value
    print(f'{len(chosen)} frames, {reason}: from {100 * first:.2f} % down to {100 * last:.2f} %')
    if len(chosen) < args.count:
        print(
            f'{len(chosen)} instead of {args.count}: the others with a value, if any, are within '
            f'--gap {args.gap:g} s of a chosen frame of the same camera',
            file=sys.stderr,
        )
    print(f'written: {out}', file=sys.stderr)
    return 0


def _mine(
    args: argparse.Namespace, options: ReplayOptions, reason: Reason, out: Path
) -> list[Chosen]:
    """Replay, choose, write the folder and return what was chosen, the first at the top."""
    from seg_node.replay.compare.finished import read_finished  # noqa: PLC0415 - rosbags is
    from seg_node.replay.mine import choose, write_folder  # noqa: PLC0415 - optional
    from seg_node.replay.model import open_model  # noqa: PLC0415
    from seg_node.replay.plan import plan  # noqa: PLC0415

    bags = {bag.name: bag.path for bag in plan(args.bags, options).bags}
    done = replay_with_bar(args.bags, out / REPLAYED, options, ray=args.ray)
    chosen = choose(read_finished(done.out).records, reason, args.count, args.gap)
    with open_model(options) as model:
        write_folder(chosen, bags, model.segmenter, out, unsure_above=args.unsure_above)
    return chosen


def _refuse_full(folder: Path) -> None:
    """Refuse a folder that holds more than the replay that an interrupted command goes on with.

    Raises:
        ParameterError: If it does; frames of two choices would get mixed up.
    """
    found = sorted(one.name for one in folder.iterdir() if one.name != REPLAYED)
    if found:
        msg = (
            f'Folder {str(folder)!r} is not empty: it holds {found[0]!r}; expected an empty one, '
            f'or one with {REPLAYED!r} alone, to go on with. Give another folder, or empty it.'
        )
        raise ParameterError(msg)


def _asked(args: argparse.Namespace) -> tuple[Reason, ReplayOptions]:
    """Return what frames are chosen by, and the replay that tells it.

    Raises:
        ParameterError: If the second bundle is missing, or has nothing to say.
    """
    from seg_node.replay.options import TruthSource  # noqa: PLC0415 - rosbags is optional

    reason: Reason = args.by or ('disagreeing' if args.other else 'uncertain')
    if (reason == 'disagreeing') != bool(args.other):
        msg = (
            'Frames are chosen by how two bundles disagree with --by disagreeing and --other '
            'BUNDLE together; give both or none.'
        )
        raise ParameterError(msg)
    options = replay_options(args)
    if args.other:
        options = replace(options, truth=TruthSource(teacher=args.other))
    return reason, options
