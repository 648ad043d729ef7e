# SPDX-License-Identifier: Apache-2.0
"""What the node counts about itself. Free of ROS; used by two threads."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock
import time
from typing import Literal, TYPE_CHECKING

from .percentiles import StageTimes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.pipeline import CrfDecision

    from .percentiles import Spread

__all__ = ['Health', 'HealthReport', 'Reason']

Reason = Literal[
    'superseded',
    'disabled',
    'inactive',
    'unwatched',
    'stale',
    'late',
    'bad_image',
    'engine_error',
    'internal_error',
]
"""Why a frame did not become a mask: a newer one came before its turn; ``~/enable`` is off; the
node was deactivated before its turn; nobody subscribes to any output; older than ``max_age``;
waited longer than ``deadline``; cannot be decoded; inference failed; a bug."""

WINDOW_S = 5.0
"""Rates are those of the last so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """One consistent reading.

    Attributes:
        received: Frames that arrived since the start.
        processed: Frames whose outputs were published.
        dropped: Frames that were not, by reason.
        input_rate: Frames that arrived per second [Hz].
        output_rate: Frames that were published per second [Hz].
        silent: Time since the last frame arrived [s]; None before the first of a subscription.
        quiet: The same, or the time since the subscription before its first frame [s]; None
            without a subscription.
        masked: Time since the last frame was published [s]; None before the first.
        dropped_since: Frames dropped since then, by reason.
        age: From the stamp of the last processed frame to its publication [s]; None if it had no
            stamp, or before the first.
        times: Time of each stage of the last processed frame [s].
        spreads: Percentiles of these times and of the age (``'stamp_to_publish'``) over the last
            frames [s].
        crf: Processed frames by what was decided about the CRF.
        crf_rate: Frames that the CRF refined per second [Hz].
        crf_time: What the CRF took on the last frame that it refined [s]; None before the first.
        mismatches: Policy and count of endpoints that do not match ours, by topic.
        overruns: Frames that the watchdog found taking too long.
        last_error: Text of the last error; empty if there was none.
        failing: The same text if nothing has gone well since, else empty.
        crf_failing: Why the CRF failed on the last frame; empty if it did not.
    """

    received: int
    processed: int
    dropped: Mapping[str, int]
    input_rate: float
    output_rate: float
    silent: float | None
    quiet: float | None
    masked: float | None
    dropped_since: Mapping[str, int]
    age: float | None
    times: Mapping[str, float]
    spreads: Mapping[str, Spread]
    crf: Mapping[str, int]
    crf_rate: float
    crf_time: float | None
    mismatches: Mapping[str, str]
    overruns: int
    last_error: str
    failing: str
    crf_failing: str


@dataclass(slots=True)
class Health:
    """Counts of one camera, or of the node as a whole, since the start of the process."""

    _lock: Lock = field(default_factory=Lock)
    _received: int = 0
    _processed: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _arrivals: deque[float] = field(default_factory=deque)
    _departures: deque[float] = field(default_factory=deque)
    _subscribed: float | None = None
    _last_arrival: float | None = None
    _last_departure: float | None = None
    _dropped_since: Counter[str] = field(default_factory=Counter)
    _age: float | None = None
    _times: Mapping[str, float] = field(default_factory=dict)
    _stages: StageTimes = field(default_factory=StageTimes)
    _crf: Counter[str] = field(default_factory=Counter)
    _refinements: deque[float] = field(default_factory=deque)
    _crf_time: float | None = None
    _mismatches: dict[str, str] = field(default_factory=dict)
    _overruns: int = 0
    _last_error: str = ''
    _failing: bool = False
    _crf_failing: str = ''

    def subscribed(self) -> None:
        """From now on frames are expected; what was before is not held against those to come."""
        with self._lock:
            self._subscribed = time.monotonic()
            self._last_arrival = None
            self._dropped_since.clear()
            self._failing = False

    def unsubscribed(self) -> None:
        """From now on no frames are expected."""
        with self._lock:
            self._subscribed = None
            self._failing = False

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
            self._dropped_since[reason] += 1

    def processed(
        self,
        times: Mapping[str, float],
        crf: CrfDecision = 'off',
        crf_error: str = '',
        age: float | None = None,
    ) -> None:
        """Count a frame whose outputs were published.

        Args:
            times: Of its stages [s].
            crf: What was decided about the CRF.
            crf_error: Why it failed; empty if it did not.
            age: From its stamp to its publication [s]; None if it has no stamp.
        """
        with self._lock:
            now = time.monotonic()
            self._processed += 1
            self._times = times
            self._age = age
            self._stages.add(times if age is None else {**times, 'stamp_to_publish': age})
            self._failing = False
            self._last_departure = now
            self._dropped_since.clear()
            _note(self._departures, now)
            self._crf[crf] += 1
            self._crf_failing = crf_error
            if crf_error:
                self._last_error = f'crf: {crf_error}'
            if crf == 'ran':
                self._crf_time = times['crf']
                _note(self._refinements, now)

    def mismatch(self, topic: str, policy: str, count: int) -> None:
        """Remember how many endpoints did not match ours on a topic, and why the last did not."""
        with self._lock:
            self._mismatches[topic] = f'{policy} ({count})'

    def overrun(self) -> None:
        """Count a frame that takes too long."""
        with self._lock:
            self._overruns += 1

    def error(self, text: str) -> None:
        """Remember an error; it counts as present until something goes well."""
        with self._lock:
            self._last_error = text
            self._failing = True

    def recovered(self) -> None:
        """The last error is over; its text is kept."""
        with self._lock:
            self._failing = False

    def report(self) -> HealthReport:
        """Return the present state."""
        now = time.monotonic()
        with self._lock:
            return HealthReport(
                received=self._received,
                processed=self._processed,
                dropped=dict(self._dropped),
                input_rate=_rate(self._arrivals, now),
                output_rate=_rate(self._departures, now),
                silent=_since(self._last_arrival, now),
                quiet=self._quiet(now),
                masked=_since(self._last_departure, now),
                dropped_since=dict(self._dropped_since),
                age=self._age,
                times=self._times,
                spreads=self._stages.spreads(),
                crf=dict(self._crf),
                crf_rate=_rate(self._refinements, now),
                crf_time=self._crf_time,
                mismatches=dict(self._mismatches),
                overruns=self._overruns,
                last_error=self._last_error,
                failing=self._last_error if self._failing else '',
                crf_failing=self._crf_failing,
            )

    def _quiet(self, now: float) -> float | None:
        """Return for how long no frame came although one was expected [s]."""
        if self._subscribed is None:
            return None
        return _since(self._last_arrival or self._subscribed, now)


def _since(moment: float | None, now: float) -> float | None:
    return None if moment is None else now - moment


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
