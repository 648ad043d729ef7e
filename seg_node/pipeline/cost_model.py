# SPDX-License-Identifier: Apache-2.0
"""How long the dense CRF will take on the next frame, learnt from the frames before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.crf import CrfOptions

__all__ = ['CostModel', 'CrfJob']

# Seconds per pixel, class and update on one laptop-class core, before anything was measured.
FIRST_GUESS_S = {'exact': 6e-9, 'balanced': 1.7e-9, 'fast': 1e-9}
# A prediction is the upper quartile of the last so many runs. The mean would be exceeded by half
# of the frames; with the maximum, one stall of the machine would shut the gate.
RECENT = 12
QUARTILE = 0.75
# What is left of a prediction after a frame that was skipped for it. Nothing is measured then:
# without forgetting, a few slow frames would shut the gate for good. Halves in 70 frames.
REMEMBERED = 0.99
# A camera has one size, and a set of options lives until somebody changes it.
MOST_JOBS = 16


@dataclass(frozen=True, slots=True)
class CrfJob:
    """All that decides how long a run takes, but for what is in the image.

    Attributes:
        options: Back end, mode, threads, kernels and updates.
        size: (height, width) of the image [px].
        classes: Number of classes.
    """

    options: CrfOptions
    size: tuple[int, int]
    classes: int

    @property
    def work(self) -> int:
        """Pixels x classes x updates."""
        return self.size[0] * self.size[1] * self.classes * self.options.iterations

    @property
    def kind(self) -> tuple[object, ...]:
        """What jobs have in common whose time is about proportional to their work."""
        crf = self.options
        return crf.backend, crf.mode, crf.resolution, crf.threads, len(crf.kernels)


@dataclass(slots=True)
class _Memory:
    """Times of the last runs of one job, at least one [s].

    Attributes:
        times: Oldest first.
        doubted: Whether they faded since the last run, because frames were skipped for them.
    """

    times: deque[float]
    doubted: bool = False


class CostModel:
    """Predicts the time of a job from the last runs of the same job.

    A job that never ran takes as long per unit of work as the last one of its kind did, or as long
    as a laptop would if there was none.
    """

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._memories: dict[CrfJob, _Memory] = {}
        self._rates: dict[tuple[object, ...], float] = {}

    def predict(self, job: CrfJob) -> float:
        """Return how long a job will take [s]."""
        if job in self._memories:
            return _upper_quartile(self._memories[job].times)
        guess = FIRST_GUESS_S[job.options.mode] / job.options.threads
        return self._rates.get(job.kind, guess) * job.work

    def learn(self, job: CrfJob, seconds: float) -> None:
        """Take in how long a job took [s].

        The first run after skipped frames was made because the older ones were no longer believed:
        it replaces them.
        """
        memory = self._memories.get(job)
        if memory is None or memory.doubted:
            self._remember(job, _Memory(deque([seconds], maxlen=RECENT)))
        else:
            memory.times.append(seconds)
        self._rates[job.kind] = seconds / job.work

    def skip(self, job: CrfJob) -> None:
        """Believe a prediction a little less, because a frame was skipped for it."""
        faded = self.predict(job) * REMEMBERED
        self._remember(job, _Memory(deque([faded]), doubted=True))

    def _remember(self, job: CrfJob, memory: _Memory) -> None:
        """Put a job in the youngest place, and forget the oldest if there are too many."""
        self._memories.pop(job, None)
        self._memories[job] = memory
        if len(self._memories) > MOST_JOBS:
            del self._memories[next(iter(self._memories))]


def _upper_quartile(times: Sequence[float]) -> float:
    """Return the time that about three quarters of the others do not exceed; one of them."""
    return sorted(times)[int(QUARTILE * (len(times) - 1))]
