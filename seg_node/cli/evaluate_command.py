# SPDX-License-Identifier: Apache-2.0
"""``seg evaluate``: score a bundle on a labelled data set."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

import cv2

from seg_node.cli import corrupt_option
from seg_node.cli.arguments import at_least_one, writable_file, writable_folder, write_text
from seg_node.crf import preset, PRESETS
from seg_node.datasets import dataset_lines, open_dataset, spread
from seg_node.evaluation import (
    as_json,
    as_text,
    draw_frames,
    evaluate,
    json_text,
    open_for_evaluation,
    Views,
    worst_rows,
    write_page,
)
from seg_node.pipeline import SegmenterOptions

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets import Dataset
    from seg_node.pipeline import Segmenter

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Score a bundle on a labelled data set, through the very segmenter that the node runs.'

EXAMPLES = """\
data sets (layouts in docs/datasets.md):
{lines}

A bundle of finer classes than the data is scored by summing the probabilities of each group.

examples:
  seg evaluate default default
  seg evaluate default procedural:20@7 --json scores.json
  seg evaluate ./my_bundle camvid:./CamVid --split test --out pictures
  seg evaluate default ./my_images --taxonomy cityscapes19 --limit 50
  seg evaluate default procedural:20 --report report
  seg evaluate default procedural:20 --flip --scales 0.75,1,1.25
  seg evaluate default procedural:10 --corrupt all
"""
STDOUT = '-'
OPENCV_THREADS = 1  # as in the node by default, so that the times are those of the node


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES.format(lines=dataset_lines())
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    parser.add_argument('dataset', metavar='DATASET', help='labelled images, see below')
    _add_data(parser)
    _add_model(parser)
    _add_protocol(parser)
    _add_results(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('which frames')
    group.add_argument('--split', default='val', help='part of the data (default: val)')
    group.add_argument(
        '--taxonomy',
        metavar='NAME',
        help='classes to compare in, by name, such as camvid11, or YAML file '
        '(default: those of the data)',
    )
    group.add_argument(
        '--limit',
        metavar='N',
        type=at_least_one,
        help='take at most N frames, spread evenly over the data',
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('how the bundle is run')
    group.add_argument(
        '--engine', default='auto', help='auto, onnxruntime, torch or fake (default: auto)'
    )
    group.add_argument(
        '--threads',
        metavar='N',
        type=at_least_one,
        default=1,
        help='threads of the engine (default: 1)',
    )
    group.add_argument(
        '--temperature',
        metavar='T',
        type=_positive,
        help="divide the scores by T (default: the bundle's temperature)",
    )
    group.add_argument(
        '--crf',
        metavar='PRESET',
        choices=sorted(PRESETS),
        help='refine uncertain frames with the dense CRF, as the node does with crf.enabled: '
        f'{", ".join(sorted(PRESETS))} (default: no CRF)',
    )


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        'protocol', 'Several looks at each image, averaged; the node takes one.'
    )
    group.add_argument('--flip', action='store_true', help='look at the mirrored image, too')
    group.add_argument(
        '--scales',
        metavar='S,S,...',
        type=_scales,
        default=(1.0,),
        help='sizes to look at, for example 0.75,1,1.25 (default: 1)',
    )
    group.add_argument(
        '--slide',
        action='store_true',
        help="keep the image's resolution and look through windows of the network's size",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('results')
    group.add_argument(
        '--corrupt',
        choices=corrupt_option.CHOICES,
        help='measure the frames clean and corrupted at five strengths instead: mean IoU, ECE and '
        'mean entropy',
    )
    group.add_argument(
        '--json',
        metavar='FILE',
        help='write all numbers there, and sums for seg pool; - for stdout without the table',
    )
    group.add_argument(
        '--report', metavar='DIR', help='write a page there: index.html, with figures.json'
    )
    group.add_argument(
        '--out', metavar='DIR', help='draw sheets of sample frames and of the worst ones there'
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the report and write what was asked for."""
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    folder = writable_folder(args.out) if args.out else None
    page = writable_folder(args.report) if args.report else None
    views = Views(args.flip, args.scales, args.slide)
    dataset = _dataset(args)
    cv2.setNumThreads(OPENCV_THREADS)
    with _segmenter(args) as segmenter:
        if args.corrupt:
            _run_corrupted(args, segmenter, dataset, views)
            return 0
        result = evaluate(segmenter, dataset, name=args.dataset, split=args.split, views=views)
        data = as_json(result)
        print(json_text(data) if args.json == STDOUT else as_text(data) + '\n', end='')
        if json_file:
            write_text(json_file, json_text(data))
            _announce(json_file)
        if folder:
            _announce(*draw_frames(segmenter, dataset, result, folder))
        if page:
            _announce(*write_page(data, page, worst_rows(segmenter, dataset, result)))
    return 0


def _run_corrupted(
    args: argparse.Namespace, segmenter: Segmenter, dataset: Dataset, views: Views
) -> None:
    """Do as ``run`` does, for corrupted images."""
    context = {'dataset': args.dataset, 'split': args.split}
    data = corrupt_option.measure(segmenter, dataset, args.corrupt, views, context)
    print(json_text(data) if args.json == STDOUT else corrupt_option.text(data) + '\n', end='')
    if args.json not in (None, STDOUT):
        write_text(writable_file(args.json), json_text(data))
    if args.out:
        _announce(corrupt_option.draw(dataset, writable_folder(args.out)))
    if args.report:
        _announce(corrupt_option.page(data, dataset, writable_folder(args.report)))


def _dataset(args: argparse.Namespace) -> Dataset:
    dataset = open_dataset(args.dataset, args.split, args.taxonomy)
    return spread(dataset, args.limit) if args.limit else dataset


def _segmenter(args: argparse.Namespace) -> Segmenter:
    options = SegmenterOptions(crf=preset(args.crf) if args.crf else None)
    return open_for_evaluation(
        args.bundle, args.engine, options, threads=args.threads, temperature=args.temperature
    )


def _announce(*paths: Path) -> None:
    for path in paths:
        print(f'written: {path}', file=sys.stderr)


def _positive(text: str) -> float:
    """Return a finite number above 0; for the ``type`` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        msg = f'expected a number above 0, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return value


def _scales(text: str) -> tuple[float, ...]:
    """Return numbers above 0 that are separated by commas; for the ``type`` of an argument."""
    return tuple(_positive(part) for part in text.split(','))
