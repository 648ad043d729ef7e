# SPDX-License-Identifier: Apache-2.0
"""What the dense CRF has to reach, and what it missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

from crf_threads import SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ['BARS', 'Bar', 'Verdict', 'judge']


@dataclass(frozen=True, slots=True)
class Bar:
    """What one mode has to reach with the classic parameters on one thread.

    Attributes:
        same_new_label: Of the pixels whose label pydensecrf changes, the least share that gets the
            same new label.
        labels_equal: Least share of equal labels.
        speed: Least median of the times of pydensecrf over ours, by case.
        iou: Largest difference of the mean IoU to that of pydensecrf [points]; None for no bar.
        difference: Largest difference of any marginal to pydensecrf; on frames with a larger one,
            to the same mathematics in doubles, from which pydensecrf is then as far. None for no
            bar.
    """

    same_new_label: float
    labels_equal: float
    speed: Mapping[str, float]
    iou: float | None = None
    difference: float | None = None


BARS = {
    'exact': Bar(0.99, 0.999, {'480x360x11': 3.3, '1024x512x19': 4.0}, 0.2, 0.1),
    'balanced': Bar(0.93, 0.993, {'480x360x11': 12.0, '1024x512x19': 15.0}, 0.2),
    'fast': Bar(0.85, 0.988, {'480x360x11': 25.0, '1024x512x19': 25.0}),
}
MILD_SPEED = 8.0
MEMORY = 0.25
GPU_MS = {'exact': 5.0, 'balanced': 2.0}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bar.

    Attributes:
        what: In words.
        measured: The figure; None where it could not be measured.
        bar: What it has to reach.
        least: Whether the bar is the least that will do, or the most.
    """

    what: str
    measured: float | None
    bar: float
    least: bool = True

    @property
    def met(self) -> bool:
        """Whether the bar is reached."""
        if self.measured is None:
            return False
        return self.measured >= self.bar if self.least else self.measured <= self.bar

    def __str__(self) -> str:
        """Return a line for people."""
        word = 'met   ' if self.met else 'MISSED'
        measured = 'nothing' if self.measured is None else f'{self.measured:.4g}'
        sign = '>=' if self.least else '<='
        return f'{word} {self.what}: {measured} (bar {sign} {self.bar:g})'


def judge(result: Mapping[str, Any]) -> list[Verdict]:
    """Return a verdict for each bar that the parts of a result can be held against."""
    verdicts: list[Verdict] = []
    for name, case in result['cases'].items():
        classic = case['classic']['rivals']
        for mode, bar in BARS.items():
            verdicts += _of_mode(f'{name} {mode}', name, bar, classic.get(mode, {}))
        mild = case['mild']['rivals'].get('balanced', {})
        verdicts.append(Verdict(f'{name} balanced, mild: speed', _speed(mild), MILD_SPEED))
        verdicts += _of_case(name, case)
    return [*verdicts, *_of_gpu(result['gpu'])]


def _of_mode(what: str, case: str, bar: Bar, figures: Mapping[str, Any]) -> Iterator[Verdict]:
    same = figures.get('same_new_label')
    yield Verdict(f'{what}: same new label', same, bar.same_new_label)
    yield Verdict(f'{what}: labels equal', figures.get('labels_equal'), bar.labels_equal)
    yield Verdict(f'{what}: speed', _speed(figures), bar.speed[case])
    if bar.iou is not None:
        apart = figures.get('mean_iou_difference')
        measured = None if apart is None else abs(apart)
        yield Verdict(f'{what}: |mean IoU - that of pydensecrf|', measured, bar.iou, least=False)
    if bar.difference is not None:
        largest = figures.get('largest_difference')
        yield Verdict(f'{what}: max |dQ|', largest, bar.difference, least=False)


def _of_case(name: str, case: Mapping[str, Any]) -> Iterator[Verdict]:
    threads = case['two_threads']
    if 'not run' not in threads:
        what = f'{name} balanced: two threads, share of what two frames at once gain'
        yield Verdict(what, threads['share']['median'], SHARE)
    memory = case['peak_mib']
    ours, theirs = memory.get('balanced'), memory['pydensecrf']
    share = None if ours is None else ours / theirs
    yield Verdict(f'{name} balanced: share of memory', share, MEMORY, least=False)


def _of_gpu(gpu: Mapping[str, Any]) -> Iterator[Verdict]:
    if 'not run' in gpu:
        return
    for mode, milliseconds in GPU_MS.items():
        what = f'{gpu["case"]} {mode} on {gpu["device"]}'
        yield Verdict(f'{what}: ms', gpu['median_ms'], milliseconds, least=False)
        yield Verdict(f'{what}: same new label', gpu['same_new_label'], BARS[mode].same_new_label)
        yield Verdict(f'{what}: labels equal', gpu['labels_equal'], BARS[mode].labels_equal)


def _speed(figures: Mapping[str, Any]) -> float | None:
    ratio = figures.get('ratio')
    return None if ratio is None else float(ratio['median'])
