# SPDX-License-Identifier: Apache-2.0
"""The gate, against trying all cuts, and what it is said to keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seg_node.tuning.gate import (
    behind_gate,
    fit_gate,
    fit_margin,
    Gate,
    keeps_enough,
    within_pixels,
)
from seg_node.tuning.measure import FrameEffect, MARGINS, THRESHOLDS

from .conftest import frame_effect


def random_frames(seed: int, count: int = 12) -> list[FrameEffect]:
    """Return frames whose gains and uncertain shares have something to do with each other."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        shares = np.sort(rng.random(len(THRESHOLDS)).round(1))[::-1]  # some are equal
        gain = 0.02 * shares[3] + rng.normal(0, 0.004)
        frames.append(replace(frame_effect(gain, 0.0), uncertain=shares))
    return frames


def fewest_by_brute_force(frames: list[FrameEffect]) -> int:
    """Return the fewest frames that keep 95 % of the gain, over all entropies and all shares."""
    gains = [frame.effect.after.of_images[0] - 0.5 for frame in frames]
    fewest = len(frames) + 1
    for number in range(len(THRESHOLDS)):
        for least in sorted({0.0, *(frame.uncertain[number] for frame in frames)}):
            runs = [frame.uncertain[number] >= least for frame in frames]
            kept = sum(gain for gain, ran in zip(gains, runs, strict=True) if ran)
            if kept >= 0.95 * sum(gains):
                fewest = min(fewest, sum(runs))
    return fewest


@pytest.mark.parametrize('seed', range(5))
def test_the_gate_runs_on_the_fewest_frames_that_keep_the_gain(seed: int) -> None:
    frames = random_frames(seed)

    got = behind_gate(frames, fit_gate(frames))

    assert got.refined == fewest_by_brute_force(frames)
    assert got.kept_share >= 0.95


def test_frames_that_gain_nothing_are_left_alone() -> None:
    frames = [frame_effect(0.04, 0.3), frame_effect(0.0, 0.1), frame_effect(0.0, 0.05)]

    gate = fit_gate(frames)
    got = behind_gate(frames, gate)

    assert gate.min_uncertain_fraction == 0.2  # half way between the last with and the next
    assert got.share == pytest.approx(1 / 3)
    assert got.kept_share == pytest.approx(1.0)
    assert got.effect.boundary_gain == pytest.approx(100 * 0.04 / 3)


def test_equal_shares_cannot_be_told_apart() -> None:
    frames = [frame_effect(0.04, 0.3), frame_effect(0.01, 0.3)]

    got = behind_gate(frames, fit_gate(frames))

    assert got.refined == 2


def test_the_gate_is_open_where_there_is_nothing_to_keep() -> None:
    frames = [frame_effect(-0.01, 0.3), frame_effect(0.0, 0.0)]

    got = behind_gate(frames, fit_gate(frames))

    assert got.share == 1.0
    assert got.kept_share == 0.0


def test_effects_of_different_gates_add_up() -> None:
    near, far = [frame_effect(0.04, 0.3)], [frame_effect(0.04, 0.3), frame_effect(0.02, 0.1)]

    got = behind_gate(near, Gate(0.3, 0.9)) + behind_gate(far, Gate(0.5, 0.2))

    assert (got.frames, got.refined) == (3, 1.0)
    assert got.kept_share == pytest.approx(0.04 / 0.10)


def test_the_margin_is_the_least_whose_pixels_hold_the_gain() -> None:
    holds = [0.039 if margin >= 1.2 else 0.01 for margin in MARGINS]
    frames = [frame_effect(0.04, 0.2, holds), frame_effect(0.04, 0.4, holds)]

    margin = fit_margin(frames)
    got = within_pixels(frames, margin)

    assert margin == 1.2
    assert got.share == pytest.approx(0.12)
    assert got.kept_share == pytest.approx(0.975)
    assert within_pixels(frames, 0.4).kept_share == pytest.approx(0.25)
    assert frames[0].behind(margin).effect.boundary_gain == pytest.approx(3.9)


@pytest.mark.parametrize('gain', [0.04, -0.01])
def test_all_pixels_are_refined_where_no_margin_holds_the_gain(gain: float) -> None:
    frames = [frame_effect(gain, 0.2, [0.01] * len(MARGINS))]

    got = within_pixels(frames, fit_margin(frames))

    assert fit_margin(frames) is None
    assert got.share == 1.0
    assert got.effect.boundary_gain == pytest.approx(100 * gain)
    assert frames[0].behind(None) is frames[0]


@pytest.mark.parametrize(
    ('frames', 'pixels', 'expected'),
    [
        ((0.5, 0.9), (0.25, 0.9), ['frames', 'pixels']),
        ((0.51, 1.0), (0.2, 0.95), ['pixels']),
        ((0.3, 0.89), (0.26, 1.0), []),
    ],
)
def test_a_gate_keeps_most_of_the_gain_on_little(
    frames: tuple[float, float], pixels: tuple[float, float], expected: list[str]
) -> None:
    figures = {
        what: {'share': share, 'kept': kept}
        for what, (share, kept) in (('frames', frames), ('pixels', pixels))
    }

    assert keeps_enough(figures) == expected
