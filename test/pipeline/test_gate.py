# SPDX-License-Identifier: Apache-2.0
"""The gate in front of the CRF."""

from __future__ import annotations

import time

import numpy as np
import pytest

from seg_node.pipeline import SegmenterOptions
from seg_node.pipeline.gate import CrfGate, uncertain_fraction

OPTIONS = SegmenterOptions(crf_min_uncertain_fraction=0.1)
WORK = 1000


def test_uncertain_fraction_counts_pixels_above_the_threshold() -> None:
    entropy = np.array([[0, 127, 128, 255]], np.uint8)

    assert uncertain_fraction(entropy, 0.5) == 0.5
    assert uncertain_fraction(entropy, 1.0) == 0.0


@pytest.mark.parametrize(('uncertain', 'decision'), [(0.09, 'certain'), (0.1, 'ran')])
def test_gate_opens_at_the_smallest_share(uncertain: float, decision: str) -> None:
    assert CrfGate().decide(uncertain, WORK, OPTIONS, None) == decision


def test_gate_learns_what_the_crf_costs() -> None:
    gate = CrfGate()
    soon = time.monotonic() + 1.0
    assert gate.decide(1.0, WORK, OPTIONS, soon) == 'ran'

    for _ in range(20):
        gate.learn(5.0, WORK)

    assert gate.decide(1.0, WORK, OPTIONS, time.monotonic() + 1.0) == 'no_time'
    assert gate.decide(1.0, WORK, OPTIONS, time.monotonic() + 9.0) == 'ran'
    assert gate.decide(1.0, WORK // 10, OPTIONS, time.monotonic() + 1.0) == 'ran'


def test_gate_opens_again_some_time_after_slow_frames() -> None:
    """A cost that was never measured again must not be believed for ever."""
    gate = CrfGate()
    for _ in range(20):
        gate.learn(5.0, WORK)

    decisions = [gate.decide(1.0, WORK, OPTIONS, time.monotonic() + 2.0) for _ in range(200)]

    assert decisions[0] == 'no_time'
    assert decisions[-1] == 'ran'
