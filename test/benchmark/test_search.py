# SPDX-License-Identifier: Apache-2.0
"""The search for the highest rate, on a made-up node whose highest rate is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg_node.benchmark.run import Run
from seg_node.benchmark.search import highest_rate, MOST_LOST, RateNotFoundError, WIDTH
from seg_node.errors import ProcessError

SENT = 1000


class Server:
    """Answers so many frames per second, and loses what comes beyond that."""

    def __init__(self, capacity: float) -> None:
        """Remember the capacity [Hz]."""
        self.capacity = capacity
        self.asked: list[float] = []

    def play(self, rate: float) -> Run:
        """Answer what can be answered."""
        self.asked.append(rate)
        answered = round(SENT * min(1.0, self.capacity / rate))
        return Run(SENT, (0.01,) * answered, SENT / rate, 1.0)


@pytest.mark.parametrize('guess', [1.0, 8.0, 10.0, 14.0, 60.0])
def test_rate_is_the_highest_at_which_at_most_a_twentieth_is_lost(guess: float) -> None:
    server = Server(10.0)

    rate, runs = highest_rate(server.play, guess, 3)

    highest = 10.0 / (1.0 - MOST_LOST)
    assert (1.0 - 1.1 * WIDTH) * highest <= rate <= highest * 1.001
    assert [one.lost <= MOST_LOST for one in runs] == [True] * 3
    assert server.asked[-3:] == [rate] * 3


def test_rate_that_is_not_confirmed_is_lowered_until_it_is() -> None:
    server = Server(10.0)

    def play(rate: float) -> Run:
        if len(server.asked) == 7:
            server.capacity = 7.0  # what the search believed holds no more
        return server.play(rate)

    rate, runs = highest_rate(play, 10.0, 3)

    assert 0.9 * 7.0 / (1.0 - MOST_LOST) <= rate <= 7.0 / (1.0 - MOST_LOST)
    assert all(one.lost <= MOST_LOST for one in runs)


def test_rate_that_the_camera_itself_does_not_keep_is_not_kept() -> None:
    def play(rate: float) -> Run:
        late = 0.0 if rate <= 6.0 else 0.2
        return Run(SENT, (0.01,) * SENT, SENT / rate, 1.0, late)

    rate, runs = highest_rate(play, 10.0, 3)

    assert 6.0 * (1.0 - 1.1 * WIDTH) <= rate <= 6.0
    assert [one.late for one in runs] == [0.0] * 3


def test_camera_that_was_late_once_does_not_lower_the_rate() -> None:
    server = Server(10.0)

    def play(rate: float) -> Run:
        run = server.play(rate)
        return replace(run, late=0.5) if len(server.asked) == 1 else run

    rate, _ = highest_rate(play, 10.0, 3)

    assert server.asked[0] == server.asked[1]
    assert rate >= 10.0


@pytest.mark.parametrize('answered', [0, SENT])
def test_rate_in_the_message_was_tried(answered: int) -> None:
    tried: list[float] = []

    def play(rate: float) -> Run:
        tried.append(rate)
        return Run(SENT, (0.01,) * answered, 1.0, 1.0)

    with pytest.raises(RateNotFoundError) as caught:
        highest_rate(play, 10.0, 3)

    form = '.3g' if answered else '.2g'
    assert f'at {tried[-1]:{form}} Hz' in str(caught.value)


def test_node_that_answers_nothing_is_an_error_that_says_what_to_look_at() -> None:
    with pytest.raises(ProcessError, match=r'frames are lost.*seg doctor'):
        highest_rate(lambda _: Run(SENT, (), 1.0, 1.0), 10.0, 3)


def test_node_that_never_loses_is_an_error_and_no_endless_search() -> None:
    with pytest.raises(ProcessError, match='Not a frame was lost'):
        highest_rate(lambda _: Run(SENT, (0.1,) * SENT, 1.0, 1.0), 10.0, 3)
