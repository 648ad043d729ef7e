# SPDX-License-Identifier: Apache-2.0
"""What the pipeline costs beside its network, at 1280 x 720, on one thread.

Real frames if SEG_NODE_CAMVID names the folder of CamVid, else procedural scenes. Each part first
compares the results of all rivals, then lets them take turns, frame by frame, in this process.

(a) Post-processing, 64 x 128 x 19 scores to labels, confidence and entropy, with all class planes,
    and labels alone: the package, its strips of OpenCV and numpy, and plain numpy.
(b) Everything around the engine: a Segmenter whose engine answers at once, against plain numpy.
(c) The whole pipeline against its engine alone, for two networks (needs torch).

    python benchmarks/bench_pipeline.py --check
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from itertools import cycle
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.crf.frames import fitted
from measuring.machine import machine
from measuring.rivals.plain_numpy import plain_area, plain_finish, plain_fit
from measuring.timing import alternate
from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset, spread
from seg_node.engines.base import ScoreEngine
from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.registry import open_engine
from seg_node.imaging import extension, finish, Fitter, InputSpec, PixelMaps, place, strips
from seg_node.imaging.drivable import drivable_table
from seg_node.pipeline import Segmenter
from seg_node.ros.transport import keep_large_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.imaging import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    Finish = Callable[[Float32Array], PixelMaps]

SIZE = (720, 1280)
SCORES = (64, 128)
SPEC = InputSpec(256, 512, 'stretch', (127, 127, 127), (128, 128, 128))  # for SCORES at stride 4
LARGER = (720, 1280)  # input of the default network for more work than the bundle's
FRAMES = 5
FASTER_THAN_NUMPY, FASTER_THAN_STRIPS = 10.0, 2.0
SHARE_OF_NUMPY = 0.1
EQUAL_LABELS = 0.9999
"""Scores are rounded in another order; a pixel on a border of classes may fall either way."""
MAX_ENTROPY = 0.5
UNUSUAL = 0.002
"""Share of pixels of the drivable area that may differ: a level decides on which side they are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    keep_large_blocks()  # as the node does; it speeds up all rivals
    bundle = open_bundle('default')
    images = [fitted(image, SIZE, index) for index, image in enumerate(raw_frames(args.camvid))]
    scores = scores_of(bundle, images)
    result = {
        'benchmark': 'pipeline',
        'frames': 'CamVid val' if args.camvid else 'procedural',
        'image': SIZE,
        'threads': 1,
        'rounds': args.rounds,
        'instructions': instructions(),
        'post-processing': post_processing(scores, args.rounds),
        'around the engine': around(bundle, images, scores, args.rounds),
        'networks': networks(bundle, images, args.rounds) if find_spec('torch') else {},
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    missed = [bar['what'] for bar in bars(result) if not bar['met']]
    return int(args.check and bool(missed))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--rounds', type=int, default=25)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    parser.add_argument(
        '--camvid',
        default=os.environ.get('SEG_NODE_CAMVID'),
        help='folder of CamVid (default: $SEG_NODE_CAMVID)',
    )
    return parser.parse_args(argv)


def instructions() -> str:
    """Return the instruction set that the extension uses here."""
    if extension.why_missing():
        return 'no extension'
    from seg_node import _native  # type: ignore[attr-defined]  # noqa: PLC0415 - optional

    return str(_native.levels()[0])


def raw_frames(camvid: str | None) -> Iterator[UInt8Array]:
    """Yield a few images of a drive."""
    if camvid:
        dataset = open_dataset(f'camvid:{camvid}', split='val', taxonomy='camvid11')
    else:
        dataset = open_dataset(f'procedural:{FRAMES}', split='val', taxonomy='cityscapes19')
    chosen = spread(dataset, FRAMES)
    for index in range(len(chosen)):
        yield chosen[index].image


def scores_of(bundle: Bundle, images: Sequence[UInt8Array]) -> list[Float32Array]:
    """Return what the network of a bundle says about images, at its own resolution."""
    fitter = Fitter(bundle.manifest.input)
    with open_engine('onnxruntime', bundle) as engine:
        assert isinstance(engine, ScoreEngine)
        return [engine.infer(fitter(image)[0])[0] for image in images]


