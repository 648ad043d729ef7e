# SPDX-License-Identifier: Apache-2.0
"""The search: it finds, gives up early, keeps its trials and ends in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from seg_node.tuning.space import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seg_node.tuning.search import Search

    MakeSearch = Callable[..., Search]

pytestmark = pytest.mark.needs_optuna

SPACE = {'x': Range(-5.0, 5.0), 'width': Range(0.1, 100.0, log=True), 'n': Range(1, 9, whole=True)}
FAR = {'x': -5.0, 'width': 0.1, 'n': 1}
NEVER = float('inf')


def hill(values: Mapping[str, float], rung: int) -> float:
    """Return a height whose top, 0, is at x = 2, any width, n = 6; no rung sees it better."""
    del rung
    return -((values['x'] - 2) ** 2) - abs(values['n'] - 6)


def nothing() -> None:
    """Do nothing after a trial."""


@pytest.fixture
def make_search(tmp_path: Path) -> MakeSearch:
    """Return a function that opens the search of a file."""
    from seg_node.tuning.search import Search  # noqa: PLC0415 - needs optuna

    def make(name: str = 'one', seed: int = 0) -> Search:
        return Search(tmp_path / 'trials.jsonl', name, SPACE, seed)

    return make


def test_a_search_climbs(make_search: MakeSearch) -> None:
    search = make_search()

    search.run(hill, 40, NEVER, nothing)

    best, *others = search.best(3)
    assert best.worth == hill(best.values, 1) > -1.0
    assert isinstance(best.values['n'], int)
    assert best.worth >= others[0].worth >= others[1].worth


def test_bad_points_are_given_up_before_the_last_rung(make_search: MakeSearch) -> None:
    rungs = []

    def climb(values: Mapping[str, float], rung: int) -> float:
        rungs.append(rung)
        return hill(values, rung)

    search = make_search()
    search.run(climb, 30, NEVER, nothing)

    assert search.done == 30
    assert search.given_up > 0
    assert rungs.count(1) == 30
    assert rungs.count(3) == 30 - search.given_up
    assert len(search.best(99)) == 30 - search.given_up


def test_points_to_start_at_come_first(make_search: MakeSearch) -> None:
    seen = []

    def climb(values: Mapping[str, float], rung: int) -> float:
        seen.append(dict(values))
        return hill(values, rung)

    search = make_search()
    search.start_at([FAR, {**FAR, 'x': 1.0}])
    search.run(climb, 3, NEVER, nothing)

    assert seen[0] == FAR
    assert {**FAR, 'x': 1.0} in seen


def test_an_interrupted_search_goes_on_where_it_was(make_search: MakeSearch) -> None:
    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    first = make_search()
    first.start_at([FAR])
    first.run(hill, 5, NEVER, nothing)
    with pytest.raises(KeyboardInterrupt):
        first.run(interrupted, 9, NEVER, nothing)
    counted: list[int] = []

    second = make_search()
    second.start_at([FAR])
    second.run(hill, 9, NEVER, lambda: counted.append(1))

    assert len(counted) == 4
    assert second.done == 9


def test_a_line_that_was_cut_off_is_no_trial(make_search: MakeSearch, tmp_path: Path) -> None:
    make_search().run(hill, 3, NEVER, nothing)
    file = tmp_path / 'trials.jsonl'
    file.write_text(file.read_text(encoding='utf-8')[:-9], encoding='utf-8')

    make_search().run(hill, 4, NEVER, nothing)

    assert make_search().done == 4


def test_searches_of_one_file_do_not_know_each_other(make_search: MakeSearch) -> None:
    make_search('one').run(hill, 3, NEVER, nothing)

    assert make_search('other').done == 0
    assert make_search('one').done == 3


def test_equal_seeds_try_equal_points(make_search: MakeSearch) -> None:
    one, same, other = make_search('a', 1), make_search('b', 1), make_search('c', 2)
    for search in (one, same, other):
        search.run(hill, 12, NEVER, nothing)

    assert one.best(1) == same.best(1)
    assert one.best(1) != other.best(1)


def test_a_search_ends_when_time_is_up_but_not_with_empty_hands(make_search: MakeSearch) -> None:
    search = make_search()

    search.run(hill, 50, time.monotonic(), nothing)

    assert search.done == 1
    assert search.best(1)
