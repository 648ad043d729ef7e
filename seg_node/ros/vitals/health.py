# SPDX-License-Identifier: Apache-2.0
"""What the node counts about itself. Free of ROS; used by two threads."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock
import time
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.pipeline import CrfDecision

__all__ = ['Health', 'HealthReport', 'Reason']

Reason = Literal[
    'superseded',
    'disabled',
    'unwatched',
    'stale',
    'late',
    'bad_image',
    'engine_error',
    'internal_error',
]
"""Why a frame did not become a mask: a newer one came before its turn; ``~/enable`` is off; nobody
subscribes to any output; older than ``max_age``; waited longer than ``deadline``; cannot be
decoded; inference failed; a bug."""

WINDOW_S = 5.0
"""Rates are those of the last so many seconds."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """One consistent reading.

    Attributes:
        received: Frames that arrived since the start.
        processed: Frames whose outputs were published.
        dropped: Frames that were not, by reason.
        input_rate: Frames that arrived per second [Hz].
        output_rate: Frames that were published per second [Hz].
        silent: Time since the last frame arrived [s]; None before the first.
        times: Time of each stage of the last processed frame [s].
        crf: Processed frames by what was decided about the CRF.
        crf_rate: Frames that the CRF refined per second [Hz].
        crf_time: What the CRF took on the last frame that it refined [s]; None before the first.
        last_error: Text of the last error; empty if there was none.
        failing: The same text if no frame has been processed since, else empty.
        crf_failing: Why the CRF failed on the last frame; empty if it did not.
    """

    received: int
    processed: int
    dropped: Mapping[str, int]
    input_rate: float
    output_rate: float
    silent: float | None
    times: Mapping[str, float]
    crf: Mapping[str, int]
    crf_rate: float
    crf_time: float | None
    last_error: str
    failing: str
    crf_failing: str


@dataclass(slots=True)
class Health:
    """Counts of one node since its start."""

    _lock: Lock = field(default_factory=Lock)
    _received: int = 0
    _processed: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _arrivals: deque[float] = field(default_factory=deque)
    _departures: deque[float] = field(default_factory=deque)
    _last_arrival: float | None = None
    _times: Mapping[str, float] = field(default_factory=dict)
    _crf: Counter[str] = field(default_factory=Counter)
    _refinements: deque[float] = field(default_factory=deque)
    _crf_time: float | None = None
    _last_error: str = ''
    _failing: bool = False
    _crf_failing: str = ''

    def received(self) -> None:
        """Count a frame that arrived."""
        with self._lock:
            self._received += 1
            self._last_arrival = time.monotonic()
            _note(self._arrivals, self._last_arrival)

    def dropped(self, reason: Reason) -> None:
        """Count a frame that will not become a mask."""
        with self._lock:
            self._dropped[reason] += 1

    def processed(
        self, times: Mapping[str, float], crf: CrfDecision = 'off', crf_error: str = ''
    ) -> None:
        """Count a frame whose outputs were published.

        Args:
            times: Of its stages [s].
            crf: What was decided about the CRF.
            crf_error: Why it failed; empty if it did not.
        """
        with self._lock:
            now = time.monotonic()
            self._processed += 1
            self._times = times
            self._failing = False
            _note(self._departures, now)
            self._crf[crf] += 1
            self._crf_failing = crf_error
            if crf_error:
                self._last_error = f'crf: {crf_error}'
            if crf == 'ran':
                self._crf_time = times['crf']
                _note(self._refinements, now)

    def error(self, text: str) -> None:
        """Remember an error for the diagnostics."""
        with self._lock:
            self._last_error = text
            self._failing = True

    def report(self) -> HealthReport:
        """Return the present state."""
        now = time.monotonic()
        with self._lock:
            return HealthReport(
                self._received,
                self._processed,
                dict(self._dropped),
                _rate(self._arrivals, now),
                _rate(self._departures, now),
                None if self._last_arrival is None else now - self._last_arrival,
                self._times,
                dict(self._crf),
                _rate(self._refinements, now),
                self._crf_time,
                self._last_error,
                self._last_error if self._failing else '',
                self._crf_failing,
            )


def _note(moments: deque[float], now: float) -> None:
    moments.append(now)
    while moments[0] < now - WINDOW_S:
        moments.popleft()


def _rate(moments: deque[float], now: float) -> float:
    """Return events per second over the window, or since the first event if that is shorter."""
    recent = [moment for moment in moments if moment >= now - WINDOW_S]
    if len(recent) < 2:  # noqa: PLR2004  # one event has no rate
        return 0.0
    return (len(recent) - 1) / max(now - recent[0], 1e-9)
