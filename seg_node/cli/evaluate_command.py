# SPDX-License-Identifier: Apache-2.0
"""``seg evaluate``: score a bundle on a labelled data set."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import cv2

from seg_node.cli.arguments import at_least_one, writable_file, writable_folder, write_text
from seg_node.crf import preset, PRESETS
from seg_node.datasets import open_dataset, spread
from seg_node.evaluation import as_json, as_text, draw_frames, evaluate
from seg_node.pipeline import open_segmenter, SegmenterOptions

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from seg_node.evaluation import Evaluation

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Score a bundle on a labelled data set, through the very segmenter that the node runs.'

EXAMPLES = """\
data sets:
  default                    procedural street scenes, no download needed
  procedural:COUNT@SEED      as many of them as you like
  camvid:DIR                 CamVid: images/SPLIT, labels/SPLIT; or SegNet's SPLIT, SPLITannot
  DIR                        your own: images/ and labels/ (PNGs of class ids), taxonomy.yaml

A bundle of finer classes than the data is scored by summing the probabilities of each group.

examples:
  seg evaluate default default
  seg evaluate default procedural:20@7 --json scores.json
  seg evaluate ./my_bundle camvid:./CamVid --split test --out pictures
  seg evaluate default ./my_images --taxonomy cityscapes19 --limit 50
"""
STDOUT = '-'
OPENCV_THREADS = 1  # as in the node by default, so that the times are those of the node


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    parser.add_argument('dataset', metavar='DATASET', help='labelled images, see below')
    parser.add_argument('--split', default='val', help='part of the data (default: val)')
    parser.add_argument(
        '--taxonomy',
        metavar='NAME',
        help='classes to compare in: cityscapes19, camvid11 or a YAML file '
        '(default: those of the data)',
    )
    parser.add_argument(
        '--engine', default='auto', help='auto, onnxruntime, torch or fake (default: auto)'
    )
    parser.add_argument(
        '--threads',
        metavar='N',
        type=at_least_one,
        default=1,
        help='threads of the engine (default: 1)',
    )
    parser.add_argument(
        '--crf',
        metavar='PRESET',
        choices=sorted(PRESETS),
        help='refine uncertain frames with the dense CRF, as the node does with crf.enabled: '
        f'{", ".join(sorted(PRESETS))} (default: no CRF)',
    )
    parser.add_argument(
        '--limit',
        metavar='N',
        type=at_least_one,
        help='take at most N frames, spread evenly over the data',
    )
    parser.add_argument(
        '--json', metavar='FILE', help='write all numbers there; - for stdout without the table'
    )
    parser.add_argument(
        '--out', metavar='DIR', help='draw sheets of sample frames and of the worst ones there'
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the report and write what was asked for."""
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    folder = writable_folder(args.out) if args.out else None
    dataset = open_dataset(args.dataset, args.split, args.taxonomy)
    if args.limit:
        dataset = spread(dataset, args.limit)
    cv2.setNumThreads(OPENCV_THREADS)
    options = SegmenterOptions(crf=preset(args.crf) if args.crf else None)
    with open_segmenter(args.bundle, args.engine, options, threads=args.threads) as segmenter:
        result = evaluate(segmenter, dataset, name=args.dataset, split=args.split)
        _print(result, as_json_only=args.json == STDOUT)
        if json_file:
            write_text(json_file, _json(result))
            _announce(json_file)
        if folder:
            _announce(*draw_frames(segmenter, dataset, result, folder))
    return 0


def _announce(*paths: Path) -> None:
    for path in paths:
        print(f'written: {path}', file=sys.stderr)


def _print(result: Evaluation, *, as_json_only: bool) -> None:
    print(_json(result) if as_json_only else as_text(result), end='' if as_json_only else '\n')


def _json(result: Evaluation) -> str:
    return json.dumps(as_json(result), indent=2, ensure_ascii=False) + '\n'
