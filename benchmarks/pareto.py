# SPDX-License-Identifier: Apache-2.0
r"""What accuracy costs: sizes of the input, output strides, precisions and engines on this CPU.

For each variant the same weights are exported for another input (``seg resize``) and quantised.
Its mean IoU is that of models which never saw the drive they are judged on, one for each
``--held-out SPLIT=BUNDLE``; pixels of all drives are counted together. Ranges of int8 come from
the drive of another model. Its time is that of a whole frame of 1280 x 720, from the image to
labels, confidence, entropy and drivable area, on one thread; all variants of the first model take
turns. OpenVINO runs the files that were made for ONNX Runtime, so accuracy is measured with
the latter, after the labels of both were compared.

    python benchmarks/pareto.py --data camvid:/data/camvid \
        --held-out 0001TP=runs/fold-0001TP/bundle --held-out 0006R0=runs/fold-0006R0/bundle \
        --held-out 0016E5=runs/fold-0016E5/bundle \
        --json benchmarks/results/pareto.json --picture docs/images/pareto.png
    python benchmarks/pareto.py --draw benchmarks/results/pareto.json \
        --picture docs/images/pareto.png

Without ``--held-out`` or ``--data`` the bundle ``default`` is timed alone: it was trained on all
drives of CamVid, so its accuracy on them would mean nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import product
import json
from pathlib import Path
import re
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.crf.frames import fitted
from measuring.machine import machine
from measuring.pareto_picture import draw
from measuring.timing import alternate
from seg_node.bundle import INT8_CPU, open_bundle, write_bundle
from seg_node.bundle.int8 import CPU, quantize
from seg_node.cli.resize_command import drawn_scenes
from seg_node.datasets import open_dataset, spread
from seg_node.engines.registry import open_engine
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.imaging import Fitter
from seg_node.metrics import count_pairs, mean_iou_of_set
from seg_node.model.resize import resize_bundle
from seg_node.pipeline import Segmenter
from seg_node.progress import progress
from seg_node.ros.transport import keep_large_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.datasets import Dataset

    UInt8Array = npt.NDArray[np.uint8]

SIZES = ((192, 256), (240, 320), (288, 384), (360, 480))
STRIDES = (2, 4)
PRECISIONS = ('fp32', 'int8')
ENGINES = ('onnxruntime', 'openvino') if find_spec('openvino') else ('onnxruntime',)
CAMERA = (720, 1280)
TIMED_FRAMES = 4
CALIBRATION = 32  # images, as seg quantize
EQUAL_LABELS = {'fp32': 0.9999, 'int8': 0.98}
CROSSED = 'never trained on the drive it is judged on'
SCENES = 'procedural:4'


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the same weights.

    Attributes:
        size: Height and width of the network's input [px].
        stride: Input pixels per score.
        precision: ``fp32`` or ``int8``.
    """

    size: tuple[int, int]
    stride: int
    precision: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A model and the drive that it never saw; without a drive it is only timed."""

    bundle: Bundle
    split: str = ''


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, or draw what was measured, and return the exit status."""
    args = parse(argv)
    if args.draw:
        result = json.loads(args.draw.read_text(encoding='utf-8'))
    else:
        cv2.setNumThreads(1)
        keep_large_blocks()
        result = measure(args)
    report(result)
    if args.json and not args.draw:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    if args.picture:
        draw(result, args.picture)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--data', help='labelled drives, such as camvid:/data/camvid')
    parser.add_argument('--held-out', metavar='SPLIT=BUNDLE', action='append', default=[])
    parser.add_argument('--limit', type=int, default=60, help='frames of each drive (default: 60)')
    parser.add_argument('--rounds', type=int, default=12, help='of timing (default: 12)')
    parser.add_argument('--sizes', nargs='+', type=size_of, default=SIZES, metavar='HxW')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--draw', type=Path, metavar='JSON', help='measure nothing, draw this')
    parser.add_argument('--picture', type=Path, help='draw the result to this file (PNG)')
    return parser.parse_args(argv)


def size_of(text: str) -> tuple[int, int]:
    """Return (height, width) from ``HxW``."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if match is None:
        msg = f'expected HEIGHTxWIDTH, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return int(match.group(1)), int(match.group(2))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Make all variants of all models, time the first model's and score all."""
    models = list(models_of(args))
    variants = [Variant(*one) for one in product(args.sizes, STRIDES, PRECISIONS)]
    counts: dict[Variant, npt.NDArray[np.int64]] = {}
    times: dict[tuple[Variant, str], dict[str, float]] = {}
    frames = 0
    with TemporaryDirectory() as folder:
        for number, model in enumerate(models):
            made = make(model, models, args, variants, Path(folder) / str(number))
            if not times:
                times = timed(made, camera_images(args), args.rounds)
            if model.split:
                truth = spread(open_dataset(args.data, model.split), args.limit)
                frames += len(truth)
                for variant, bundle in progress(made.items(), what=model.split, unit='variant'):
                    found = counted(bundle, variant, truth)
                    counts[variant] = counts.get(variant, np.zeros_like(found)) + found
    return {
        'benchmark': 'pareto',
        'data': args.data.partition(':')[0] if args.data else '',
        'accuracy': CROSSED if counts else 'not measured',
        'drives': [one.split for one in models if one.split],
        'frames': frames,
        'image': CAMERA,
        'threads': 1,
        'models': [f'{one.bundle.manifest.name} {one.bundle.digest}' for one in models],
        'variants': [
            {
                **asdict(variant),
                'mean_iou': float(mean_iou_of_set(counts[variant])) if variant in counts else None,
                'times': {name: times[variant, name] for name in ENGINES},
            }
            for variant in variants
        ],
        'machine': machine(),
    }


