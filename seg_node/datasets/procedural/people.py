# SPDX-License-Identifier: Apache-2.0
"""Persons, riders, bicycles and motorcycles as jointed round bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi, sin

import numpy as np

from .arrays import Floats, Random, vector
from .canvas import Limbs
from .classes import BICYCLE, MOTORCYCLE, PERSON, RIDER

SKINS = np.array(
    ((226, 184, 156), (196, 144, 112), (134, 92, 66), (92, 62, 46), (236, 200, 176)), np.float64
)
CLOTHES = np.array(
    (
        (34, 36, 44),
        (54, 64, 92),
        (120, 116, 108),
        (178, 38, 40),
        (214, 208, 196),
        (70, 88, 62),
        (40, 92, 132),
        (232, 222, 60),
        (128, 84, 56),
        (90, 60, 100),
        (236, 236, 236),
        (24, 24, 26),
        (220, 118, 40),
    ),
    np.float64,
)


@dataclass
class Figure:
    """Collects bars in the figure's own frame: x forward, y left, z up."""

    bars: list[tuple[float, ...]] = field(default_factory=list)
    colours: list[Floats] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def bar(
        self,
        start: tuple[float, float, float],
        stop: tuple[float, float, float],
        radii: tuple[float, float],
        colour: Floats,
        label: int,
    ) -> None:
        """Add one bar."""
        self.bars.append((*start, *stop, *radii))
        self.colours.append(colour)
        self.labels.append(label)

    def place(self, position: Floats, yaw: float, scale: float = 1.0) -> Limbs:
        """Turn by ``yaw`` and move to ``position`` (3,)."""
        rows = np.array(self.bars) * scale
        c, s = cos(yaw), sin(yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        return Limbs(
            rows[:, :3] @ turn + position,
            rows[:, 3:6] @ turn + position,
            rows[:, 6:],
            np.array(self.colours),
            tuple(self.labels),
            np.zeros(len(rows)),
        )


def colour_of(rng: Random, choices: Floats) -> Floats:
    """Draw one of the colours (N, 3) and vary it a little."""
    drawn = choices[int(rng.random() * len(choices))] * (0.8 + 0.35 * rng.random())
    return np.asarray(np.minimum(drawn, 255))


def person(rng: Random, phase: float, label: int = PERSON) -> Figure:
    """A walking person about 1.7 m high; ``phase`` in radians moves the legs, 0 stands."""
    f = Figure()
    skin, coat, trousers = colour_of(rng, SKINS), colour_of(rng, CLOTHES), colour_of(rng, CLOTHES)
    hair = vector(*((30, 24, 20), (90, 66, 40), (150, 120, 70), (120, 120, 120))[rng.integers(4)])
    stout = rng.uniform(0.85, 1.25)
    swing = 0.36 * sin(phase)
    skirt = rng.random() < 0.2
    for side, way in ((1, 1.0), (-1, -1.0)):
        knee = (0.5 * way * swing + 0.05, side * 0.09, 0.48)
        foot = (way * swing, side * 0.09, 0.06)
        f.bar((0, side * 0.085, 0.9), knee, (0.095 * stout, 0.07), trousers, label)
        f.bar(knee, foot, (0.07, 0.05), skin if skirt else trousers, label)
        f.bar(foot, (foot[0] + 0.16, foot[1], 0.045), (0.05, 0.04), vector(30, 28, 28), label)
        hand = (-0.7 * way * swing + 0.05, side * (0.24 * stout), 0.86)
        elbow = (-0.3 * way * swing, side * 0.25 * stout, 1.1)
        f.bar((0, side * 0.19 * stout, 1.4), elbow, (0.06, 0.052), coat * 0.92, label)
        f.bar(elbow, hand, (0.05, 0.042), coat * 0.92, label)
        f.bar(hand, hand, (0.045, 0.045), skin, label)
    if skirt:
        f.bar((0, 0, 0.95), (0, 0, 0.62), (0.15, 0.22), coat * 0.7, label)
    f.bar((0, 0, 0.95), (0.01, 0, 1.34), (0.15 * stout, 0.18 * stout), coat, label)
    f.bar((0.01, 0, 1.4), (0.02, 0, 1.52), (0.06, 0.055), skin, label)
    f.bar((0.02, 0, 1.57), (0.02, 0, 1.62), (0.095, 0.1), skin, label)
    f.bar((-0.015, 0, 1.64), (0.01, 0, 1.67), (0.1, 0.085), hair, label)
    if rng.random() < 0.3:
        f.bar((-0.2, 0, 1.05), (-0.2, 0, 1.3), (0.12, 0.12), colour_of(rng, CLOTHES), label)
    return f


def bicycle(rng: Random) -> Figure:
    """A bicycle without its wheels, which are discs."""
    f = Figure()
    paint = colour_of(rng, CLOTHES)
    hub, front, saddle, head, crank = (
        (-0.5, 0, 0.34),
        (0.55, 0, 0.34),
        (-0.2, 0, 0.88),
        (0.36, 0, 0.88),
        (-0.05, 0, 0.3),
    )
    for a, c in (
        (hub, crank),
        (hub, saddle),
        (crank, saddle),
        (crank, head),
        (saddle, head),
        (head, front),
    ):
        f.bar(a, c, (0.026, 0.026), paint, BICYCLE)
    f.bar((-0.32, 0, 0.94), (-0.08, 0, 0.94), (0.05, 0.03), vector(20, 20, 20), BICYCLE)
    f.bar((0.3, 0.26, 1.03), (0.3, -0.26, 1.03), (0.025, 0.025), vector(40, 40, 40), BICYCLE)
    f.bar(head, (0.32, 0, 1.03), (0.025, 0.025), paint, BICYCLE)
    return f


def motorcycle(rng: Random) -> Figure:
    """A motorcycle or scooter without its wheels, which are discs."""
    f = Figure()
    paint, dark = colour_of(rng, CLOTHES), vector(40, 40, 44)
    f.bar((-0.4, 0, 0.45), (0.3, 0, 0.45), (0.2, 0.2), dark * 1.5, MOTORCYCLE)
    f.bar((-0.05, 0, 0.78), (0.32, 0, 0.8), (0.15, 0.17), paint, MOTORCYCLE)
    f.bar((-0.75, 0, 0.78), (-0.1, 0, 0.75), (0.11, 0.13), dark, MOTORCYCLE)
    f.bar((-0.75, 0, 0.68), (-0.9, 0, 0.7), (0.12, 0.06), paint, MOTORCYCLE)
    f.bar((0.72, 0, 0.32), (0.45, 0, 0.95), (0.05, 0.06), vector(150, 150, 154), MOTORCYCLE)
    f.bar((0.4, 0.34, 1.02), (0.4, -0.34, 1.02), (0.03, 0.03), dark, MOTORCYCLE)
    f.bar((0.52, 0, 0.86), (0.56, 0, 0.86), (0.12, 0.1), paint, MOTORCYCLE)
    f.bar((-0.6, 0.2, 0.35), (-0.1, 0.18, 0.35), (0.06, 0.05), vector(160, 160, 160), MOTORCYCLE)
    f.bar((-0.62, 0, 0.32), (0, 0, 0.4), (0.06, 0.1), dark, MOTORCYCLE)
    return f


def rider(
    rng: Random, phase: float, saddle: tuple[float, float], grip: tuple[float, float], pedal: float
) -> Figure:
    """A person who sits on a bicycle or motorcycle.

    Args:
        rng: Draws clothes and size.
        phase: Angle of the pedals in radians.
        saddle: (x, z) of the seat in metres.
        grip: (x, z) of the handlebar.
        pedal: Radius of the pedals' circle; 0 for a foot rest.
    """
    f = Figure()
    skin, coat, trousers = colour_of(rng, SKINS), colour_of(rng, CLOTHES), colour_of(rng, CLOTHES)
    x, z = saddle[0], saddle[1] + 0.1
    shoulder = (x + 0.28, z + 0.5)
    for side in (1, -1):
        turn = phase + (pi if side < 0 else 0.0)
        foot = (-0.02 + pedal * cos(turn), side * 0.12, 0.3 + pedal * sin(turn))
        knee = ((x + foot[0]) / 2 + 0.26, side * 0.11, (z + foot[2]) / 2 + 0.12)
        f.bar((x, side * 0.09, z), knee, (0.1, 0.075), trousers, RIDER)
        f.bar(knee, foot, (0.075, 0.055), trousers, RIDER)
        f.bar(
            foot,
            (foot[0] + 0.14, foot[1], foot[2] - 0.03),
            (0.05, 0.04),
            vector(26, 26, 28),
            RIDER,
        )
        elbow = (
            (shoulder[0] + grip[0]) / 2 - 0.04,
            side * 0.27,
            (shoulder[1] + grip[1]) / 2 - 0.1,
        )
        f.bar((shoulder[0], side * 0.18, shoulder[1]), elbow, (0.062, 0.055), coat * 0.92, RIDER)
        f.bar(elbow, (grip[0], side * 0.24, grip[1]), (0.052, 0.045), coat * 0.92, RIDER)
    f.bar((x, 0, z), shoulder_point(shoulder), (0.15, 0.18), coat, RIDER)
    head = (shoulder[0] + 0.1, 0.0, shoulder[1] + 0.26)
    f.bar(head, (head[0], 0, head[2] + 0.05), (0.1, 0.1), skin, RIDER)
    f.bar(
        (head[0] - 0.02, 0, head[2] + 0.08),
        (head[0] + 0.02, 0, head[2] + 0.09),
        (0.115, 0.11),
        colour_of(rng, CLOTHES),
        RIDER,
    )
    return f


def shoulder_point(shoulder: tuple[float, float]) -> tuple[float, float, float]:
    """The middle of the shoulders in three dimensions."""
    return (shoulder[0], 0.0, shoulder[1] - 0.08)
