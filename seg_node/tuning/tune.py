# SPDX-License-Identifier: Apache-2.0
"""Cross-validation over drives: what is reported was never tuned on.

For each part, a drive with the model that never saw it, a search on the other parts chooses a
preset and a gate, and both are measured on the part. The figures of all parts are pooled. The
preset that is kept comes from a last search on all parts; its own figures, on frames it was tuned
on, are only there to compare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
import math
import time
from typing import TYPE_CHECKING

from seg_node.progress import Bar
from seg_node.tuning.bars import promise, worth
from seg_node.tuning.gate import fit_gate, fit_margin
from seg_node.tuning.measure import interleaved, look_closely, Part, Scores
from seg_node.tuning.search import RUNGS, Search
from seg_node.tuning.space import kinds_of, options_of, search_space, starting_points
from seg_node.tuning.sums import total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seg_node.crf import CrfOptions
    from seg_node.tuning.frames import Drive
    from seg_node.tuning.gate import Gate
    from seg_node.tuning.measure import FrameEffect
    from seg_node.tuning.search import Finding
    from seg_node.tuning.sums import Effect

__all__ = ['Budget', 'Choice', 'Tuning', 'split_into_parts', 'tune']

STRETCHES = 3  # of a single drive
FINALISTS = 3
ALL = 'all'


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search.

    Attributes:
        trials: Points to try in each search.
        frames: Of each part that a trial looks at, at most.
        minutes: For all searches together, in equal shares; None for no limit. Comparing the
            best of a search on all frames takes its time, too, and is not counted.
        seed: Of the frames' order and of the search.
        threads: That the CRF may use.
    """

    trials: int
    frames: int
    minutes: float | None = None
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What a search chose.

    Attributes:
        options: The preset, its margin included.
        gate: Which frames it runs on.
        frames: What it does to the frames that it was tuned on, on all pixels.
        trials: Points that were tried.
        given_up: Points that were not tried to the end.
    """

    options: CrfOptions
    gate: Gate
    frames: tuple[FrameEffect, ...]
    trials: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome.

    Attributes:
        parts: What was held out in turn.
        choices: For each part, what the search on the other parts chose.
        held_out: For each part, what that choice does to its frames, on all pixels.
        final: What the search on all parts chose.
        budget: How long was searched.
        seconds: How long it took.
    """

    parts: tuple[Part, ...]
    choices: tuple[Choice, ...]
    held_out: tuple[tuple[FrameEffect, ...], ...]
    final: Choice
    budget: Budget
    seconds: float


