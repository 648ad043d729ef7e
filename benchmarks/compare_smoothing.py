# SPDX-License-Identifier: Apache-2.0
"""What smoothing over time gains, loses and costs on consecutive frames with truth.

Every setting sees the same scores of the network and runs in the ``Segmenter`` of the node. For
each it prints mean IoU and flicker (the measure of ``seg replay``: labels that change along the
optical flow), the recall of people and vehicles, what becomes of the drivable area, and the
processor time that it adds to a frame; that one is the median of the differences, frame by frame.
The interval is one of 95 % of the difference in mean IoU, by a block bootstrap over the drive.

    python benchmarks/compare_smoothing.py --data camvid:/data/camvid --bundle /path/to/bundle
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
import json
from pathlib import Path
import statistics
import sys
import time
from typing import Any, get_args, TYPE_CHECKING

import cv2
import numpy as np

from measuring.machine import machine
from seg_node.datasets import open_dataset
from seg_node.engines.fake_engine import FakeEngine
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.imaging import Fitter
from seg_node.metrics import count_pairs, mean_iou_of_set
from seg_node.metrics.drivable import road_users
from seg_node.pipeline import open_segmenter, Outputs, Segmenter, SegmenterOptions
from seg_node.pipeline.smoothing import SmoothingMethod, SmoothingOptions
from seg_node.progress import progress
from seg_node.replay.flicker import Flicker
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

NONE = 'none'
HISTORIES = (0.3, 0.5, 0.7, 0.8)
WANTED = Outputs(probabilities=True)
AS_PUBLISHED = Outputs()
BLOCK = 10  # frames that are drawn together: neighbours are alike
DRAWS = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and return the exit status."""
    args = parse(argv, __doc__)
    result = {'benchmark': 'compare_smoothing', **measure(args, settings())}
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return 0


def measure(args: argparse.Namespace, asked: Mapping[str, SegmenterOptions]) -> dict[str, Any]:
    """Return the figures of settings that all see the same scores of the network.

    Args:
        args: From ``parse``.
        asked: By name; one is ``NONE``, to which the others are compared.
    """
    cv2.setNumThreads(1)
    with open_segmenter(args.bundle, 'onnxruntime') as segmenter:
        bundle = segmenter.engine.bundle
        dataset = comparable(open_dataset(args.data, split='val'), bundle.manifest.taxonomy)
        runs = {name: Run(bundle, dataset.taxonomy, options) for name, options in asked.items()}
        fitter = Fitter(bundle.manifest.input)
        count = min(args.frames, len(dataset))
        for index in progress(range(count), what='frames', total=count, unit='frame'):
            sample = dataset[index]
            batch, _ = fitter(sample.image)
            scores = segmenter.engine.infer(batch)  # type: ignore[attr-defined]
            for run in runs.values():
                run.add(sample.image, sample.labels, scores, index / args.rate)
    return {
        'data': args.data.partition('/')[0].rstrip(':'),
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'frames': count,
        'rate_hz': args.rate,
        'settings': {name: run.to_dict(runs[NONE]) for name, run in runs.items()},
        'machine': machine(),
    }


def parse(argv: Sequence[str] | None, description: str | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', required=True, help='consecutive frames, with their split val')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--frames', type=int, default=10**6, help='at most')
    parser.add_argument('--rate', type=float, default=15.0, help='of the frames [Hz]')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    return parser.parse_args(argv)


def settings() -> dict[str, SegmenterOptions]:
    """Return what is compared, by name."""
    smoothed = {
        f'{method} {history:g}': SegmenterOptions(smoothing=SmoothingOptions(method, history))
        for method in get_args(SmoothingMethod)
        for history in HISTORIES
    }
    return {NONE: SegmenterOptions(), **smoothed}


@dataclass(slots=True)
class Sums:
    """Counts over frames.

    Attributes:
        pairs: Of true and predicted classes, for each frame.
        flicker: Of each frame that has one.
        seconds: Processor time of each frame.
        area: Pixels of the drivable area by what is true there.
        area_flicker: Share of its followed pixels that come or go, of each frame that has one.
    """

    pairs: list[npt.NDArray[np.int64]] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    area: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    area_flicker: list[float] = field(default_factory=list)


