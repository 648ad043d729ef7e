# SPDX-License-Identifier: Apache-2.0
"""The gate: which frames need the CRF, and what is lost where the others go without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.tuning.measure import MARGINS, THRESHOLDS
from seg_node.tuning.sums import Effect, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.tuning.measure import FrameEffect

__all__ = [
    'KEPT',
    'MOST',
    'Gate',
    'GateEffect',
    'behind_gate',
    'fit_gate',
    'fit_margin',
    'keeps_enough',
    'within_pixels',
]

KEPT = 0.9
"""Share of the gain that a gate is to keep."""

MOST = {'frames': 0.5, 'pixels': 0.25}
"""On how much of these it is to do so."""

AIM = 0.95  # the same on the frames that the gate is fitted on: others differ
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Gate:
    """When the CRF runs on a frame.

    Attributes:
        entropy_threshold: A pixel is uncertain above this normalised entropy, 0 to 1.
        min_uncertain_fraction: The CRF runs where at least this share of pixels is uncertain.
    """

    entropy_threshold: float
    min_uncertain_fraction: float


OPEN = Gate(THRESHOLDS[0], 0.0)


@dataclass(frozen=True, slots=True)
class GateEffect:
    """What a gate saves and what it costs.

    Attributes:
        frames: How many there are.
        refined: How many of them, parts of frames included, are refined.
        gain: What the CRF adds to the boundary F1 of all frames if it runs on all pixels.
        kept: What it adds behind the gate.
        effect: On mean IoU and boundary F1, behind the gate.
    """

    frames: int
    refined: float
    gain: float
    kept: float
    effect: Effect

    def __add__(self, other: GateEffect) -> GateEffect:
        """Return the effect on the frames of both, whose gates may differ."""
        return GateEffect(
            self.frames + other.frames,
            self.refined + other.refined,
            self.gain + other.gain,
            self.kept + other.kept,
            self.effect + other.effect,
        )

    @property
    def share(self) -> float:
        """Share of what is refined, 0 to 1."""
        return self.refined / self.frames

    @property
    def kept_share(self) -> float:
        """Share of the gain that is kept; 0 where there is none."""
        return self.kept / self.gain if self.gain > 0 else 0.0


def fit_gate(frames: Sequence[FrameEffect]) -> Gate:
    """Return the gate that runs on the fewest frames and keeps 95 % of the gain.

    The boundary F1 of a set is the mean over its images, so that the gains of frames add up. For
    each entropy the frames are taken in order of their uncertain share.

    Args:
        frames: At least one.

    Returns:
        The gate; one that is open to all frames if there is no gain to be kept.
    """
    gains = np.array([_gain(frame.effect) for frame in frames])
    if not gains.sum() > 0:
        return OPEN
    found = []
    for number, threshold in enumerate(THRESHOLDS):
        shares = np.array([frame.uncertain[number] for frame in frames])
        order = np.argsort(-shares, kind='stable')
        falling = shares[order]
        kept = np.cumsum(gains[order]) / gains.sum()
        # frames with equal shares cannot be told apart: all of them run, or none
        kept[np.append(falling[1:] == falling[:-1], False)] = 0.0
        count = int(np.flatnonzero(kept >= AIM)[0]) + 1
        found.append((count, -kept[count - 1], threshold, _between(falling, count)))
    _, _, threshold, share = min(found)
    return Gate(threshold, share)


def _between(falling: npt.NDArray[np.float64], count: int) -> float:
    """Return a short number that the first ``count`` shares reach and later ones do not."""
    last = float(falling[count - 1])
    following = float(falling[count]) if count < len(falling) else 0.0
    middle = round((last + following) / 2, DIGITS)
    return middle if following < middle <= last else last


def behind_gate(frames: Sequence[FrameEffect], gate: Gate) -> GateEffect:
    """Return what a gate on frames does.

    Args:
        frames: At least one.
        gate: From ``fit_gate``, of these frames or of others.
    """
    number = THRESHOLDS.index(gate.entropy_threshold)
    runs = [frame.uncertain[number] >= gate.min_uncertain_fraction for frame in frames]
    effects = [
        frame.effect if ran else Effect(frame.effect.before, frame.effect.before)
        for frame, ran in zip(frames, runs, strict=True)
    ]
    return _gate_effect(frames, effects, float(sum(runs)))


def fit_margin(frames: Sequence[FrameEffect]) -> float | None:
    """Return the least margin whose unsettled pixels hold 95 % of the gain.

    Args:
        frames: At least one.

    Returns:
        One of ``MARGINS``; None if no margin holds as much, or there is no gain to be kept.
    """
    enough = [one for one in MARGINS if within_pixels(frames, one).kept_share >= AIM]
    return min(enough, default=None)


def within_pixels(frames: Sequence[FrameEffect], margin: float | None) -> GateEffect:
    """Return what the CRF does if the network's scores settle pixels by a margin.

    Args:
        frames: At least one.
        margin: One of ``MARGINS``, or None for all pixels.
    """
    refined = float(len(frames))
    if margin is not None:
        refined = float(sum(frame.unsettled[MARGINS.index(margin)] for frame in frames))
    return _gate_effect(frames, [frame.behind(margin).effect for frame in frames], refined)


def keeps_enough(figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return which gates keep 90 % of the gain on half of the frames or a quarter of the pixels.

    Args:
        figures: For ``frames`` and ``pixels``, the ``share`` that is refined and the share of the
            gain that is ``kept``.
    """
    return [
        what
        for what, most in MOST.items()
        if figures[what]['kept'] >= KEPT and figures[what]['share'] <= most
    ]


def _gate_effect(
    frames: Sequence[FrameEffect], effects: Sequence[Effect], refined: float
) -> GateEffect:
    return GateEffect(
        frames=len(frames),
        refined=refined,
        gain=sum(_gain(frame.effect) for frame in frames),
        kept=sum(_gain(effect) for effect in effects),
        effect=total(effects),
    )


def _gain(effect: Effect) -> float:
    """Return what a frame adds to the gain of the set."""
    return float(effect.after.of_images[0] - effect.before.of_images[0])