def split_into_parts(drives: Sequence[Drive]) -> tuple[Part, ...]:
    """Return what is held out in turn: drives, or stretches of the only one.

    Neighbouring frames look alike, so a drive is cut into stretches and not shuffled.
    """
    if len(drives) > 1:
        return tuple(Part(one, tuple(range(one.frames)), one.name) for one in drives)
    drive = drives[0]
    edges = [drive.frames * number // STRETCHES for number in range(STRETCHES + 1)]
    return tuple(
        Part(drive, tuple(range(start, stop)), f'{drive.name}, frames {start} to {stop - 1}')
        for start, stop in pairwise(edges)
        if stop > start
    )


def tune(parts: Sequence[Part], budget: Budget, file: Path) -> Tuning:
    """Search, and measure on what was held out.

    Args:
        parts: At least two, of models with the same classes, compared in the same classes.
        budget: How long to search.
        file: Keeps the trials, so that an interrupted run goes on.

    Raises:
        CrfError: If no CRF library is installed.
    """
    start = time.monotonic()
    without = [(part, [other for other in parts if other is not part]) for part in parts]
    searches = [others for _, others in without] + [list(parts)]
    work = sum(_work(one, budget) for one in searches) + sum(map(len, parts))
    bar = Bar(what='tuning', total=work, unit='frame')
    searching = _Searching(budget, file, len(searches), bar)
    choices = [searching(others, f'without {part.name}') for part, others in without]
    final = searching(parts, ALL)
    held_out = [
        searching.look([part], choice.options) for part, choice in zip(parts, choices, strict=True)
    ]
    bar.close()
    seconds = time.monotonic() - start
    return Tuning(tuple(parts), tuple(choices), tuple(held_out), final, budget, seconds)


def _work(parts: Sequence[Part], budget: Budget) -> int:
    """Return how many frames a search looks at if it gives up nothing."""
    in_trial = sum(min(len(part), budget.frames) for part in parts)
    return budget.trials * in_trial + (FINALISTS + 1) * sum(map(len, parts))


class _Searching:
    """One search after another within a budget."""

    def __init__(self, budget: Budget, file: Path, searches: int, bar: Bar) -> None:
        self._budget = budget
        self._file = file
        minutes = math.inf if budget.minutes is None else budget.minutes
        self._seconds = 60 * minutes / searches
        self._scores = Scores()
        self._bar = bar

    def __call__(self, parts: Sequence[Part], name: str) -> Choice:
        """Search on some parts and fit the gate there."""
        kinds = kinds_of(parts[0].drive.taxonomy)
        search = Search(self._file, name, search_space(kinds), self._budget.seed)
        search.start_at(starting_points(kinds))
        climber = _Climber(parts, kinds, self._budget, self._scores)
        self._climb(search, climber)
        options = self._best_of_all(parts, search.best(FINALISTS), kinds)
        frames = self.look(parts, options)
        value = worth(total(frame.effect for frame in frames))
        self._bar.say(f'{name}: {value:+.2f} points on {len(frames)} frames')
        margin = fit_margin(frames)
        gate = fit_gate([frame.behind(margin) for frame in frames])
        options = replace(options, margin=margin)
        return Choice(options, gate, frames, search.done, search.given_up)

    def _climb(self, search: Search, climber: _Climber) -> None:
        """Search, and count all frames of a trial as done, those that it was spared as well."""
        deadline = time.monotonic() + self._seconds
        earlier = min(search.done, self._budget.trials)
        self._bar.move(earlier * len(climber))

        def after() -> None:
            self._bar.note(f', best {search.best(1)[0].worth:+.2f}')
            self._bar.move(len(climber))

        search.run(climber, self._budget.trials, deadline, after)
        self._bar.move((self._budget.trials - max(search.done, earlier)) * len(climber))

    def _best_of_all(
        self, parts: Sequence[Part], finalists: Sequence[Finding], kinds: tuple[str, ...]
    ) -> CrfOptions:
        """Return the best of the finalists on all frames, of which trials saw only some."""
        found = {}
        for one in finalists:
            options = options_of(one.values, kinds, self._budget.threads)
            effects = []
            for part in parts:
                for index in part.frames:
                    effects.append(self._scores.effect(part.drive, index, options))
                    self._bar.move(1)
            found[options] = worth(total(effects))
        self._bar.move((FINALISTS - len(finalists)) * sum(map(len, parts)))
        return max(found, key=lambda options: found[options])

    def look(self, parts: Sequence[Part], options: CrfOptions) -> tuple[FrameEffect, ...]:
        """Return what a preset does to every frame."""
        frames = []
        for frame in look_closely(parts, options, self._scores):
            frames.append(frame)
            self._bar.move(1)
        return tuple(frames)


class _Climber:
    """Judges a point on more and more frames."""

    def __init__(
        self, parts: Sequence[Part], kinds: tuple[str, ...], budget: Budget, scores: Scores
    ) -> None:
        self._places = interleaved(parts, budget.frames, budget.seed)
        self._kinds = kinds
        self._threads = budget.threads
        self._scores = scores
        self._effects: list[Effect] = []

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._places)

    def __call__(self, values: Mapping[str, float], rung: int) -> float:
        """Return what a point is worth, or promises on the frames up to an early rung."""
        if rung == 1:
            self._effects = []
        options = options_of(values, self._kinds, self._threads)
        stop = max(len(self._places) >> (RUNGS - rung), 1)
        for place in self._places[len(self._effects) : stop]:
            self._effects.append(self._scores.effect(*place, options))
        judge = worth if rung == RUNGS else promise
        return judge(total(self._effects))
