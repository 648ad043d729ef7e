# SPDX-License-Identifier: Apache-2.0
"""A search for the best point of a space, with optuna (extra ``tune``).

Points are proposed by a tree-structured Parzen estimator (J. Bergstra et al., "Algorithms for
hyper-parameter optimization", NIPS 2011). A point is judged on more and more frames and given up
where it is below the median of those that went on to the end (D. Golovin et al., "Google Vizier",
KDD 2017, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
import json
import time
from typing import Any, TYPE_CHECKING

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import create_trial, FrozenTrial, TrialState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seg_node.tuning.space import Range

    Values = Mapping[str, float]
    # What a point is worth on the frames up to one rung after another.
    Climb = Callable[[Values, int], float]

__all__ = ['RUNGS', 'Finding', 'Search']

RUNGS = 3
"""Steps in which a point is judged; each has twice the frames of the one before."""

UNJUDGED = 5  # points that go to the end whatever they are worth: there is no median yet


@dataclass(frozen=True, slots=True)
class Finding:
    """A point that was tried to the end.

    Attributes:
        values: A number for each name.
        worth: What it is worth.
    """

    values: Values
    worth: float


class Search:
    """A search that survives an interrupt: a file has a line for each of its trials."""

    def __init__(self, file: Path, name: str, space: Mapping[str, Range], seed: int) -> None:
        """Take up a search, or begin one.

        Args:
            file: Keeps the trials of this and of other searches.
            name: Of the search in the file.
            space: Range of each number.
            seed: Of the proposals.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._file = file
        self._name = name
        self._space = {key: _distribution(one) for key, one in space.items()}
        trials = [_from_plain(one, self._space) for one in _lines(file) if one['search'] == name]
        self._study = optuna.create_study(
            # what is taken up goes on with other random numbers than it began with
            sampler=TPESampler(seed=seed + len(trials), multivariate=True),
            pruner=MedianPruner(n_startup_trials=UNJUDGED),
            direction='maximize',
        )
        self._study.add_trials(trials)

    @property
    def done(self) -> int:
        """Number of points that were judged."""
        return len(self._of_state(TrialState.COMPLETE)) + self.given_up

    @property
    def given_up(self) -> int:
        """Number of points that were not tried to the end."""
        return len(self._of_state(TrialState.PRUNED))

    def start_at(self, points: Sequence[Values]) -> None:
        """Try some points first, as far as the search has not done so."""
        for point in points[self.done :]:
            self._study.enqueue_trial(dict(point))

    def run(self, climb: Climb, trials: int, deadline: float, after: Callable[[], None]) -> None:
        """Try points until there are enough trials or no time is left.

        Args:
            climb: Returns what a point is worth on the frames up to a rung, 1 to ``RUNGS``; is
                called for one rung after another.
            trials: How many there are to be in the end, those of earlier runs included.
            deadline: When to stop, as ``time.monotonic``; one point is tried in any case.
            after: Called after each trial.
        """
        while self.done < trials and (time.monotonic() < deadline or not self.best(1)):
            trial = self._study.ask(self._space)
            worths: list[float] = []
            for rung in range(1, RUNGS + 1):
                worths.append(climb(trial.params, rung))
                trial.report(worths[-1], rung)
                if rung < RUNGS and trial.should_prune():
                    self._study.tell(trial, state=TrialState.PRUNED)
                    break
            else:
                self._study.tell(trial, worths[-1])
            with self._file.open('a', encoding='utf-8') as stream:
                plain = {'search': self._name, 'values': trial.params, 'worths': worths}
                stream.write(json.dumps(plain) + '\n')
            after()

    def best(self, most: int) -> list[Finding]:
        """Return the best points that were tried to the end, the best first."""
        found = [
            Finding(trial.params, trial.value)
            for trial in self._of_state(TrialState.COMPLETE)
            if trial.value is not None
        ]
        return sorted(found, key=lambda one: -one.worth)[:most]

    def _of_state(self, state: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(state,))


def _distribution(one: Range) -> BaseDistribution:
    if one.whole:
        return IntDistribution(int(one.low), int(one.high))
    return FloatDistribution(one.low, one.high, log=one.log)


def _lines(file: Path) -> list[dict[str, Any]]:
    """Return the trials of a file; a last line that was cut off by an interrupt is removed."""
    text = file.read_text(encoding='utf-8') if file.exists() else ''
    whole = text[: text.rfind('\n') + 1]
    if whole != text:
        file.write_text(whole, encoding='utf-8')
    return [json.loads(line) for line in whole.splitlines()]


def _from_plain(plain: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> FrozenTrial:
    worths = plain['worths']
    complete = len(worths) == RUNGS
    return create_trial(
        state=TrialState.COMPLETE if complete else TrialState.PRUNED,
        value=worths[-1],
        params=plain['values'],
        distributions=dict(space),
        intermediate_values=dict(enumerate(worths, start=1)),
    )
