# SPDX-License-Identifier: Apache-2.0
"""One run of a subject, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ['Run', 'percentile']


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the frames that were sent.

    Attributes:
        sent: Frames of all cameras [count].
        latencies: Of the answered frames, from sending to the last output [s].
        span: From the first frame to the last answer [s].
        cpu: Processor time of the measured process meanwhile [s].
        late: The most that a frame was sent later than it was due [s].
    """

    sent: int
    latencies: tuple[float, ...]
    span: float
    cpu: float
    late: float = 0.0

    @classmethod
    def of(cls, played: Mapping[str, Any], cpu: float) -> Run:
        """Return the run that an event ``played`` tells of."""
        latencies = tuple(played['latencies_s'])
        return cls(played['sent'], latencies, played['span_s'], cpu, played['late_s'])

    @property
    def lost(self) -> float:
        """Share of the frames that were not answered, 0 to 1."""
        return 1.0 - len(self.latencies) / self.sent

    @property
    def rate(self) -> float:
        """Answered frames per second, of all cameras [Hz]."""
        return len(self.latencies) / self.span

    def to_dict(self) -> dict[str, float]:
        """Return figures in ms and percent; without latencies where nothing was answered."""
        found = {
            'sent': self.sent,
            'lost_percent': 100.0 * self.lost,
            'late_ms': 1e3 * self.late,
        }
        if not self.latencies:
            return found
        shares = {'p50': 0.5, 'p95': 0.95, 'p99': 0.99}
        times = {name: 1e3 * percentile(self.latencies, p) for name, p in shares.items()}
        return {**found, **times, 'cpu': 1e3 * self.cpu / len(self.latencies), 'rate': self.rate}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
