# SPDX-License-Identifier: Apache-2.0
"""``seg quantize``: a bundle that can also run in 8-bit integers."""

from __future__ import annotations

from dataclasses import replace
import json
import logging
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING

from seg_node.bundle import check_target, open_bundle, write_bundle
from seg_node.cli.arguments import at_least_one
from seg_node.datasets import open_dataset, spread
from seg_node.errors import ExportError
from seg_node.evaluation.precision import compare
from seg_node.imaging import Fitter
from seg_node.pipeline import open_segmenter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.bundle.int8 import Rules
    from seg_node.datasets import Dataset

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Add networks in 8-bit integers to a bundle, each measured against the one in float.'
EXAMPLES = """\
Two networks are made, because their readers want different things: model.int8.cpu.onnx for ONNX
Runtime on a CPU, model.int8.trt.onnx for TensorRT (measured here by ONNX Runtime). One that loses
more than --most-lost points of mean IoU is left out, and the manifest says why; so is the CPU's if
it is not faster than --least-speed. Without any, no bundle is written.

examples:
  seg quantize my_bundle camvid:./CamVid my_int8_bundle --held-out
  seg quantize my_bundle camvid:./CamVid my_int8_bundle --default
  seg quantize default ./my_images my_int8_bundle --split val --calibration-split train
"""
IMAGES = 32
MOST_LOST = 1.0  # [points of mean IoU]
LEAST_SPEED = 1.1
FP32, CPU_FILE = 'model.onnx', 'model.int8.cpu.onnx'

logger = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument('bundle', metavar='BUNDLE', help='name of a shipped bundle, or a folder')
    parser.add_argument(
        'dataset', metavar='DATASET', help='images it was trained on and labelled ones to measure'
    )
    parser.add_argument('target', metavar='TARGET', type=Path, help='where the new bundle goes')
    parser.add_argument('--split', default='val', help='part to measure on (default: val)')
    parser.add_argument(
        '--calibration-split', default='train', help='part to find ranges on (default: train)'
    )
    parser.add_argument(
        '--taxonomy', metavar='NAME', help='classes to compare in (default: those of the data)'
    )
    parser.add_argument(
        '--images',
        metavar='N',
        type=at_least_one,
        default=IMAGES,
        help=f'images to find ranges on, spread over the split (default: {IMAGES})',
    )
    parser.add_argument(
        '--limit', metavar='N', type=at_least_one, help='measure on at most N images'
    )
    parser.add_argument(
        '--most-lost',
        metavar='POINTS',
        type=float,
        default=MOST_LOST,
        help=f'mean IoU that may be lost (default: {MOST_LOST})',
    )
    parser.add_argument(
        '--least-speed',
        metavar='RATIO',
        type=float,
        default=LEAST_SPEED,
        help=f'least time in float / time in int8 on the CPU (default: {LEAST_SPEED})',
    )
    parser.add_argument(
        '--cpu-only',
        action='store_true',
        help='make the one for the CPU alone, for a smaller bundle',
    )
    parser.add_argument(
        '--held-out',
        action='store_true',
        help='the network was not trained on the split that is measured: a node on a CPU may '
        'take int8 by itself',
    )
    parser.add_argument(
        '--default',
        action='store_true',
        help='let engines take int8 by themselves, not only where precision is int8',
    )


def run(args: argparse.Namespace) -> int:
    """Quantise, measure and write."""
    from seg_node.bundle.int8 import CPU, TENSORRT  # noqa: PLC0415 - not all have onnx

    check_target(args.target)
    bundle = open_bundle(args.bundle)
    measured_on = open_dataset(args.dataset, args.split, args.taxonomy)
    if args.limit:
        measured_on = spread(measured_on, args.limit)
    files = {name: bundle.path / name for name in bundle.manifest.files if '.int8.' not in name}
    reports: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for rules in (CPU,) if args.cpu_only else (CPU, TENSORRT):
            report = _try(args, bundle, rules, measured_on, Path(scratch))
            reports[rules.file] = report
            print(f'{rules.file}: {json.dumps(report)}')
            if report['shipped']:
                files[rules.file] = Path(scratch) / rules.file
        _write(args, bundle, files, reports)
    print(args.target)
    return 0


def _write(
    args: argparse.Namespace, bundle: Bundle, files: dict[str, Path], reports: dict[str, Any]
) -> None:
    made = [name for name in reports if name in files]
    if not made or (args.default and CPU_FILE not in made):
        msg = (
            f'No network in integers is good enough: {json.dumps(reports)}. Nothing was written; '
            'stay with fp32, or allow more with --most-lost.'
        )
        raise ExportError(msg)
    quality = {**bundle.manifest.quality, 'int8': reports}
    precision = 'int8' if args.default else 'fp32'
    write_bundle(
        args.target, replace(bundle.manifest, quality=quality, precision=precision), files
    )


def _try(
    args: argparse.Namespace, bundle: Bundle, rules: Rules, dataset: Dataset, scratch: Path
) -> dict[str, Any]:
    """Make one network and return what it is worth."""
    from seg_node.bundle.int8 import quantize  # noqa: PLC0415 - not all have onnx

    images = spread(open_dataset(args.dataset, args.calibration_split), args.images)
    made = scratch / rules.file
    quantize(bundle.onnx_path, made, rules, _batches(bundle, images))
    candidate = write_bundle(
        scratch / f'{made.stem}.bundle', bundle.manifest, {FP32: bundle.onnx_path, CPU_FILE: made}
    )
    with (
        open_segmenter(bundle.path, 'onnxruntime', precision='fp32') as reference,
        open_segmenter(candidate.path, 'onnxruntime', precision='int8') as tried,
    ):
        result = compare(reference, tried, dataset)
    faults = _faults(args, result.lost, result.speed if rules.file == CPU_FILE else None)
    figures = result.to_dict()
    if rules.file != CPU_FILE:  # on a CPU it is not where it belongs
        for key in ('speed', 'fp32_ms', 'int8_ms'):
            del figures[key]
    return {
        'made for': rules.reader,
        'data': f'{_without_folder(args.dataset)} {args.split}',
        'held out': args.held_out,
        'calibrated on': f'{len(images)} images of {args.calibration_split}',
        **figures,
        'threads': 1,
        'shipped': not faults,
        'why not': ' '.join(faults),
    }


def _faults(args: argparse.Namespace, lost: float, speed: float | None) -> list[str]:
    faults = []
    if not lost <= args.most_lost:
        faults.append(f'It loses {lost:.2f} points of mean IoU, more than {args.most_lost:g}.')
    if speed is not None and not speed >= args.least_speed:
        faults.append(
            f'It is {speed:.2f} times as fast as in float, less than {args.least_speed:g}.'
        )
    return faults


def _batches(bundle: Bundle, images: Dataset) -> Iterator[npt.NDArray[np.float32]]:
    fit = Fitter(bundle.manifest.input)
    for index in range(len(images)):
        yield fit(images[index].image)[0].copy()


def _without_folder(dataset: str) -> str:
    kind, colon, rest = dataset.partition(':')
    if not colon:
        return 'folder'
    return dataset if kind == 'procedural' else kind if rest else dataset
