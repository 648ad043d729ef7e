# SPDX-License-Identifier: Apache-2.0
"""``seg tune-crf``: fit the dense CRF to a model, on frames that the model never saw."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
import sys
import tempfile
from typing import NamedTuple, TYPE_CHECKING

import cv2

from seg_node.bundle import find_bundle, open_bundle
from seg_node.cli.arguments import at_least_one, positive, writable_file, write_text
from seg_node.datasets import dataset_lines, open_dataset, spread
from seg_node.errors import ParameterError
from seg_node.evaluation import json_text, open_for_evaluation
from seg_node.tuning import (
    as_json,
    as_text,
    check_drives,
    check_target,
    check_work,
    keep_frames,
    write_preset,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from seg_node.tuning import Drive

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Fit kernels, compatibilities, iterations and gate of the dense CRF to a model.'

EXAMPLES = """\
data sets (layouts in docs/datasets.md), each with #SPLIT behind it if it is not that of --split:
{lines}

Give frames that the model was not trained on. With several models, each on the drive that was held
out from it, presets are tuned on all drives but one and measured on that one, in turn; a single
drive is cut into three stretches. What is printed was never tuned on.

examples:
  seg tune-crf ./my_bundle ./my_images --minutes 30
  seg tune-crf ./fold_a camvid:./CamVid#0001TP ./fold_b camvid:./CamVid#0016E5 --work tuning
  seg tune-crf ./my_bundle camvid:./CamVid#test --trials 200 --json tuning.json --write
  seg tune-crf ./fold_a camvid:./CamVid#0001TP ./fold_b camvid:./CamVid#0016E5 --into ./my_bundle
