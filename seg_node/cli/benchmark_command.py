# SPDX-License-Identifier: Apache-2.0
"""``seg benchmark``: how fast the node is on this machine, and whether it got faster."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from seg_node.benchmark import (
    BenchmarkOptions,
    changes,
    changes_text,
    FEWEST_RUNS,
    parse_rule,
    read_result,
    result_text,
    run_benchmark,
    SIZES,
    SUBJECTS,
    warnings,
)
from seg_node.cli.arguments import at_least_one, positive, writable_file, write_text
from seg_node.engines.registry import AUTO, PRECISIONS
from seg_node.errors import ParameterError
from seg_node.evaluation import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from seg_node.benchmark import Rule

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Measure engine, pipeline and node on a drive, and compare with an earlier result.'
KEPT, BROKEN = 0, 3
STDOUT = '-'
EPILOG = """\
Names of figures are SCENE.FIGURE, for example pipeline.720p.p50 or node.720p.6.cpu, where 6 is the
number of cameras; figures are p50, p95, p99, cpu, rate, memory, lost and mean_iou. A rule of
--fail-if is about the change from the stored result to this one, with * for anything in a name:
  *.cpu > 10 %            it grew by more than that
  node.* is slower        the verdict, which knows the noise of both
  *.lost is higher        more frames got no answer
  *.mean_iou is lower     the masks are less accurate

The exit status is 0 if no rule is met, 3 if one is, and 1 after an error, a rule that cannot be
judged among them. docs/benchmark.md says how everything is measured.

examples:
  seg benchmark --quick
  seg benchmark drive.mp4 --out before.json
  seg benchmark drive.mp4 --compare before.json --fail-if "node.* is slower"
  seg benchmark --sizes 720p --cameras 1 --data camvid:DIR
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    usual = BenchmarkOptions()
    parser.epilog = EPILOG
    parser.add_argument(
        'drive',
        nargs='?',
        type=Path,
        metavar='DRIVE',
        help='video file, folder of images, or recording (rosbag2 folder, .mcap, .db3); without '
        'it a made-up drive',
    )
    parser.add_argument('--topic', help='camera topic of a recording, where it has several')
    parser.add_argument('--quick', action='store_true', help='720p and one camera, in a minute')
    _add_scenes(parser, usual)
    _add_model(parser, usual)
    group = parser.add_argument_group('results')
    group.add_argument('--out', metavar='FILE', help='write all numbers there as JSON')
    group.add_argument('--json', action='store_true', help='print JSON instead of tables')
    group.add_argument('--compare', type=Path, metavar='FILE', help='result of an earlier --out')
    group.add_argument(
        '--result',
        type=Path,
        metavar='FILE',
        help='measure nothing: show or compare this stored result',
    )
    group.add_argument(
        '--fail-if',
        metavar='RULE',
        action='append',
        default=[],
        help='end with status 3 if RULE is met; may be given several times',
    )


def _add_scenes(parser: argparse.ArgumentParser, usual: BenchmarkOptions) -> None:
    group = parser.add_argument_group('what is measured')
    cameras = ','.join(map(str, usual.cameras))
    for name, kind, default, metavar, words in (
        ('only', some_of(SUBJECTS), usual.subjects, 'A,B', f'some of {", ".join(SUBJECTS)}'),
        ('sizes', some_of(SIZES), usual.sizes, 'A,B', f'some of {", ".join(SIZES)}'),
        ('cameras', counts, usual.cameras, 'N,M', f'numbers of cameras ({cameras})'),
        ('frames', at_least_one, usual.frames, 'N', f'different frames ({usual.frames})'),
        ('runs', at_least_one, usual.runs, 'N', f'of each scene ({usual.runs})'),
        ('seconds', positive, usual.seconds, 'S', f'of a run ({usual.seconds:g})'),
    ):
        group.add_argument(f'--{name}', type=kind, default=default, metavar=metavar, help=words)


