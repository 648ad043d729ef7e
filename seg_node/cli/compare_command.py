# SPDX-License-Identifier: Apache-2.0
"""``seg compare``: two bundles, engines or parameter sets on the same recorded frames."""

from __future__ import annotations

from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seg_node.cli.arguments import write_text
from seg_node.cli.mounting_options import add_mounting
from seg_node.cli.replay_command import add_frames, add_truth, add_work, replay_options
from seg_node.cli.replaying import replay_with_bar, results_folder
from seg_node.cli.side import parse_side, SIDE_NAMES
from seg_node.errors import ParameterError
from seg_node.evaluation import json_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from seg_node.replay.compare import Rule
    from seg_node.replay.compare.finished import Finished
    from seg_node.replay.options import ReplayOptions

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Compare two bundles, engines or parameter sets on the same recorded frames.'
KEPT, BROKEN = 0, 3
STDOUT = '-'
RESULT = 'comparison.json'
# What a side says itself; for the arguments that it shares with seg replay.
IN_SIDES = {
    'bundle': 'default',
    'engine': 'auto',
    'threads': 1,
    'precision': 'auto',
    'temperature': None,
    'latency_budget': None,
    'follow': None,
    'crf': None,
    'smoothing': None,
    'smoothing_history': None,
    'drivable': (),
}
EPILOG = """\
A side is BUNDLE[,NAME=VALUE...] with names of the node's parameters:
  {names}
or the folder that seg replay --out has written. Without bags both are such folders.

A rule of --fail-if is about B less A, in points (hundredths) or milliseconds:
  miou < -0.5             the difference
  latency_p95 > 10 %      in parts of A's value
  iou.road.high < -1      upper (low: lower) end of the 95 % interval
  iou.* is worse          the verdict, here of any class
Metrics: miou, iou.CLASS, accuracy, flicker, entropy, crf_rate, latency_p50, latency_p95.

The exit status is 0 if no rule is met, 3 if one is, and 1 after an error, a rule that cannot be
judged among them. docs/compare.md says how intervals are made.

examples:
  seg compare default ./new_bundle day1 day2 --truth-topic /camera/labels
  seg compare default default,precision=int8 drive --fail-if "flicker is worse"
  seg compare default default,crf=tuned drive --out compared --fail-if "latency_p95 > 10 %"
  seg compare replayed_before replayed_after --fail-if "miou < -0.5" --fail-if "iou.* is worse"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG.format(names=', '.join(SIDE_NAMES))
    parser.set_defaults(**IN_SIDES)
    parser.add_argument('a', metavar='A', help='side that is compared to, see below')
    parser.add_argument('b', metavar='B', help='the other side')
    parser.add_argument(
        'bags', metavar='BAG', nargs='*', type=Path, help='folder, or .mcap, .db3 or .bag file'
    )
    add_frames(parser)
    add_mounting(parser)
    add_truth(parser)
    add_work(parser)
    group = parser.add_argument_group('results')
    group.add_argument(
        '--fail-if',
        metavar='RULE',
        action='append',
        default=[],
        help='end with status 3 if RULE is met; may be given several times',
    )
    group.add_argument(
        '--out',
        metavar='DIR',
        help=f'keep both replays there as a and b, and {RESULT}; a replay that was interrupted '
        'goes on, and DIR/a may stand for A the next time',
    )
    group.add_argument(
        '--json',
        metavar='FILE',
        help='write all numbers there; - for stdout without the table',
    )


def run(args: argparse.Namespace) -> int:
    """Compare, print the table and judge the rules."""
    from seg_node.replay.compare import parse_rule  # noqa: PLC0415 - rosbags is optional

    rules = [parse_rule(text) for text in args.fail_if]
    if args.out is not None:
        with results_folder(args.out) as out:
            return _compare(args, out, rules)
    with TemporaryDirectory(prefix='seg_compare_') as scratch:
        return _compare(args, Path(scratch), rules)


def _compare(args: argparse.Namespace, folder: Path, rules: list[Rule]) -> int:
    from seg_node.replay.compare import as_json, as_text, compare, same_classes  # noqa: PLC0415

    asked = {name: _side(args, getattr(args, name)) for name in ('a', 'b')}
    _refuse_without_truth(rules, asked.values())
    a, b = (_finish(args, name, side, folder) for name, side in asked.items())
    comparison = compare(a.records, b.records, same_classes(a, b))
    met = {rule: rule.check(comparison) for rule in rules}
    names = args.a, args.b
    sides = [{'side': name, **one.described()} for name, one in zip(names, (a, b), strict=True)]
    text = json_text(as_json(comparison, (sides[0], sides[1]), met))
    print(text if args.json == STDOUT else f'{as_text(comparison, names, met)}\n', end='')
    files = [folder / RESULT] if args.out is not None else []
    files += [Path(args.json)] if args.json not in (None, STDOUT) else []
    for file in files:
        write_text(file, text)
        print(f'written: {file}', file=sys.stderr)
    return BROKEN if any(met.values()) else KEPT


def _side(args: argparse.Namespace, text: str) -> Finished | ReplayOptions:
    """Return a side that was replayed before, or what its replay is asked to do."""
    from seg_node.replay.compare.finished import is_finished, read_finished  # noqa: PLC0415

    if is_finished(Path(text)):
        return read_finished(Path(text))
    if not args.bags:
        msg = (
            f'Side {text!r} is no folder of a finished replay, so it has to be replayed: give at '
            'least one recording behind the sides.'
        )
        raise ParameterError(msg)
    return parse_side(text, replay_options(args))


def _refuse_without_truth(rules: list[Rule], sides: Iterable[Finished | ReplayOptions]) -> None:
    """Refuse rules that cannot be judged, before replays take their time."""
    rule = next((one for one in rules if one.needs_truth), None)
    if rule is not None and any(one.truth is None for one in sides):
        msg = (
            f'Rule {rule.text!r} needs truth on both sides. Give --truth-topic, --truth-folder or '
            '--teacher; a side that was replayed without truth has to be replayed again.'
        )
        raise ParameterError(msg)


def _finish(
    args: argparse.Namespace, name: str, side: Finished | ReplayOptions, folder: Path
) -> Finished:
    """Return a side that was replayed before, or replay it now."""
    from seg_node.replay.compare.finished import Finished, read_finished  # noqa: PLC0415

    if isinstance(side, Finished):
        return side
    what = f'replaying {name.upper()}'
    done = replay_with_bar(args.bags, folder / name, side, what=what, ray=args.ray)
    return read_finished(done.out)
