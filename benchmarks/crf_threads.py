# SPDX-License-Identifier: Apache-2.0
"""What a second thread is worth to the dense CRF, and what a second core is worth here at all.

Two frames at once, each in a thread of its own, show what two threads would gain that never wait
for each other: twice as much where cores share nothing, less where they share caches, clock or
arithmetic, as those of a virtual machine often do. The bar is 1.7 of such 2.

    python benchmarks/crf_threads.py --data camvid:/data/camvid --check
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
import statistics
import sys
from typing import TYPE_CHECKING

import cv2

from measuring.crf.frames import CASES, read_frames
from measuring.crf.rivals import labels_of, PARAMETERS
from measuring.timing import alternate
from seg_node.crf import is_available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measuring.crf.frames import Frame

__all__ = ['SHARE', 'Threads', 'can_use_two_threads', 'figures_of', 'two_threads', 'words_of']

ONE, TWO, COPIES = 'balanced', 'balanced, 2 threads', 'two frames at once'
SHARE = 1.7 / 2


@dataclass(frozen=True, slots=True)
class Threads:
    """What a second core is worth on one frame.

    Attributes:
        ratio: Time of one thread over that of two.
        copies: Twice the time of one thread over that of two frames at once.
    """

    ratio: float
    copies: float


def can_use_two_threads() -> bool:
    """Return whether there is something to run a second thread on."""
    return is_available('native') and len(os.sched_getaffinity(0)) > 1


def two_threads(frame: Frame, rounds: int) -> Threads:
    """Measure one thread, two, and two frames at once, in turns."""
    options = PARAMETERS['classic']
    one = labels_of(ONE, frame, options)
    with ThreadPoolExecutor(2) as pool:
        samples = alternate(
            {
                ONE: one,
                TWO: labels_of(TWO, frame, options),
                COPIES: lambda: list(pool.map(lambda work: work(), [one, one])),
            },
            rounds,
        )
    times = {name: sample.to_dict()['median_ms'] for name, sample in samples.items()}
    return Threads(times[ONE] / times[TWO], 2 * times[ONE] / times[COPIES])


def figures_of(threads: Sequence[Threads]) -> dict[str, dict[str, float]]:
    """Return median, least and largest of all frames.

    Returns:
        ``ratio`` and ``copies`` as in ``Threads``, and ``share``, the one of the other.
    """
    found = {
        'ratio': [one.ratio for one in threads],
        'copies': [one.copies for one in threads],
        'share': [one.ratio / one.copies for one in threads],
    }
    return {
        name: {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
        for name, values in found.items()
    }


def words_of(figures: dict[str, dict[str, float]]) -> str:
    """Return the figures as a line."""
    spread = {
        name: f'{one["median"]:.2f} [{one["min"]:.2f}..{one["max"]:.2f}]'
        for name, one in figures.items()
    }
    return (
        f'{spread["ratio"]} times as fast as one; two frames at once {spread["copies"]}; share of '
        f'that {spread["share"]}'
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', default='procedural:20', help='for example camvid:/data/camvid')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--frames', type=int, default=10, help='of each case')
    parser.add_argument('--rounds', type=int, default=9, help='for each frame')
    parser.add_argument('--check', action='store_true', help='fail if the bar is missed')
    args = parser.parse_args(argv)
    if not can_use_two_threads():
        print('There is no second core, or the extension is not built: nothing was measured.')
        return int(args.check)
    cv2.setNumThreads(1)
    shares = []
    for case in CASES:
        frames = read_frames(case, args.data, args.bundle, args.frames)
        figures = figures_of([two_threads(frame, args.rounds) for frame in frames])
        print(f'{case.name}: {words_of(figures)} (bar {SHARE:.2f})')
        shares.append(figures['share']['median'])
    return int(args.check and min(shares) < SHARE)


if __name__ == '__main__':
    sys.exit(main())
