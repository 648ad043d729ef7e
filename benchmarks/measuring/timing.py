# SPDX-License-Identifier: Apache-2.0
"""Time rivals alternately, so that what else the machine does meets them all alike."""

from __future__ import annotations

from dataclasses import dataclass, field
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ['Sample', 'alternate']


@dataclass(slots=True)
class Sample:
    """Times of one rival [s], one per round.

    Attributes:
        wall: By the clock.
        cpu: Processor time of the whole process; its best is what a busy machine disturbs least.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, float]:
        """Return median, 95th percentile and best [ms], by the clock and of processor time."""
        ordered = sorted(self.wall)
        return {
            'median_ms': 1e3 * statistics.median(ordered),
            'p95_ms': 1e3 * ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)],
            'best_ms': 1e3 * ordered[0],
            'cpu_median_ms': 1e3 * statistics.median(self.cpu),
            'cpu_best_ms': 1e3 * min(self.cpu),
        }


def alternate(rivals: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Sample]:
    """Call each rival once to warm up, then all of them in turn, ``rounds`` times."""
    for run in rivals.values():
        run()
    samples = {name: Sample() for name in rivals}
    for _ in range(rounds):
        for name, run in rivals.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            samples[name].cpu.append(time.process_time() - cpu)
            samples[name].wall.append(time.perf_counter() - wall)
    return samples