"""
TRIALS = 80
FRAMES = 24
STDOUT = '-'
OPENCV_THREADS = 1  # as in the node by default
SPLIT = '#'


class Pair(NamedTuple):
    """A model and the frames it is measured on."""

    bundle: str
    dataset: str
    split: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES.format(lines=dataset_lines())
    parser.add_argument(
        'pairs',
        metavar='BUNDLE DATASET[#SPLIT]',
        nargs='+',
        help='a model and labelled images that it never saw; several such pairs are pooled',
    )
    _add_data(parser)
    _add_search(parser)
    _add_results(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('which frames')
    group.add_argument(
        '--split', default='val', help='part of the data that name none (default: val)'
    )
    group.add_argument(
        '--taxonomy', metavar='NAME', help='classes to compare in (default: those of the data)'
    )
    group.add_argument(
        '--limit',
        metavar='N',
        type=at_least_one,
        help='take at most N frames of each data set, spread evenly over it',
    )
    group.add_argument(
        '--temperature',
        metavar='T',
        type=positive,
        help="divide the scores by T (default: each bundle's own)",
    )


def _add_search(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('search', 'One for each drive left out, and one on all.')
    group.add_argument(
        '--trials',
        metavar='N',
        type=at_least_one,
        default=TRIALS,
        help=f'presets to try in each search (default: {TRIALS})',
    )
    group.add_argument(
        '--minutes',
        metavar='M',
        type=positive,
        help='search for M minutes in all; measuring comes on top',
    )
    group.add_argument(
        '--frames',
        metavar='N',
        type=at_least_one,
        default=FRAMES,
        help='frames of each drive that a trial looks at; the best presets are compared on all '
        f'(default: {FRAMES})',
    )
    group.add_argument('--seed', metavar='N', type=int, default=0, help='default: 0')
    group.add_argument(
        '--threads',
        metavar='N',
        type=at_least_one,
        default=1,
        help='threads of engine and CRF (default: 1)',
    )
    group.add_argument(
        '--work',
        metavar='DIR',
        type=Path,
        help='keep scores and trials there, and go on from what is there (default: a temporary '
        'folder)',
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('results')
    group.add_argument(
        '--json', metavar='FILE', help='write all numbers there; - for stdout without the table'
    )
    group.add_argument(
        '--write', action='store_true', help='put the preset into the bundles it was tuned with'
    )
    group.add_argument(
        '--into',
        metavar='BUNDLE',
        action='append',
        default=[],
        help='put the preset into this bundle, which has the same classes; may be given several '
        'times',
    )
    group.add_argument(
        '--off-if-missed',
        action='store_true',
        help='a preset that misses a bar goes into the bundles switched off, with the reason '
        '(default: it is not written)',
    )


def run(args: argparse.Namespace) -> int:
    """Tune, print the report and write what was asked for."""
    # asked before long work begins: optuna is optional
    from seg_node.tuning.tune import Budget, split_into_parts, tune  # noqa: PLC0415

    pairs = _pairs(args.pairs, args.split)
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    targets = _targets(args, pairs)
    cv2.setNumThreads(OPENCV_THREADS)
    budget = Budget(args.trials, args.frames, args.minutes, args.seed, args.threads)
    with _work_folder(args.work) as work:
        drives = _drives(args, pairs, work)
        tuning = tune(split_into_parts(drives), budget, work / 'trials.jsonl')
        data = as_json(tuning)
    print(json_text(data) if args.json == STDOUT else as_text(data) + '\n', end='')
    if json_file:
        write_text(json_file, json_text(data))
        _announce(json_file)
    for target in targets:
        _announce(write_preset(target, data, off_if_missed=args.off_if_missed).path)
    return 0


def _pairs(words: Sequence[str], split: str) -> list[Pair]:
    if len(words) % 2:
        msg = (
            f'Got {len(words)} names: {", ".join(words)}; expected a bundle and a data set, or '
            'several such pairs, each bundle in front of its data set.'
        )
        raise ParameterError(msg)
    pairs = []
    for bundle, data in zip(words[::2], words[1::2], strict=True):
        dataset, _, own = data.rpartition(SPLIT) if SPLIT in data else (data, '', split)
        pairs.append(Pair(bundle, dataset, own))
    return pairs


def _targets(args: argparse.Namespace, pairs: Sequence[Pair]) -> list[Path]:
    """Return the bundles to write into; asked before long work begins."""
    named = [*(pair.bundle for pair in pairs if args.write), *args.into]
    targets = list(dict.fromkeys(find_bundle(name) for name in named))
    classes = open_bundle(pairs[0].bundle).manifest.taxonomy
    for target in targets:
        check_target(target, classes)
    return targets


@contextmanager
def _work_folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix='tune-crf-') as scratch:
        yield Path(scratch)


def _drives(args: argparse.Namespace, pairs: Sequence[Pair], work: Path) -> list[Drive]:
    """Return the frames of all pairs, with the scores of their networks."""
    check_work(
        work,
        {
            'pairs': [[open_bundle(one.bundle).digest, one.dataset, one.split] for one in pairs],
            **{name: getattr(args, name) for name in ('taxonomy', 'limit', 'temperature')},
            **{name: getattr(args, name) for name in ('frames', 'seed')},
        },
    )
    drives = []
    for number, pair in enumerate(pairs):
        dataset = open_dataset(pair.dataset, pair.split, args.taxonomy)
        dataset = spread(dataset, args.limit) if args.limit else dataset
        with open_for_evaluation(
            pair.bundle, 'auto', threads=args.threads, temperature=args.temperature
        ) as segmenter:
            name = _data_name(pair)
            drives.append(keep_frames(segmenter.engine, dataset, name, work / str(number)))
    check_drives(drives)
    return drives


def _data_name(pair: Pair) -> str:
    """Return what the data are; where they lie concerns nobody else."""
    kind, colon, rest = pair.dataset.partition(':')
    kind = pair.dataset if kind == 'procedural' and rest else kind
    return f'{kind if colon else Path(kind).name} {pair.split}'


def _announce(path: Path) -> None:
    print(f'written: {path}', file=sys.stderr)
