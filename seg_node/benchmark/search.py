# SPDX-License-Identifier: Apache-2.0
"""The highest rate at which hardly a frame is lost, as ros2_benchmark looks for it.

First by halving an interval, in which the lower rate is kept up with and the upper one is not;
then by confirming runs at the rate that was found, and at lower ones while those lose too much.
A rate at which the camera itself is late by more than a frame time is not kept either: the node
did not get it.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from seg_node.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .run import Run

__all__ = ['MOST_LOST', 'WIDTH', 'Found', 'RateNotFoundError', 'highest_rate']

MOST_LOST = 0.05
"""Share of the frames that may be lost."""
WIDTH = 0.05
"""The search ends where upper and lower rate are closer than this share."""
BELOW, ABOVE = 0.7, 1.2  # of the guess: where the search begins
DOWN, UP = 0.7, 1.5  # how it goes on where the guess was wrong
STEPS = 12

Found = tuple[float, 'list[Run]']


class RateNotFoundError(ProcessError):
    """There is no highest rate to be found, or the machine is too busy to find it."""


def highest_rate(play: Callable[[float], Run], guess: float, confirmations: int) -> Found:
    """Find the highest rate with at most ``MOST_LOST`` lost.

    Args:
        play: Sends frames of each camera at a rate [Hz].
        guess: About where it is [Hz].
        confirmations: Runs at the rate that was found, at least 1.

    Returns:
        The rate [Hz], and the confirming runs, half of which at least lost no more.

    Raises:
        RateNotFoundError: If even the lowest rate that was tried loses more, or the highest none.
    """
    low = _first(play, BELOW * guess, DOWN, kept=True)
    high = _first(play, max(ABOVE * guess, low * ABOVE), UP, kept=False)
    while high - low > WIDTH * high:
        middle = (low + high) / 2.0
        if _kept(play, middle):
            low = middle
        else:
            high = middle
    return _confirm(play, low, confirmations)


def _kept(play: Callable[[float], Run], rate: float) -> bool:
    """Tell whether camera and node keep a rate."""
    run = play(rate)
    if run.late > 1.0 / rate:
        run = play(rate)  # what else runs on the machine may have kept the camera from it
    return run.lost <= MOST_LOST and run.late <= 1.0 / rate


def _first(play: Callable[[float], Run], rate: float, factor: float, *, kept: bool) -> float:
    """Return the first rate, each ``factor`` times the one before, that is kept up with or not."""
    tried = [rate * factor**step for step in range(STEPS)]
    for one in tried:
        if _kept(play, one) is kept:
            return one
    raise RateNotFoundError(_hopeless(tried[-1], kept=kept))


def _confirm(play: Callable[[float], Run], rate: float, confirmations: int) -> Found:
    tried = [rate * (1.0 - WIDTH) ** step for step in range(STEPS)]
    for one in tried:
        runs = [play(one) for _ in range(confirmations)]
        late = median(run.late for run in runs)
        if median(run.lost for run in runs) <= MOST_LOST and late <= 1.0 / one:
            return one, runs
    raise RateNotFoundError(_hopeless(tried[-1], kept=True))


def _hopeless(rate: float, *, kept: bool) -> str:
    if kept:
        return (
            f'Even at {rate:.2g} Hz more than {MOST_LOST:.0%} of the frames are lost, or the '
            'camera itself is late by more than a frame time. Is the machine busy with something '
            'else? See "seg doctor" for lost large messages.'
        )
    return f'Not a frame was lost at {rate:.3g} Hz: there is no highest rate to be found.'