def _add_model(parser: argparse.ArgumentParser, usual: BenchmarkOptions) -> None:
    group = parser.add_argument_group('how it is run')
    group.add_argument('--bundle', default=usual.bundle, help='name or folder of the model')
    group.add_argument('--engine', default=usual.engine, help=f'({usual.engine})')
    group.add_argument(
        '--threads',
        type=at_least_one,
        default=usual.threads,
        metavar='N',
        help=f'of the engine ({usual.threads})',
    )
    group.add_argument(
        '--precision',
        choices=PRECISIONS,
        default=usual.precision,
        help=f'of the network ({usual.precision})',
    )
    group = parser.add_argument_group('accuracy beside it')
    group.add_argument('--data', help='labelled data set, as for seg evaluate')
    group.add_argument('--split', default=usual.split, help=f'of the data set ({usual.split})')
    group.add_argument(
        '--labelled',
        type=at_least_one,
        default=usual.labelled,
        metavar='N',
        help=f'frames of it at most ({usual.labelled})',
    )


def some_of(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a function from ``'A,B'`` to known names; for the ``type`` of an argument."""

    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(','))
        unknown = [one for one in chosen if one not in known]
        if unknown:
            msg = f'{unknown[0]!r} is not among {", ".join(known)}'
            raise argparse.ArgumentTypeError(msg)
        return chosen

    return names


def counts(text: str) -> tuple[int, ...]:
    """Return whole numbers from ``'N,M'``; for the ``type`` of an argument."""
    return tuple(at_least_one(one) for one in text.split(','))


def run(args: argparse.Namespace) -> int:
    """Measure, print, compare and judge the rules."""
    rules = [parse_rule(text) for text in args.fail_if]
    if rules and args.compare is None:
        msg = 'A rule is about a change: give the result to compare with by --compare FILE.'
        raise ParameterError(msg)
    before = read_result(args.compare) if args.compare else None
    out = writable_file(args.out) if args.out else None
    result = read_result(args.result) if args.result else run_benchmark(_options(args))
    if out:
        write_text(out, json_text(result))
        print(f'written: {out}', file=sys.stderr)
    if not args.json:
        print(result_text(result))
    if before is not None:
        return _compare(args, before, result, rules)
    if args.json:
        print(json_text(result), end='')
    return KEPT


def _compare(
    args: argparse.Namespace, before: dict[str, Any], result: dict[str, Any], rules: list[Rule]
) -> int:
    found = changes(before, result)
    met = {rule: rule.check(found) for rule in rules}
    if args.json:
        data = {
            **result,
            'changes': [one.to_dict() for one in found],
            'warnings': warnings(before, result),
            'rules': {rule.text: [one.name for one in names] for rule, names in met.items()},
        }
        print(json_text(data), end='')
    else:
        print(f'\n{changes_text(found, warnings(before, result), met)}')
    return BROKEN if any(met.values()) else KEPT


def _options(args: argparse.Namespace) -> BenchmarkOptions:
    if args.runs < FEWEST_RUNS:
        msg = f'Got {args.runs} runs; at least {FEWEST_RUNS} are needed to know the noise.'
        raise ParameterError(msg)
    if AUTO in (args.engine, args.precision):
        msg = (
            f'Got {AUTO!r}, with which each scene would choose by itself, so that rows were not '
            'about the same; name engine and precision, for example --engine onnxruntime '
            '--precision int8.'
        )
        raise ParameterError(msg)
    options = BenchmarkOptions(
        drive=args.drive,
        topic=args.topic,
        frames=args.frames,
        bundle=args.bundle,
        engine=args.engine,
        threads=args.threads,
        precision=args.precision,
        subjects=args.only,
        sizes=args.sizes,
        cameras=args.cameras,
        runs=args.runs,
        seconds=args.seconds,
        data=args.data,
        split=args.split,
        labelled=args.labelled,
    )
    return options.quick() if args.quick else options