class Run:
    """One setting on a sequence of frames."""

    def __init__(self, bundle: Bundle, classes: Taxonomy, options: SegmenterOptions) -> None:
        """Open a segmenter that is given the scores instead of asking a network."""
        self._scores: Float32Array | None = None
        engine = FakeEngine(bundle, lambda _: np.asarray(self._scores, np.float32))
        engine.open()
        self._segmenter = Segmenter(engine, options)
        self._timed = Segmenter(engine, options)
        self._predictor = Predictor(self._segmenter, classes)
        self._classes = classes
        self._users = road_users(classes.names)
        self._flicker, self._area_flicker = Flicker(), Flicker()
        self.sums = Sums()

    def add(
        self, image: UInt8Array, truth: UInt8Array, scores: Float32Array, stamp: float
    ) -> None:
        """Segment a frame and count.

        Args:
            image: (H, W, 3) uint8 RGB.
            truth: (H, W) uint8 class ids, 255 unlabelled.
            scores: (1, K, h, w) float32 of the network.
            stamp: When the image was taken [s].
        """
        self._scores = scores
        started = time.process_time()
        self._timed(image, AS_PUBLISHED, stamp=stamp)
        self.sums.seconds.append(time.process_time() - started)
        result = self._segmenter(image, WANTED, stamp=stamp)
        labels = self._predictor.of(result).labels
        self.sums.pairs.append(count_pairs(truth, labels, len(self._classes)))
        stamp_ns = 1 + round(1e9 * stamp)
        found = self._flicker(image, labels, stamp_ns, stamp_ns)
        if found is not None:
            self.sums.flicker.append(found)
        if result.drivable_area is not None:
            self._count_area(result.drivable_area > 0, truth)
            found = self._area_flicker(image, result.drivable_area, stamp_ns, stamp_ns)
            if found is not None:
                self.sums.area_flicker.append(found)

    def _count_area(self, area: npt.NDArray[np.bool_], truth: UInt8Array) -> None:
        road = np.append(self._classes.drivable, np.zeros(256 - len(self._classes), np.bool_))
        users = np.append(self._users, np.zeros(256 - len(self._users), np.bool_))
        everything = np.ones(256, np.bool_)
        for name, members in (('drivable', road), ('users', users), ('labelled', everything)):
            here = members[truth] & (truth != UNLABELLED)
            self.sums.area[name] += int(np.count_nonzero(here))
            self.sums.area[f'{name}_published'] += int(np.count_nonzero(here & area))

    def to_dict(self, plain: Run) -> dict[str, Any]:
        """Return the figures of this setting, some of them beside those without smoothing."""
        pairs = np.sum(self.sums.pairs, axis=0)
        hits, seen = np.diag(pairs)[self._users].sum(), pairs[self._users].sum()
        area = self.sums.area
        added = [
            one - other for one, other in zip(self.sums.seconds, plain.sums.seconds, strict=True)
        ]
        return {
            'mean_iou': 100 * mean_iou_of_set(pairs),
            'mean_iou_gain': gain(self.sums.pairs, plain.sums.pairs),
            'flicker': 100 * statistics.fmean(self.sums.flicker or [0.0]),
            'road_user_recall': 100 * float(hits / max(seen, 1)),
            'drivable_recall': 100 * area['drivable_published'] / max(area['drivable'], 1),
            'drivable_precision': 100
            * area['drivable_published']
            / max(area['labelled_published'], 1),
            'area_flicker': 100 * statistics.fmean(self.sums.area_flicker or [0.0]),
            'false_drivable': 100 * area['users_published'] / max(area['users'], 1),
            'added_cpu_ms': 1e3 * statistics.median(added),
        }


def gain(
    ours: Sequence[npt.NDArray[np.int64]], plain: Sequence[npt.NDArray[np.int64]]
) -> list[float]:
    """Return the difference in mean IoU [points], and the ends of its 95 % interval."""
    pair = [np.asarray(one) for one in (ours, plain)]
    count = len(ours)
    blocks = -(-count // BLOCK)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        starts = rng.integers(0, count, blocks)
        rows = ((starts[:, None] + np.arange(BLOCK)) % count).ravel()[:count]
        one, other = (mean_iou_of_set(counts[rows].sum(axis=0)) for counts in pair)
        drawn.append(100 * (one - other))
    whole = 100 * (mean_iou_of_set(pair[0].sum(axis=0)) - mean_iou_of_set(pair[1].sum(axis=0)))
    return [whole, *(float(one) for one in np.percentile(drawn, [2.5, 97.5]))]


def report(result: Mapping[str, Any]) -> None:
    """Print the table of ``docs/smoothing.md``."""
    print(f'{result["data"]}, {result["frames"]} frames at {result["rate_hz"]:g} Hz')
    print(f'bundle {result["bundle"]}\n')
    print(
        '| setting | mean IoU % | gain, 95 % interval | flicker % | recall of road users % '
        '| drivable recall % | false drivable % | added ms |'
    )
    print('|---|---|---|---|---|---|---|---|')
    for name, one in result['settings'].items():
        whole, low, high = one['mean_iou_gain']
        change = '' if name == NONE else f'{whole:+.2f} ({low:+.2f} to {high:+.2f})'
        print(
            f'| {name} | {one["mean_iou"]:.2f} | {change} | {one["flicker"]:.2f} '
            f'| {one["road_user_recall"]:.2f} | {one["drivable_recall"]:.2f} '
            f'| {one["false_drivable"]:.3f} | {one["added_cpu_ms"]:.1f} |'
        )


if __name__ == '__main__':
    sys.exit(main())
