# SPDX-License-Identifier: Apache-2.0
"""The dense CRF against pydensecrf: same answer first, then time and memory.

Images come from a data set, probabilities from a bundle; both sides get the same arrays and return
labels. For each mode: how many of the labels that pydensecrf changes become the same, how many of
all are equal, the difference of the mean IoU, and for ``exact`` the largest difference of any
marginal; where that is above its bar, doubles say who is right (``measuring/crf/arbiter.py``).
Then all take turns on each frame, one thread each; a ratio is that of the median times on one
frame. Then two threads against one, peak memory in processes of their own, and the torch layer if
there is a GPU.
Where others use the machine, look at the ratios of processor times.

    python benchmarks/bench_crf.py --data camvid:/data/camvid --check

Without ``--data`` procedural scenes are used. Whole frames, from the camera's message to the
masks, are timed by ``bench_tutorial_node.py --crf``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import sys
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from crf_memory import peaks_mib
from crf_threads import can_use_two_threads, figures_of, two_threads
from crf_threads import words_of as words_of_threads
from measuring.crf.agreement import Agreement
from measuring.crf.bars import BARS, judge
from measuring.crf.frames import CASES, read_frames
from measuring.crf.rivals import computed_share, labels_of, marginals, MODES, PARAMETERS, REFERENCE
from measuring.machine import machine
from measuring.timing import alternate
from seg_node.bundle import open_bundle
from seg_node.crf import is_available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crf_threads import Threads
    from measuring.crf.frames import Case, Frame
    from measuring.crf.rivals import Float32Array
    from seg_node.crf import CrfOptions

FARTHEST = BARS['exact'].difference or 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    args = parse(argv)
    cv2.setNumThreads(1)
    result = measure(args)
    verdicts = judge(result)
    result['bars'] = [str(one) for one in verdicts]
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return int(args.check and not all(one.met for one in verdicts))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', default='procedural:20', help='for example camvid:/data/camvid')
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--frames', type=int, default=20, help='of each case')
    parser.add_argument('--rounds', type=int, default=3, help='for each frame')
    parser.add_argument('--case', choices=[case.name for case in CASES], help='only this one')
    parser.add_argument('--quick', action='store_true', help='one frame, one round')
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help='fail if a bar is missed')
    args = parser.parse_args(argv)
    if args.quick:
        args.frames = args.rounds = 1
    return args


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure every case."""
    bundle = open_bundle(args.bundle)
    result: dict[str, Any] = {
        'benchmark': 'crf',
        'data': args.data.partition('/')[0],
        'bundle': f'{bundle.manifest.name} {bundle.digest}',
        'frames': args.frames,
        'rounds': args.rounds,
        'cases': {},
        'gpu': {'not run': f'case {CASES[-1].name} was not asked for'},
        'machine': machine(),
    }
    for case in CASES:
        if args.case in {None, case.name}:
            result['cases'][case.name] = measure_case(case, args)
    if args.case in {None, CASES[-1].name}:
        # torch takes seconds to import and starts threads: last, and only where it is needed
        from measuring.crf.gpu import measure_gpu  # noqa: PLC0415

        frame = next(read_frames(CASES[-1], args.data, args.bundle, 1))
        result['gpu'] = measure_gpu(frame, CASES[-1].name, PARAMETERS['classic'])
    return result


def measure_case(case: Case, args: argparse.Namespace) -> dict[str, Any]:
    """Measure agreement, time and memory at one size."""
    found = {name: Meeting(name, options) for name, options in PARAMETERS.items()}
    threads: list[Threads] = []
    peaks: dict[str, float] = {}
    for frame in read_frames(case, args.data, args.bundle, args.frames):
        for meeting in found.values():
            meeting.add(frame, args.rounds)
        if can_use_two_threads():
            threads.append(two_threads(frame, args.rounds))
        peaks = peaks or peaks_mib(frame, [REFERENCE, *modes()])
    return {
        **{name: meeting.to_dict() for name, meeting in found.items()},
        'two_threads': figures_of(threads) if threads else {'not run': 'no second core'},
        'peak_mib': peaks,
    }


