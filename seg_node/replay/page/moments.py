# SPDX-License-Identifier: Apache-2.0
"""Which frames of a replay are worth a look: the worst ones, from different moments."""

from __future__ import annotations

from dataclasses import dataclass
import heapq
from typing import Literal, TYPE_CHECKING

from .timeline import frame_mean_iou

if TYPE_CHECKING:
    from seg_node.replay.record import FrameRecord

__all__ = ['Chooser', 'Moment']

Kind = Literal['mean_iou', 'flicker', 'entropy']

KEPT = 60  # candidates of each kind: neighbours in time are all alike
APART_NS = 1_000_000_000
WITH_TRUTH: dict[Kind, int] = {'mean_iou': 5, 'flicker': 2}
WITHOUT_TRUTH: dict[Kind, int] = {'flicker': 4, 'entropy': 3}


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame to look at.

    Attributes:
        kind: What is bad about it.
        value: How bad, 0 to 1: mean IoU, share of pixels, mean entropy.
        record: The frame.
        before: The frame before it of the same camera; None for the first.
    """

    kind: Kind
    value: float
    record: FrameRecord
    before: FrameRecord | None


class Chooser:
    """Takes all frames of a replay and keeps the worst."""

    def __init__(self, classes: int | None) -> None:
        """Start with none.

        Args:
            classes: Number of classes of their confusion; None without truth.
        """
        self._classes = classes
        self._heaps: dict[Kind, list[tuple[float, int, Moment]]] = {
            'mean_iou': [],
            'flicker': [],
            'entropy': [],
        }
        self._last: dict[tuple[str, str], FrameRecord] = {}
        self._seen = 0

    def add(self, record: FrameRecord) -> None:
        """Take a frame; those of a camera come in order."""
        if record.error is not None:
            return
        camera = (record.bag, record.topic)
        before = self._last.get(camera)
        self._last[camera] = record
        self._seen += 1
        score = frame_mean_iou(record, self._classes)
        self._keep('mean_iou', score, record, before, badness=None if score is None else 1 - score)
        self._keep('flicker', record.flicker, record, before, badness=record.flicker)
        self._keep('entropy', record.entropy, record, before, badness=record.entropy)

    def _keep(
        self,
        kind: Kind,
        value: float | None,
        record: FrameRecord,
        before: FrameRecord | None,
        *,
        badness: float | None,
    ) -> None:
        if value is None or badness is None or badness <= 0:
            return
        entry = (badness, -self._seen, Moment(kind, value, record, before))
        heap = self._heaps[kind]
        push = heapq.heappush if len(heap) < KEPT else heapq.heappushpop
        push(heap, entry)

    def worst(self) -> list[Moment]:
        """Return the worst moments, those of a kind together, from different times."""
        wanted = WITH_TRUTH if self._heaps['mean_iou'] else WITHOUT_TRUTH
        chosen: list[Moment] = []
        for kind, count in wanted.items():
            found = 0
            for _, _, moment in sorted(self._heaps[kind], key=lambda one: one[:2], reverse=True):
                if found < count and all(_apart(moment, other) for other in chosen):
                    chosen.append(moment)
                    found += 1
        return chosen


def _apart(one: Moment, other: Moment) -> bool:
    """Return whether two moments are not the same to the eye."""
    a, b = one.record, other.record
    return (a.bag, a.topic) != (b.bag, b.topic) or abs(a.log_ns - b.log_ns) >= APART_NS
