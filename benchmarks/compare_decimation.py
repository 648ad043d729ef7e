# SPDX-License-Identifier: Apache-2.0
"""What a decimated mask loses by each rule, on labels from people.

For each rule and factor: how many connected regions of thin things (poles, signs), people and
vehicles have no pixel left; how many pixels have a label other than the pixel has whose depth they
are paired with in a costmap; and the processor time for a mask.

    SEG_NODE_CAMVID=/data/camvid python benchmarks/compare_decimation.py
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets import open_dataset, spread
from seg_node.imaging.decimation import decimate, decimate_labels, obstacle_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Rule = Callable[[UInt8Array, int], UInt8Array]

SMALL_THINGS = ('thin', 'object')


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    camvid = os.environ.get('SEG_NODE_CAMVID')
    parser.add_argument('--data', default=f'camvid:{camvid}' if camvid else 'procedural')
    parser.add_argument('--frames', type=int, default=50)
    parser.add_argument('--factors', type=int, nargs='+', default=[2, 3, 4])
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    data = spread(open_dataset(args.data), args.frames)
    masks = [data[index].labels for index in range(len(data))]
    height, width = masks[0].shape
    print(f'{args.data.partition(":")[0]}, {len(masks)} frames of {width} x {height}')
    print('| factor | rule | regions lost | labels of another pixel | ms per mask |')
    print('|---|---|---|---|---|')
    for factor in args.factors:
        for name, rule in rules(data.taxonomy).items():
            lost, moved, seconds = judged(masks, data.taxonomy, rule, factor)
            print(f'| {factor} | {name} | {lost:.1%} | {moved:.1%} | {1e3 * seconds:.2f} |')
    return 0


def rules(taxonomy: Taxonomy) -> dict[str, Rule]:
    """Return the rules by name."""
    order = obstacle_order(taxonomy)
    return {
        'nearest': decimate,
        'majority': lambda labels, factor: majority(labels, factor, len(taxonomy)),
        'obstacle': lambda labels, factor: decimate_labels(labels, None, factor, order)[0],
    }


def majority(labels: UInt8Array, factor: int, classes: int) -> UInt8Array:
    """Return the most frequent label of the window around each pixel that stays."""
    side = 2 * (factor // 2) + 1
    ids = [*range(classes), 255]
    shares = [_decimated_share(labels == one, side, factor) for one in ids]
    winners: UInt8Array = np.array(ids, np.uint8)[np.argmax(shares, axis=0)]
    return winners


def _decimated_share(here: npt.NDArray[np.bool_], side: int, factor: int) -> UInt8Array:
    share = cv2.boxFilter(here.view(np.uint8) * np.uint8(200), -1, (side, side))
    return decimate(cast('UInt8Array', share), factor)


def judged(
    masks: Sequence[UInt8Array], taxonomy: Taxonomy, rule: Rule, factor: int
) -> tuple[float, float, float]:
    """Return shares of regions lost and of labels moved, and the median time [s]."""
    lost: list[bool] = []
    moved, times = [], []
    for labels in masks:
        begun = time.process_time()
        small = rule(labels, factor)
        times.append(time.process_time() - begun)
        moved.append(float(np.mean(small != decimate(labels, factor))))
        lost += regions_lost(labels, small, taxonomy, factor)
    return float(np.mean(lost)), float(np.mean(moved)), float(np.median(times))


def regions_lost(
    labels: UInt8Array, small: UInt8Array, taxonomy: Taxonomy, factor: int
) -> Iterator[bool]:
    """Yield for each region of a small thing whether no pixel around it has its class."""
    window = np.ones((2 * (factor // 2) + 1,) * 2, np.uint8)
    for index, kind in enumerate(taxonomy.kinds):
        if kind not in SMALL_THINGS:
            continue
        count, regions = cv2.connectedComponents((labels == index).astype(np.uint8))
        for number in range(1, count):
            region = (regions == number).astype(np.uint8)
            near = decimate(cast('UInt8Array', cv2.dilate(region, window)), factor)
            yield not bool(np.any(small[near > 0] == index))


if __name__ == '__main__':
    sys.exit(main())