class Meeting:
    """Reference and modes on the same frames with the same parameters."""

    def __init__(self, name: str, options: CrfOptions) -> None:
        """Start with no frame.

        Args:
            name: Of the parameters.
            options: The parameters.
        """
        self._marginals = name == 'classic'
        self._options = options
        self._agreements: dict[str, Agreement] = {}
        self._apart: dict[str, float] = {}
        self._cases: list[tuple[Frame, Float32Array, Float32Array]] = []
        self._computed: dict[str, list[float]] = {name: [] for name in modes()}
        names = (REFERENCE, *modes())
        self._times: dict[str, list[dict[str, float]]] = {name: [] for name in names}

    def add(self, frame: Frame, rounds: int) -> None:
        """Compare the answers to a frame, then time them in turns."""
        reference = marginals(REFERENCE, frame, self._options)
        labels = reference.argmax(axis=0).astype(np.uint8)
        for mode in modes():
            agreement = self._agreements.setdefault(mode, Agreement(len(reference)))
            agreement.add(frame, labels, labels_of(mode, frame, self._options)())
            self._computed[mode].append(computed_share(mode, frame, self._options))
        if self._marginals and 'exact' in modes():
            exact = marginals('exact', frame, self._options)
            self._apart[frame.name] = float(np.abs(exact - reference).max())
            if self._apart[frame.name] > FARTHEST:
                self._cases.append((frame, reference, exact))
        rivals = {name: labels_of(name, frame, self._options) for name in self._times}
        for name, sample in alternate(rivals, rounds).items():
            self._times[name].append(sample.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of all frames."""
        rivals: dict[str, dict[str, Any]] = {}
        for mode, agreement in self._agreements.items():
            rivals[mode] = {
                **agreement.to_dict(),
                'computed_share': statistics.mean(self._computed[mode]),
                'ratio': self._ratio(mode, 'median_ms'),
                'cpu_ratio': self._ratio(mode, 'cpu_median_ms'),
                **self._milliseconds(mode),
            }
        if self._marginals and 'exact' in rivals:
            rivals['exact'].update(self._differences())
        return {REFERENCE: self._milliseconds(REFERENCE), 'rivals': rivals}

    def _differences(self) -> dict[str, Any]:
        """Return the largest differences of marginals: to pydensecrf, and to who is right."""
        judged = {}
        if self._cases:
            from measuring.crf.arbiter import judged_by_doubles  # noqa: PLC0415 - torch, as below

            judged = {
                frame.name: judged_by_doubles(frame, self._options, reference, exact)
                for frame, reference, exact in self._cases
            }
        right = {name: one['exact_to_gaussian'] for name, one in judged.items()}
        return {
            'largest_difference': max({**self._apart, **right}.values()),
            'largest_difference_to_pydensecrf': max(self._apart.values()),
            'judged_by_doubles': judged,
        }

    def _milliseconds(self, name: str) -> dict[str, dict[str, float]]:
        """Return the times of one of them, by the clock and of the processor."""
        times = self._times[name]
        return {
            'ms': spread_of([one['median_ms'] for one in times]),
            'cpu_ms': spread_of([one['cpu_median_ms'] for one in times]),
        }

    def _ratio(self, mode: str, key: str) -> dict[str, float]:
        """Return the times of the reference over those of a mode."""
        pairs = zip(self._times[REFERENCE], self._times[mode], strict=True)
        return spread_of([reference[key] / one[key] for reference, one in pairs])


def modes() -> tuple[str, ...]:
    """Return the modes that can run: all, or none where the extension is not built."""
    return MODES if is_available('native') else ()


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and largest of the frames."""
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values)}


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(f'{result["frames"]} frames of {result["data"]}, bundle {result["bundle"]}')
    for name, case in result['cases'].items():
        for parameters in PARAMETERS:
            report_meeting(f'{name}, {parameters}', case[parameters])
        print(f'peak memory [MiB]: {words(case["peak_mib"])}')
        threads = case['two_threads']
        print(f'two threads, balanced: {threads.get("not run") or words_of_threads(threads)}')
    print(f'GPU: {words(result["gpu"])}')
    print(*result['bars'], sep='\n')
    print(words(result['machine']))


def report_meeting(title: str, found: dict[str, Any]) -> None:
    """Print the table of one size and one set of parameters."""
    print(f'\n{title}: pydensecrf {words_of_times(found[REFERENCE])}')
    for mode, one in found['rivals'].items():
        apart = one.get('largest_difference')
        print(
            f'{mode:9s} same new label {one["same_new_label"]:.2%} (worst frame '
            f'{one["same_new_label_worst_frame"]:.2%}) of the {one["changed_share"]:.2%} that '
            f'change, labels equal {one["labels_equal"]:.3%}, mean IoU '
            f'{one["mean_iou_network"]:.2f} -> {one["mean_iou"]:.2f} (pydensecrf '
            f'{one["mean_iou_reference"]:.2f})'
            + (f', max |dQ| {apart:.4f}' if apart is not None else '')
        )
        for name, figures in one.get('judged_by_doubles', {}).items():
            print(f'{"":9s} {name} in doubles: {words(figures)}')
        print(
            f'{"":9s} {words_of_times(one)}, ratio {words_of(one["ratio"])}, of processor times '
            f'{words_of(one["cpu_ratio"])}'
        )
        print(f'{"":9s} the last update on {one["computed_share"]:.1%} of the pixels')


def words_of_times(found: dict[str, Any]) -> str:
    """Return times by the clock and of the processor as words."""
    return f'{words_of(found["ms"])} ms, of the processor {words_of(found["cpu_ms"])}'


def words_of(spread: dict[str, float]) -> str:
    """Return median and range as words."""
    return f'{spread["median"]:.1f} [{spread["min"]:.1f}..{spread["max"]:.1f}]'


def words(facts: dict[str, Any]) -> str:
    """Return facts as one line."""
    return ', '.join(
        f'{key} {value:.3g}' if isinstance(value, float) else f'{key} {value}'
        for key, value in facts.items()
    )


if __name__ == '__main__':
    sys.exit(main())
