# SPDX-License-Identifier: Apache-2.0
"""What is good enough, and what the search is after."""

from __future__ import annotations

import pytest

from seg_node.tuning.bars import Bars, faults, promise, worth
from seg_node.tuning.sums import Effect

from .conftest import sums

NAMES = ('pole', 'road')
BEFORE = [[50, 50], [10, 890]]


def effect(pole: int, gain: float) -> Effect:
    """Return the effect of a CRF that finds so many of 100 pole pixels."""
    return Effect(sums(BEFORE, 0.5), sums([[pole, 100 - pole], [10, 890]], 0.5 + gain))


def test_a_preset_that_reaches_all_bars_has_no_faults() -> None:
    assert faults(effect(60, 0.021), NAMES) == []


@pytest.mark.parametrize(
    ('pole', 'gain', 'words'),
    [
        (60, 0.019, ['Boundary F1 changes by +1.90 points, less than +2']),
        (47, 0.03, ['Mean IoU changes by -1.', 'pole changes by -2.73 points of IoU']),
    ],
    ids=['outlines', 'a class that vanishes'],
)
def test_each_bar_that_is_missed_gets_a_sentence(pole: int, gain: float, words: list[str]) -> None:
    got = faults(effect(pole, gain), NAMES)

    assert len(got) == len(words)
    assert all(part in line for part, line in zip(words, got, strict=True))


def test_bars_may_be_others() -> None:
    assert faults(effect(47, 0.001), NAMES, Bars(0.0, -5.0, -5.0)) == []


def test_a_gain_without_harm_is_worth_itself() -> None:
    assert worth(effect(60, 0.013)) == pytest.approx(1.3)


def test_no_gain_along_outlines_pays_for_a_class_that_vanishes() -> None:
    assert worth(effect(0, 0.10)) < worth(effect(60, 0.0))


def test_every_step_back_towards_the_aims_counts() -> None:
    values = [worth(effect(pole, 0.02)) for pole in (10, 30, 45, 51)]

    assert values == sorted(values)
    assert len(set(values)) == 4


def test_on_few_frames_a_class_may_suffer_but_not_the_mean() -> None:
    before = sums([[1, 1, 0], [0, 500, 500], [0, 500, 500]], 0.5)
    after = sums([[0, 2, 0], [0, 900, 100], [0, 100, 900]], 0.51)
    harmed = Effect(before, after)

    assert harmed.worst_change < -10
    assert harmed.iou_gain > 0
    assert promise(harmed) == pytest.approx(1.0)
    assert promise(Effect(after, before)) < worth(Effect(before, before))
