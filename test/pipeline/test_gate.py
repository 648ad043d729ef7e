# SPDX-License-Identifier: Apache-2.0
"""The gate in front of the CRF."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings, strategies
import numpy as np
import pytest

from seg_node.crf import CrfOptions
from seg_node.pipeline import SegmenterOptions
from seg_node.pipeline.cost_model import CrfJob
from seg_node.pipeline.gate import CrfGate, uncertain_fraction

OPTIONS = SegmenterOptions(crf_min_uncertain_fraction=0.1, crf_hysteresis=0.5)
JOB = CrfJob(CrfOptions(), (100, 200), 10)
SHARES = strategies.floats(0.0, 1.0)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        """Begin at 100 s."""
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.now


def decisions(gate: CrfGate, *shares: float, first: float = 0.0) -> str:
    """Return what the gate does with a sequence at 10 Hz, a letter per frame."""
    stamps = (first + 0.1 * index for index in range(len(shares)))
    return ''.join(
        gate.decide(share, JOB, OPTIONS, stamp=stamp).decision[0]
        for share, stamp in zip(shares, stamps, strict=True)
    )


def test_uncertain_fraction_counts_pixels_above_the_threshold() -> None:
    entropy = np.array([[0, 127, 128, 255]], np.uint8)

    assert uncertain_fraction(entropy, 0.5) == 0.5
    assert uncertain_fraction(entropy, 1.0) == 0.0


@pytest.mark.parametrize('size', [(1, 7), (32, 3), (33, 5), (100, 60)])
def test_every_row_counts_in_the_uncertain_share(size: tuple[int, int]) -> None:
    entropy = np.random.default_rng(0).integers(0, 256, size, np.uint8)

    assert uncertain_fraction(entropy, 0.4) == (entropy > 102).mean()


@pytest.mark.parametrize(('uncertain', 'decision'), [(0.09, 'certain'), (0.1, 'ran')])
def test_gate_opens_at_the_smallest_share(uncertain: float, decision: str) -> None:
    assert CrfGate().decide(uncertain, JOB, OPTIONS).decision == decision


def test_open_gate_stays_open_down_to_the_lower_share() -> None:
    assert decisions(CrfGate(), 0.09, 0.1, 0.09, 0.05, 0.049, 0.09, 0.1) == 'crrrccr'


def test_share_around_the_threshold_does_not_make_labels_flicker() -> None:
    assert decisions(CrfGate(), *[0.11, 0.09] * 10) == 'r' * 20


@settings(max_examples=50)
@given(strategies.lists(SHARES, max_size=30))
def test_gate_differs_from_a_plain_threshold_only_between_the_two_shares(
    shares: list[float],
) -> None:
    said = decisions(CrfGate(), *shares)

    assert all(
        (share >= 0.1) == (letter == 'r')
        for share, letter in zip(shares, said, strict=True)
        if not 0.05 <= share < 0.1
    )


@settings(max_examples=50)
@given(strategies.lists(SHARES, min_size=1, max_size=30))
def test_between_the_two_shares_the_gate_stays_as_it_was(shares: list[float]) -> None:
    said = 'c' + decisions(CrfGate(), *shares)

    assert all(
        said[index] == said[index + 1] for index, share in enumerate(shares) if 0.05 <= share < 0.1
    )


@settings(max_examples=50)
@given(strategies.lists(SHARES, max_size=20))
def test_without_hysteresis_the_gate_is_a_threshold(shares: list[float]) -> None:
    gate, options = CrfGate(), replace(OPTIONS, crf_hysteresis=0.0)

    for index, share in enumerate(shares):
        ran = gate.decide(share, JOB, options, stamp=0.1 * index).decision == 'ran'
        assert ran == (share >= 0.1)


@pytest.mark.parametrize('stamp', [-0.1, 1.21, 1e9], ids=['back', 'gap', 'far'])
def test_jump_of_the_stamps_begins_a_new_sequence(stamp: float) -> None:
    gate = CrfGate()
    decisions(gate, 0.2, 0.2, 0.2)  # the last at 0.2 s

    assert gate.decide(0.07, JOB, OPTIONS, stamp=stamp).decision == 'certain'


def test_another_size_begins_a_new_sequence() -> None:
    gate = CrfGate()
    decisions(gate, 0.2, 0.2)

    other = replace(JOB, size=(100, 201))
    assert gate.decide(0.07, other, OPTIONS, stamp=0.2).decision == 'certain'


def test_image_without_a_stamp_is_judged_alone_and_changes_nothing() -> None:
    """A snapshot or a picture of a data set is no part of the camera's sequence."""
    gate = CrfGate()
    decisions(gate, 0.2, 0.2)

    alone = [gate.decide(share, JOB, OPTIONS).decision for share in (0.07, 0.0)]

    assert alone == ['certain', 'certain']
    assert decisions(gate, 0.07, first=0.2) == 'r'