def post_processing(scores: Sequence[Float32Array], rounds: int) -> dict[str, Any]:
    """Measure part (a)."""
    small = [np.stack([cv2.resize(one, SCORES[::-1]) for one in each]) for each in scores]
    placement = place(SIZE, SPEC)
    everything = range(len(small[0]))
    result: dict[str, Any] = {'scores': small[0].shape}
    for what, planes, soft in (
        ('labels, confidence, entropy', (), True),
        ('with all class planes', everything, True),
        ('labels alone', (), False),
    ):
        result[what] = measured(ways(placement, planes, soft=soft), small, rounds)
    return result


def ways(placement: Placement, planes: Sequence[int], *, soft: bool) -> dict[str, Finish]:
    """Return the rivals of part (a); without ``soft`` nothing but labels is wanted."""
    return {
        'seg_node': lambda one: finish(
            one, placement, planes=planes, confidence=soft, entropy=soft
        ),
        'strips': lambda one: by_strips(one, placement, planes, soft=soft),
        'numpy': lambda one: (
            plain_finish(one, placement, planes=planes) if soft else plain_labels(one, placement)
        ),
    }


def by_strips(
    scores: Float32Array, placement: Placement, planes: Sequence[int], *, soft: bool
) -> PixelMaps:
    """Do what ``finish`` does where the extension is not built."""
    maps = PixelMaps(
        np.empty(SIZE, np.uint8),
        np.empty(SIZE, np.uint8) if soft else None,
        np.empty(SIZE, np.uint8) if soft else None,
        {index: np.empty(SIZE, np.uint8) for index in planes},
    )
    strips.fill(maps, scores, placement, 1.0)
    return maps


def plain_labels(scores: Float32Array, placement: Placement) -> PixelMaps:
    """Scale the scores and take the largest."""
    size = placement.image_size[::-1]
    scaled = np.stack([cv2.resize(plane, size) for plane in placement.crop(scores)])
    return PixelMaps(scaled.argmax(axis=0).astype(np.uint8), None, None, {})


def measured(
    rivals: Mapping[str, Finish], scores: Sequence[Float32Array], rounds: int
) -> dict[str, Any]:
    """Compare the rivals on all frames, then time them."""
    equality = worst(
        compare(rivals['seg_node'](one), other(one))
        for one in scores
        for name, other in rivals.items()
        if name != 'seg_node'
    )
    return {'equality': equality, **timed(rivals, scores, rounds)}


def timed(
    rivals: Mapping[str, Callable[[Any], object]], inputs: Sequence[object], rounds: int
) -> dict[str, Any]:
    """Let rivals take turns, each with one input after the other, and return times and ratios."""
    samples = alternate(
        {name: one_after_another(run, inputs) for name, run in rivals.items()}, rounds
    )
    times = {name: sample.to_dict() for name, sample in samples.items()}
    ours = times['seg_node']
    ratios = {
        name: {key: ours[f'{key}_ms'] / other[f'{key}_ms'] for key in ('median', 'cpu_median')}
        for name, other in times.items()
        if name != 'seg_node'
    }
    return {'times': times, 'ratios': ratios}


def one_after_another(
    run: Callable[[Any], object], inputs: Sequence[object]
) -> Callable[[], object]:
    """Return a call that takes the next input each time."""
    supply = cycle(inputs)
    return lambda: run(next(supply))


def compare(ours: PixelMaps, other: PixelMaps) -> dict[str, float]:
    """Return how far results are apart; fail if that is more than rounding."""
    pairs = [(ours.confidence, other.confidence), (ours.entropy, other.entropy)]
    pairs += [(plane, other.planes[index]) for index, plane in ours.planes.items()]
    levels = [
        int(np.abs(one.astype(np.int16) - two).max())
        for one, two in pairs
        if one is not None and two is not None
    ]
    found = {
        'labels': float(np.mean(ours.labels == other.labels)),
        'levels': float(max(levels, default=0)),
    }
    assert found['labels'] >= EQUAL_LABELS, f'only {found["labels"]:.4%} of the labels agree'
    assert found['levels'] <= 1, f'bytes differ by {found["levels"]:.0f} of 255'
    return found


def worst(found: Iterator[dict[str, float]]) -> dict[str, float]:
    """Return the least equal of several comparisons."""
    all_of_them = list(found)
    return {
        'labels': min(one['labels'] for one in all_of_them),
        'levels': max(one['levels'] for one in all_of_them),
    }


