# SPDX-License-Identifier: Apache-2.0
"""``seg replay``: recorded drives through the very pipeline that the node runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import at_least_one, positive
from seg_node.cli.crf_options import add_crf, crf_choice
from seg_node.cli.drivable_options import add_drivable
from seg_node.cli.engine_options import add_engine
from seg_node.cli.live_option import add_live, check_live, run_live
from seg_node.cli.mounting_options import add_mounting, mountings
from seg_node.cli.replay_outputs import add_outputs, bag_outputs, sinks
from seg_node.cli.replaying import replay_with_bar, results_folder
from seg_node.cli.smoothing_options import add_smoothing, smoothing_options
from seg_node.errors import ParameterError
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.replay.text import as_text

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'replay_options', 'run']

SUMMARY = 'Replay recorded drives (rosbag2) through the very segmenter that the node runs.'

EXAMPLES = """\
A run that was interrupted goes on with the same command. docs/replay.md describes replay.json and
frames.jsonl in DIR.

examples:
  seg replay drive --out replayed
  seg replay drive --topic /front/image --topic /rear/image --out replayed
  seg replay day1 day2 --truth-topic /camera/labels --taxonomy camvid11 --out scored --workers 4
  seg replay drive --teacher ./large_bundle --out taught
  seg replay drive --report --video --labelled --with-inputs --out seen
  seg replay drive --crf auto --follow recorded_status --out followed
  seg replay drive --crf auto --live 1 --out live
  seg replay drive --rotation 180 --own-vehicle-mask hood.png --out turned
  seg replay drive --smoothing flow --out smoothed
"""
MILLI = 1e-3


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        'bags', metavar='BAG', nargs='+', type=Path, help='folder, or .mcap, .db3 or .bag file'
    )
    parser.add_argument('--out', metavar='DIR', required=True, help='folder for the results')
    add_frames(parser)
    add_mounting(parser)
    add_model(parser)
    add_crf(parser)
    add_smoothing(parser)
    add_drivable(parser)
    add_truth(parser)
    add_outputs(parser)
    add_live(parser)
    add_work(parser)


def add_frames(parser: argparse.ArgumentParser) -> None:
    """Add which frames are replayed."""
    group = parser.add_argument_group('which frames')
    group.add_argument(
        '--topic',
        metavar='TOPIC',
        action='append',
        default=[],
        help='camera to replay; may be given several times (default: the only one there is)',
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add which bundle is run, and how."""
    group = parser.add_argument_group('how the bundle is run')
    group.add_argument(
        '--bundle',
        default='default',
        help='name of a shipped bundle, or a folder (default: default)',
    )
    add_engine(group)
    group.add_argument(
        '--latency-budget',
        metavar='MS',
        type=positive,
        help='run the CRF only where a frame is predicted to be done within MS milliseconds, as '
        "the node's parameter latency_budget (default: no limit)",
    )
    group.add_argument(
        '--follow',
        metavar='DECISIONS',
        type=Path,
        help='repeat recorded decisions about the CRF: a bag with a segmentation/status topic, or '
        'frames.jsonl of an earlier replay',
    )


def add_truth(parser: argparse.ArgumentParser) -> None:
    """Add where the truth comes from."""
    group = parser.add_argument_group(
        'truth', 'Scores per class and bag. Without truth: flicker, entropy, coverage, times.'
    )
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        '--truth-topic',
        metavar='TOPIC',
        help='labels in the bags, mono8 class ids with the stamps of the images; {camera} stands '
        "for the namespace of the camera's topic",
    )
    source.add_argument(
        '--truth-folder',
        metavar='DIR',
        type=Path,
        help='PNGs of class ids; {bag} and {camera} stand for names of bag and namespace',
    )
    source.add_argument(
        '--teacher', metavar='BUNDLE', help='take what another bundle says for the truth'
    )
    group.add_argument(
        '--truth-by',
        choices=('stamp', 'index'),
        default='stamp',
        help='files of DIR are named by stamp in nanoseconds, or in the order of the frames '
        '(default: stamp)',
    )
    group.add_argument(
        '--taxonomy',
        metavar='NAME',
        help='classes of the truth, by name, such as camvid11, or YAML file (default: those of '
        'the bundle)',
    )
    group.add_argument(
        '--full',
        action='store_true',
        help='score probabilities, too: NLL, Brier score, class-wise calibration, boundary F1 '
        '(slower)',
    )


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add who does the work."""
    group = parser.add_argument_group('how the work is done')
    group.add_argument(
        '--workers',
        metavar='N',
        type=at_least_one,
        default=1,
        help='processes; results are the same with any number (default: 1)',
    )
    group.add_argument(
        '--ray',
        metavar='ADDRESS',
        help='let a Ray cluster do the work: its address, auto on one of its machines, or local '
        'to start one here with N processes; needs the extra ray',
    )
    group.add_argument(
        '--no-flicker', action='store_true', help='leave out flicker and its optical flow'
    )


def replay_options(args: argparse.Namespace) -> ReplayOptions:
    """Return what the arguments ask for.

    Raises:
        ParameterError: If some do not go together.
    """
    truth = TruthSource(
        args.truth_topic, args.truth_folder, args.truth_by, args.teacher, args.taxonomy
    )
    has_truth = bool(args.truth_topic or args.truth_folder or args.teacher)
    for name, given in (('--taxonomy', args.taxonomy), ('--full', args.full)):
        if given and not has_truth:
            msg = (
                f'{name} is for scores against truth, and there is none. Add --truth-topic, '
                '--truth-folder or --teacher, or leave it out.'
            )
            raise ParameterError(msg)
    return ReplayOptions(
        bundle=args.bundle,
        engine=args.engine,
        precision=args.precision,
        threads=args.threads,
        temperature=args.temperature,
        crf=crf_choice(args),
        smoothing=smoothing_options(args),
        drivable=tuple(dict(args.drivable).items()),
        latency_budget=MILLI * args.latency_budget if args.latency_budget else None,
        topics=tuple(args.topic),
        mountings=mountings(args),
        truth=truth if has_truth else None,
        follow=args.follow,
        flicker=not args.no_flicker,
        full=args.full,
        workers=args.workers,
    )


def run(args: argparse.Namespace) -> int:
    """Replay, print the report and say where the rest is."""
    check_live(args)
    options = replace(replay_options(args), sinks=sinks(args), labelled=bag_outputs(args))
    status = 0
    with results_folder(args.out) as out:
        if args.live is None:
            result = replay_with_bar(args.bags, out, options, ray=args.ray)
        else:
            result, options, status = run_live(args, out, options)
    if args.report:
        from seg_node.replay.page.write import write_report  # noqa: PLC0415 - rosbags is optional

        write_report(result.out, args.bags, options)
    print(as_text(result.data))
    print(f'written: {result.out}', file=sys.stderr)
    return status