def test_lack_of_time_does_not_close_the_gate() -> None:
    clock = Clock()
    gate = CrfGate(clock)
    late = gate.decide(0.2, JOB, OPTIONS, deadline=clock.now - 1.0, stamp=0.0)

    then = gate.decide(0.07, JOB, OPTIONS, stamp=0.1)

    assert (late.decision, then.decision) == ('no_time', 'ran')


@settings(max_examples=50)
@given(cost=strategies.floats(1e-3, 10.0), left=strategies.floats(-1.0, 20.0))
def test_crf_runs_if_and_only_if_its_predicted_time_is_left(cost: float, left: float) -> None:
    clock = Clock()
    gate = CrfGate(clock)
    gate.learn(JOB, cost)

    verdict = gate.decide(1.0, JOB, OPTIONS, deadline=clock.now + left)

    assert verdict.predicted == cost
    assert verdict.decision == ('ran' if cost <= clock.now + left - clock.now else 'no_time')


def test_time_that_has_passed_since_is_no_longer_left() -> None:
    clock = Clock()
    gate = CrfGate(clock)
    gate.learn(JOB, 2.0)
    deadline = clock.now + 3.0

    clock.now += 1.5

    assert gate.decide(1.0, JOB, OPTIONS, deadline=deadline).decision == 'no_time'


def test_certain_frame_asks_for_no_prediction() -> None:
    assert CrfGate().decide(0.0, JOB, OPTIONS, deadline=0.0).predicted is None


def test_gate_opens_again_some_time_after_slow_frames() -> None:
    """A cost that was never measured again must not be believed for ever."""
    clock = Clock()
    gate = CrfGate(clock)
    gate.learn(JOB, 5.0)

    said = [gate.decide(1.0, JOB, OPTIONS, deadline=102.0).decision for _ in range(200)]

    assert said.index('ran') == 92  # 5 s x 0.99^92 is just below 2 s


def test_frame_that_came_too_late_for_any_crf_says_nothing_about_its_cost() -> None:
    gate = CrfGate(Clock())
    gate.learn(JOB, 5.0)

    for _ in range(1000):
        gate.decide(1.0, JOB, OPTIONS, deadline=99.0)

    assert gate.decide(1.0, JOB, OPTIONS).predicted == 5.0


def test_budget_is_kept_although_the_machine_becomes_slower() -> None:
    """Of 1000 frames with noisy costs that double half-way, few overrun, and many still run."""
    noise = np.random.default_rng(0)
    clock = Clock()
    gate = CrfGate(clock)
    ran = overran = 0
    for frame in range(1000):
        cost = (0.02 if frame < 500 else 0.04) * noise.lognormal(sigma=0.1)
        if gate.decide(1.0, JOB, OPTIONS, deadline=clock.now + 0.03).decision == 'ran':
            gate.learn(JOB, cost)
            ran += 1
            overran += cost > 0.03
        clock.now += 0.1

    assert ran >= 500
    assert overran <= 20