def around(
    bundle: Bundle, images: Sequence[UInt8Array], scores: Sequence[Float32Array], rounds: int
) -> dict[str, Any]:
    """Measure part (b)."""
    manifest = bundle.manifest
    placement = place(SIZE, manifest.input)
    table = drivable_table(manifest.taxonomy)
    batches: list[Float32Array] = []
    answer: list[Float32Array] = [scores[0]]

    def infer(batch: Float32Array) -> Float32Array:
        batches[:] = [batch]
        return answer[0][None]

    segmenter = Segmenter(FakeEngine(bundle, infer))
    segmenter.engine.open()
    least = manifest.drivable_threshold
    assert least is not None
    most = segmenter.options.drivable_max_entropy

    def ours(index: int) -> tuple[PixelMaps, UInt8Array | None]:
        answer[0] = scores[index]
        got = segmenter(images[index])
        return PixelMaps(got.labels, got.confidence, got.entropy, {}), got.drivable_area

    def numpy_only(index: int) -> tuple[PixelMaps, UInt8Array]:
        batches[1:] = [plain_fit(images[index], placement, manifest.input)]
        maps = plain_finish(scores[index], placement, manifest.temperature)
        return maps, plain_area(maps, table, least, most)

    equal = []
    for index in range(len(images)):
        (maps, area), (plain, plainly) = ours(index), numpy_only(index)
        np.testing.assert_array_equal(batches[0], batches[1])
        assert area is not None
        assert np.mean(area != plainly) <= UNUSUAL, 'the drivable areas differ'
        equal.append(compare(maps, plain))
    rivals = {'seg_node': ours, 'numpy': numpy_only}
    times = timed(rivals, range(len(images)), rounds)
    return {'scores': scores[0].shape, 'equality': worst(iter(equal)), **times}


def networks(bundle: Bundle, images: Sequence[UInt8Array], rounds: int) -> dict[str, Any]:
    """Measure part (c)."""
    from measuring.larger_network import at_size, filled_network, giga_macs  # noqa: PLC0415 - needs torch

    result = {}
    with TemporaryDirectory() as folder:
        for name, one in {
            'as it is': bundle,
            'for 1280 x 720': at_size(bundle, LARGER, Path(folder) / 'larger'),
        }.items():
            size = one.manifest.input.height, one.manifest.input.width
            gmac = giga_macs(filled_network(one), size)
            result[name] = {'gmac': gmac, **whole(one, images, max(rounds // 3, 3))}
    return result


def whole(bundle: Bundle, images: Sequence[UInt8Array], rounds: int) -> dict[str, Any]:
    """Time the pipeline and its engine alone."""
    fitter = Fitter(bundle.manifest.input)
    batches = [fitter(image)[0].copy() for image in images]
    with open_engine('onnxruntime', bundle) as engine:
        assert isinstance(engine, ScoreEngine)
        segmenter = Segmenter(engine)
        rivals: dict[str, Callable[[Any], object]] = {
            'seg_node': lambda index: segmenter(images[index]),
            'engine': lambda index: engine.infer(batches[index]),
        }
        return timed(rivals, range(len(images)), rounds)


def bars(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is judged: medians of processor time, as a busy machine distorts the clock's."""
    post = result['post-processing']['labels, confidence, entropy']['ratios']
    around_it = result['around the engine']['ratios']['numpy']
    judged = [
        ('post-processing / numpy', post['numpy'], 1 / FASTER_THAN_NUMPY),
        ('post-processing / strips', post['strips'], 1 / FASTER_THAN_STRIPS),
        ('everything around the engine / numpy', around_it, SHARE_OF_NUMPY),
    ]
    return [
        {'what': what, 'ratio': ratio['cpu_median'], 'bar': bar, 'met': ratio['cpu_median'] <= bar}
        for what, ratio, bar in judged
    ]


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    post = {f'post-processing, {k}': v for k, v in result['post-processing'].items()}
    del post['post-processing, scores']
    parts = {**post, 'around the engine': result['around the engine']}
    parts |= {f'network {k}, {v["gmac"]:.1f} GMAC': v for k, v in result['networks'].items()}
    print(f'frames: {result["frames"]}; instructions: {result["instructions"]}')
    for name, part in parts.items():
        times = ', '.join(f'{k} {v["median_ms"]:.2f} ms' for k, v in part['times'].items())
        ratios = ', '.join(
            f'{r["median"]:.3f} of {k}, {r["cpu_median"]:.3f} by processor time'
            for k, r in part['ratios'].items()
        )
        print(f'{name}: {times} ({ratios})')
    for bar in bars(result):
        verdict = 'met' if bar['met'] else 'MISSED'
        print(f'{bar["what"]}: {bar["ratio"]:.3f}, at most {bar["bar"]:.3f}: {verdict}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
