# SPDX-License-Identifier: Apache-2.0
"""One parameter of a dense CRF after the other: what it does to mean IoU and boundary F1.

Every other value stays as in the set it starts from. Scores are differences to the network's own,
with counts summed over all frames.

    python benchmarks/sweep_crf.py --data camvid:/data/camvid --around mild
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from measuring.crf.frames import CASES, read_frames
from measuring.crf.rivals import PARAMETERS
from measuring.machine import machine
from seg_node.bundle import open_bundle
from seg_node.crf import from_plain, refine_labels, to_plain
from seg_node.metrics import boundary_f1_of_image, count_pairs, global_accuracy, mean_iou_of_set
from seg_node.progress import progress
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.crf import CrfOptions

CASE = CASES[0]
CLASSES = len(load_taxonomy(CASE.taxonomy))
NETWORK = 'network'
VALUES: dict[str, tuple[float, ...]] = {
    'bilateral sxy': (5, 10, 20, 40, 80, 160),
    'bilateral srgb': (3, 5, 8, 13, 20, 40),
    'bilateral compat': (1, 2, 4, 7, 10, 20),
    'gaussian sxy': (1, 2, 3, 5),
    'gaussian compat': (0, 1, 3, 5),
    'iterations': (1, 2, 3, 5, 10, 20),
    'clip': (1e-8, 1e-5, 1e-3),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    bundle = open_bundle(args.bundle)
    result = {
        'benchmark': 'sweep_crf',
        'data': args.data.partition('/')[0],
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'around': args.around,
        **measure(args),
        'machine': machine(),
    }
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', default='procedural:20', help='for example camvid:/data/camvid')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--frames', type=int, default=34, help='at most')
    parser.add_argument('--around', choices=sorted(PARAMETERS), default='mild')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Return the scores of the network, and the differences that each value makes."""
    settings = settings_around(PARAMETERS[args.around])
    scores = {name: Scores() for name in (NETWORK, *settings)}
    frames = read_frames(CASE, args.data, args.bundle, args.frames)
    for frame in progress(frames, what='frames', total=args.frames, unit='frame'):
        scores[NETWORK].add(frame.truth, frame.probabilities.argmax(axis=0).astype(np.uint8))
        for name, options in settings.items():
            labels = refine_labels(frame.probabilities, frame.image, options)
            scores[name].add(frame.truth, labels)
    network = scores[NETWORK].to_dict()
    differences = {
        name: {key: value - network[key] for key, value in scores[name].to_dict().items()}
        for name in settings
    }
    return {'frames': scores[NETWORK].frames, NETWORK: network, 'differences': differences}


def settings_around(base: CrfOptions) -> dict[str, CrfOptions]:
    """Return the set itself, and those that differ from it in one value."""
    settings = {'as it is': base}
    for what, values in VALUES.items():
        for value in values:
            changed = with_value(base, what, value)
            if changed != base:
                settings[f'{what} {value:g}'] = changed
    return settings


def with_value(base: CrfOptions, what: str, value: float) -> CrfOptions:
    """Return a set with one value changed."""
    plain = to_plain(base)
    kind, _, name = what.partition(' ')
    if not name:
        return from_plain({**plain, kind: value})
    for kernel in plain['kernels']:
        if kernel['kind'] == kind:
            kernel[name] = float(value)
    return from_plain(plain)


class Scores:
    """Counts over frames.

    Attributes:
        frames: Seen so far.
    """

    def __init__(self) -> None:
        """Start with no frame."""
        self.frames = 0
        self._counts: Any = 0
        self._boundaries: list[float] = []

    def add(self, truth: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> None:
        """Take in one frame."""
        self.frames += 1
        self._counts = self._counts + count_pairs(truth, labels, CLASSES)
        self._boundaries.append(boundary_f1_of_image(truth, labels))

    def to_dict(self) -> dict[str, float]:
        """Return the scores [%]."""
        return {
            'mean_iou': 100 * mean_iou_of_set(self._counts),
            'boundary_f1': 100 * float(np.nanmean(self._boundaries)),
            'accuracy': 100 * global_accuracy(self._counts),
        }


def report(result: dict[str, Any]) -> None:
    """Print the table for people."""
    print(f'{result["frames"]} frames of {result["data"]}, bundle {result["bundle"]}')
    print(
        'network: ' + ', '.join(f'{key} {value:.2f} %' for key, value in result[NETWORK].items())
    )
    print(f'{"around " + result["around"]:22s}  mean IoU  boundary F1  accuracy  (points)')
    for name, one in result['differences'].items():
        values = (one['mean_iou'], one['boundary_f1'], one['accuracy'])
        print(f'{name:22s} ' + ' '.join(f'{value:+10.2f}' for value in values))


if __name__ == '__main__':
    sys.exit(main())