def models_of(args: argparse.Namespace) -> Iterator[HeldOut]:
    """Yield what is measured."""
    if not (args.data and args.held_out):
        print('No --data with --held-out: times alone, no accuracy.', file=sys.stderr)
        yield HeldOut(open_bundle('default'))
        return
    for words in args.held_out:
        split, _, path = words.partition('=')
        yield HeldOut(open_bundle(path), split)


def make(
    model: HeldOut,
    models: Sequence[HeldOut],
    args: argparse.Namespace,
    variants: Sequence[Variant],
    folder: Path,
) -> dict[Variant, Bundle]:
    """Export and quantise the variants of one model; each size and stride is a bundle of both."""
    calibration = calibration_images(model, models, args)
    made: dict[tuple[tuple[int, int], int], Bundle] = {}
    inputs = list(dict.fromkeys((one.size, one.stride) for one in variants))
    for size, stride in progress(inputs, what='exported', unit='size'):
        name = f'{size[0]}x{size[1]}-{stride}'
        resized = resize_bundle(
            model.bundle, folder / name, drawn_scenes, size=size, stride=stride
        )
        target = folder / f'{name}.onnx'
        fit = Fitter(resized.manifest.input)
        quantize(resized.onnx_path, target, CPU, (fit(one)[0].copy() for one in calibration))
        files = {'model.onnx': resized.onnx_path, INT8_CPU: target}
        plain = replace(resized.manifest, files={})
        made[size, stride] = write_bundle(folder / f'{name}-both', plain, files)
    return {one: made[one.size, one.stride] for one in variants}


def calibration_images(
    model: HeldOut, models: Sequence[HeldOut], args: argparse.Namespace
) -> list[UInt8Array]:
    """Return images of another model's drive, or of any where there is one model."""
    others = [one.split for one in models if one.split not in ('', model.split)]
    if args.data:
        dataset = open_dataset(args.data, others[-1] if others else 'train')
    else:
        dataset = open_dataset(f'procedural:{CALIBRATION}', 'val', 'cityscapes19')
    chosen = spread(dataset, CALIBRATION)
    return [chosen[index].image for index in range(len(chosen))]


def camera_images(args: argparse.Namespace) -> list[UInt8Array]:
    """Return a few frames of a drive as a camera gives them."""
    if args.data:
        dataset: Dataset = open_dataset(args.data, 'val')
    else:
        dataset = open_dataset(SCENES, 'val', 'cityscapes19')
    chosen = spread(dataset, TIMED_FRAMES)
    return [fitted(chosen[index].image, CAMERA, index) for index in range(len(chosen))]


def timed(
    made: dict[Variant, Bundle], images: Sequence[UInt8Array], rounds: int
) -> dict[tuple[Variant, str], dict[str, float]]:
    """Compare both engines on each variant, then let all of them take turns."""
    segmenters = {
        (variant, name): Segmenter(open_engine(name, bundle, precision=variant.precision))
        for (variant, bundle), name in product(made.items(), ENGINES)
    }
    for (variant, name), one in segmenters.items():
        first = segmenters[variant, ENGINES[0]]
        equal = min(float((one(im).labels == first(im).labels).mean()) for im in images)
        least = EQUAL_LABELS[variant.precision]
        assert equal >= least, f'{variant}, {name}: only {equal:.4%} of the labels agree'

    def over(segmenter: Segmenter) -> None:
        for image in images:
            segmenter(image)

    samples = alternate(
        {str(key): lambda one=one: over(one) for key, one in segmenters.items()},  # type: ignore[misc]
        rounds,
    )
    for one in segmenters.values():
        one.close()
    return {
        key: {name: value / len(images) for name, value in samples[str(key)].to_dict().items()}
        for key in segmenters
    }


def counted(bundle: Bundle, variant: Variant, truth: Dataset) -> npt.NDArray[np.int64]:
    """Return (K, K) pixels by true and predicted class over the frames of a drive."""
    classes = comparable(truth, bundle.manifest.taxonomy)
    with Segmenter(open_engine(ENGINES[0], bundle, precision=variant.precision)) as segmenter:
        predict = Predictor(segmenter, classes.taxonomy)
        counts = np.zeros((len(classes.taxonomy),) * 2, np.int64)
        for index in range(len(classes)):
            sample = classes[index]
            labels = predict(sample.image).labels
            counts += count_pairs(sample.labels, labels, len(classes.taxonomy))
    return counts


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(
        f'{result["data"]}: {result["frames"]} frames of {result["drives"]}; accuracy: '
        f'{result["accuracy"]}; times of a {CAMERA[1]} x {CAMERA[0]} frame, one thread'
    )
    print(f'{"size":>10} stride precision  mIoU %  ' + '  '.join(f'{one:>24}' for one in ENGINES))
    for one in result['variants']:
        score = one['mean_iou']
        words = '     -' if score is None else f'{100 * score:6.2f}'
        times = '  '.join(
            f'{each["median_ms"]:7.1f} ms, cpu {each["cpu_best_ms"]:6.1f}'
            for each in one['times'].values()
        )
        size = f'{one["size"][0]} x {one["size"][1]}'
        print(f'{size:>10} {one["stride"]:6} {one["precision"]:>9}  {words}  {times}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
