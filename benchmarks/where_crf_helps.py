# SPDX-License-Identifier: Apache-2.0
"""Where a dense CRF makes labels right, and where it makes them wrong.

For parts of the images that are said to matter (sharp edges, uniform surfaces, shadows ...), the
share of right labels before and after, over all frames; and for each of seven cases the window in
which the classic parameters gain or lose most, as a picture if asked.

    python benchmarks/where_crf_helps.py --data camvid:/data/camvid
    python benchmarks/where_crf_helps.py --bundle procedural --pictures docs/images
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
import json
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.crf.frames import CASES, read_frames
from measuring.crf.pictures import cut_out, draw_cases, Found, JUDGED
from measuring.crf.regions import gain, regions, spread_errors, strongest_window, WORDS
from measuring.crf.rivals import parameters_of
from measuring.machine import machine
from seg_node.bundle import open_bundle
from seg_node.crf import refine_labels
from seg_node.metrics import boundary_f1_of_image, count_pairs, mean_iou_of_set
from seg_node.progress import progress
from seg_node.taxonomy import load_taxonomy, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from measuring.crf.frames import Frame
    from seg_node.crf import CrfOptions

    UInt8Array = npt.NDArray[np.uint8]

CASE = CASES[0]
TAXONOMY = load_taxonomy(CASE.taxonomy)
NETWORK = 'network'
PAGES = {
    'crf_helps.jpg': 'Where a dense CRF helps',
    'crf_harms.jpg': 'Where a dense CRF harms',
}
HELPS = {
    'a sharp edge': 'sharp edge',
    'a uniform surface': 'uniform inside',
    'an uncertain border': 'uncertain border',
}
HARMS = {
    'a shadow': 'shadow',
    'a textured object': 'textured inside',
    'a thin object': 'thin class',
    'a systematic error': 'spread error',
}
"""Cases, and the region in which each is looked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the search and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    bundle = open_bundle(args.bundle)
    search = Search(parameters_of(bundle, TAXONOMY))
    frames = read_frames(CASE, args.data, args.bundle, args.frames)
    for frame in progress(frames, what='frames', total=args.frames, unit='frame'):
        search.add(frame)
    result = {
        'benchmark': 'where_crf_helps',
        'data': args.data.partition('/')[0],
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        **search.to_dict(),
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    if args.pictures:
        subtitle = f'{CASE.name}, bundle {result["bundle"]}, {result["data"]}'
        cases = search.cases()
        for (file, title), names in zip(PAGES.items(), (HELPS, HARMS), strict=True):
            found = {name: cases[name] for name in names if name in cases}
            if found:  # few frames may show none
                draw_cases(args.pictures / file, title, subtitle, found, TAXONOMY)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', default='procedural:60', help='for example camvid:/data/camvid')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--frames', type=int, default=101, help='at most')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--pictures', type=Path, help='draw the cases into this folder')
    return parser.parse_args(argv)


@dataclass(slots=True)
class Region:
    """Counts of pixels of one region over all frames.

    Attributes:
        pixels: Labelled pixels.
        right: Of them, right by the network, and by each set of parameters.
    """

    pixels: int = 0
    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Search:
    """Sums over frames, and the strongest window of each case."""

    def __init__(self, parameters: Mapping[str, CrfOptions]) -> None:
        """Start with no frame.

        Args:
            parameters: Sets of options by name.
        """
        self._found: dict[str, list[Found]] = defaultdict(list)
        self._parameters = parameters
        self._regions: dict[str, Region] = defaultdict(Region)
        self._counts: dict[str, Any] = defaultdict(int)
        self._boundaries: dict[str, list[float]] = defaultdict(list)
        self._frames = 0

    def add(self, frame: Frame) -> None:
        """Refine one frame with each set of parameters and count."""
        labels = {NETWORK: frame.probabilities.argmax(axis=0).astype(np.uint8)}
        for name, options in self._parameters.items():
            labels[name] = refine_labels(frame.probabilities, frame.image, options)
        masks = regions(frame, TAXONOMY)
        self._frames += 1
        for name, one in labels.items():
            self._counts[name] += count_pairs(frame.truth, one, len(TAXONOMY))
            self._boundaries[name].append(boundary_f1_of_image(frame.truth, one))
        masks['everywhere'] = frame.truth != UNLABELLED
        for name, mask in masks.items():
            self._regions[name].pixels += int(np.count_nonzero(mask))
            for who, one in labels.items():
                right = np.count_nonzero((one == frame.truth) & mask)
                self._regions[name].right[who] += int(right)
        self._look(frame, labels, masks)

    def _look(
        self, frame: Frame, labels: Mapping[str, UInt8Array], masks: Mapping[str, Any]
    ) -> None:
        """Remember the strongest window of each case."""
        changes = gain(frame.truth, labels[NETWORK], labels[JUDGED])
        places = {**masks, 'spread error': spread_errors(frame, labels[JUDGED])}
        for sign, names in ((1, HELPS), (-1, HARMS)):
            for name, region in names.items():
                window = strongest_window(changes, places[region], sign)
                found = cut_out(frame, labels, window, TAXONOMY)
                if sign * found.nets[JUDGED] > 0:  # the window as a whole tells the same
                    self._found[name].append(found)

    def cases(self) -> dict[str, Found]:
        """Return the clearest window of each case, no two of one frame."""
        used: set[str] = set()
        chosen = {}
        for name in (*HELPS, *HARMS):
            free = [one for one in self._found[name] if one.frame not in used]
            if free:
                chosen[name] = max(free, key=Found.clarity)
                used.add(chosen[name].frame)
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Return shares, scores and windows."""
        return {
            'frames': self._frames,
            'mean_iou': {
                name: 100 * mean_iou_of_set(counts) for name, counts in self._counts.items()
            },
            'boundary_f1': {
                name: 100 * float(np.nanmean(values)) for name, values in self._boundaries.items()
            },
            'regions': {
                name: {
                    'words': WORDS.get(name, 'all labelled pixels'),
                    'pixels': one.pixels,
                    'right_percent': {
                        who: 100 * right / max(one.pixels, 1) for who, right in one.right.items()
                    },
                }
                for name, one in self._regions.items()
            },
            'windows': {name: one.to_dict() for name, one in self.cases().items()},
        }


def report(result: Mapping[str, Any]) -> None:
    """Print the result for people."""
    print(f'{result["frames"]} frames of {result["data"]}, bundle {result["bundle"]}')
    for score in ('mean_iou', 'boundary_f1'):
        print(f'{score} [%]: ' + ', '.join(f'{k} {v:.2f}' for k, v in result[score].items()))
    names = list(result['mean_iou'])
    print(f'right labels [%]   {"pixels":>9s} ' + ' '.join(f'{name:>9s}' for name in names))
    for name, one in result['regions'].items():
        shares = ' '.join(f'{one["right_percent"][who]:9.2f}' for who in names)
        print(f'{name:18s} {one["pixels"]:9d} {shares}   {one["words"]}')
    for name, one in result['windows'].items():
        nets = ', '.join(f'{who} {net:+d}' for who, net in one['net_pixels'].items())
        print(f'{name:20s} {one["frame"]}, top {one["top"]}, left {one["left"]}: {nets}')


if __name__ == '__main__':
    sys.exit(main())
