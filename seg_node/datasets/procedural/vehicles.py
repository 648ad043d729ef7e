# SPDX-License-Identifier: Apache-2.0
"""Cars, vans, trucks, buses and trams; their origin is on the ground below the middle."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, Random, random_for, vector
from .classes import BUS, CAR, TRAIN, TRUCK
from .mesh import Mesh, MeshBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIANTS = 40
GLASS = vector(46, 54, 62)
BLACK = vector(24, 24, 26)
RED_LAMP = vector(190, 24, 20)
WHITE_LAMP = vector(250, 246, 226)
PAINTS = (
    (28, 28, 32),
    (210, 212, 214),
    (150, 154, 158),
    (92, 96, 102),
    (146, 22, 26),
    (32, 58, 112),
    (236, 236, 236),
    (60, 66, 70),
    (28, 70, 52),
    (168, 148, 110),
    (70, 110, 160),
    (196, 158, 40),
)


@cache
def vehicle(kind: str, variant: int) -> Mesh:
    """Return variant 0..VARIANTS-1 of 'car', 'van', 'truck', 'bus' or 'train'."""
    rng = random_for(707, len(kind) * 31 + ord(kind[0]), variant)
    return _MAKERS[kind](rng)


def _paint(rng: Random) -> Floats:
    return vector(*PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.1)


def _rect(a0: float, a1: float, b0: float, b1: float) -> list[tuple[float, float]]:
    return [(a0, b0), (a1, b0), (a1, b1), (a0, b1)]


def _lamps(b: MeshBuilder, front: float, back: float, half: float, z: float) -> None:
    for side in (-1, 1):
        inner, outer = side * (half - 0.36), side * (half - 0.06)
        b.end(front + 0.012, _rect(inner, outer, z, z + 0.14), WHITE_LAMP, 1, 0.7)
        b.end(back - 0.012, _rect(inner, outer, z + 0.08, z + 0.24), RED_LAMP, -1, 0.6)
    plate = vector(224, 222, 206)
    b.end(front + 0.012, _rect(-0.26, 0.26, 0.36, 0.47), plate, 1)
    b.end(back - 0.012, _rect(-0.26, 0.26, 0.46, 0.57), plate, -1)


def _car(rng: Random) -> Mesh:
    b = MeshBuilder(CAR)
    paint = _paint(rng)
    half = rng.uniform(0.84, 0.94)
    front, back = rng.uniform(1.95, 2.3), -rng.uniform(1.8, 2.3)
    top, belt = rng.uniform(1.40, 1.68), rng.uniform(0.86, 0.98)
    estate = rng.random() < 0.5
    nose = rng.uniform(0.8, 1.1)
    floor, radius = 0.24, rng.uniform(0.30, 0.34)
    axles = (front - rng.uniform(0.72, 0.85), back + rng.uniform(0.68, 0.85))
    b.treads(axles, radius, half, floor)
    b.box((back + 0.2, -half + 0.12, 0.12), (front - 0.2, half - 0.12, 0.4), BLACK)
    b.prism(
        [
            (back + 0.05, floor),
            (front - 0.05, floor),
            (front, 0.55),
            (front - 0.12, belt - 0.2),
            (front - nose, belt),
            (back + 0.08, belt),
            (back, 0.6),
        ],
        half,
        paint,
    )
    roof_back = back + (0.35 if estate else rng.uniform(0.8, 1.1))
    roof_front = front - nose - rng.uniform(0.6, 0.85)
    tail = back + (0.08 if estate else 0.3)
    cabin = [(tail, belt), (front - nose, belt), (roof_front, top), (roof_back, top)]
    b.prism(cabin, half - 0.02, paint, inset=0.17)
    _cabin_glass(b, cabin, half - 0.02)
    b.end(front + 0.006, _rect(-half * 0.6, half * 0.6, 0.5, 0.62), BLACK, 1)
    b.sides(_rect(back + 0.4, front - 0.4, floor, floor + 0.1), half + 0.003, BLACK)
    for x in axles:
        b.wheel(x, radius, half + 0.01)
    _lamps(b, front, back, half, 0.62)
    return b.build()


def _cabin_glass(b: MeshBuilder, cabin: Sequence[tuple[float, float]], half: float) -> None:
    """Windows on the four sides of a cabin whose walls lean inwards."""
    (tail, belt), (nose, _), (roof_front, top), (roof_back, _) = cabin

    def point(x: float, share: float, side: float) -> tuple[float, float, float]:
        return (x, side * (half - 0.17 * share + 0.008), belt + (top - belt) * share)

    low, high = 0.1, 0.86
    for side in (-1.0, 1.0):
        for a, c in ((0.06, 0.47), (0.53, 0.93)):
            quad = []
            for share, ends in ((low, (a, c)), (high, (c, a))):
                x0 = tail + (roof_back - tail) * share
                x1 = nose + (roof_front - nose) * share
                quad += [point(x0 + (x1 - x0) * e, share, side) for e in ends]
            b.face(np.array(quad), GLASS, vector(0, side, 0))
    for foot, head, way, colour in (
        (nose, roof_front, 1, GLASS * 1.5),
        (tail, roof_back, -1, GLASS),
    ):
        quad = []
        for share, sides in ((low, (-1, 1)), (high, (1, -1))):
            x = foot + (head - foot) * share + way * 0.01
            quad += [
                (x, s * (half - 0.17 * share - 0.1), belt + (top - belt) * share) for s in sides
            ]
        b.face(np.array(quad), colour, vector(way, 0, 0.2))


def _van(rng: Random) -> Mesh:
    b = MeshBuilder(CAR)
    paint = _paint(rng) if rng.random() < 0.5 else vector(226, 228, 230)
    half, front, back, top = 0.98, 2.5, -2.4, rng.uniform(1.9, 2.3)
    axles = (front - 0.85, back + 0.85)
    b.treads(axles, 0.34, half, 0.3)
    b.box((back + 0.2, -half + 0.1, 0.14), (front - 0.2, half - 0.1, 0.4), BLACK)
    b.prism(
        [
            (back, 0.3),
            (front, 0.3),
            (front, 0.95),
            (front - 0.5, 1.15),
            (front - 1.2, top),
            (back, top),
        ],
        half,
        paint,
        inset=0.08,
    )
    b.face(
        np.array(
            [
                (front - 0.52, -0.8, 1.2),
                (front - 0.52, 0.8, 1.2),
                (front - 1.1, 0.75, top - 0.12),
                (front - 1.1, -0.75, top - 0.12),
            ]
        ),
        GLASS * 1.4,
        vector(1, 0, 0.5),
    )
    b.sides([(0.6, 1.15), (1.75, 1.15), (1.3, top - 0.2), (0.6, top - 0.2)], half - 0.03, GLASS)
    b.end(back - 0.01, _rect(-0.75, 0.75, 1.2, top - 0.25), GLASS, -1)
    for x in axles:
        b.wheel(x, 0.34, half + 0.01)
    _lamps(b, front, back, half, 0.7)
    return b.build()


def _truck(rng: Random) -> Mesh:
    b = MeshBuilder(TRUCK)
    paint, cargo = (
        _paint(rng),
        vector(*rng.uniform(90, 240, 3)) if rng.random() < 0.6 else vector(225, 225, 222),
    )
    half, length, top = 1.22, rng.uniform(6.0, 9.5), rng.uniform(2.9, 3.8)
    front, back, split = length / 2, -length / 2, length / 2 - 1.9
    axles = (front - 0.9, back + 0.9, back + 1.95) if length > 8 else (front - 0.9, back + 1.1)
    b.treads(axles, 0.5, half, 0.9)
    b.box((back, -half + 0.25, 0.45), (front, half - 0.25, 0.95), BLACK * 1.6)
    kind = rng.random()
    if kind < 0.6:
        b.box((back, -half, 0.95), (split - 0.15, half, top), cargo)
        b.sides(
            _rect(back + 0.8, split - 0.9, 1.7, top - 0.7),
            half + 0.004,
            cargo * rng.uniform(0.4, 0.9),
        )
        b.end(back - 0.005, _rect(-0.03, 0.03, 1.0, top), BLACK, -1)
    elif kind < 0.8:
        b.box((back, -half, 0.95), (split - 0.15, half, 1.75), cargo)
    else:
        turn = np.arange(10) * 2 * np.pi / 10
        b.prism(
            [(back, 1.0), (split - 0.2, 1.0), (split - 0.2, 2.6), (back, 2.6)],
            0.8,
            cargo,
            inset=0.2,
        )
        del turn
    b.prism(
        [(split, 0.6), (front, 0.6), (front, 1.5), (front - 0.25, 2.6), (split, 2.75)], half, paint
    )
    b.face(
        np.array(
            [
                (front + 0.005, -1.05, 1.55),
                (front + 0.005, 1.05, 1.55),
                (front - 0.22, 1.0, 2.5),
                (front - 0.22, -1.0, 2.5),
            ]
        ),
        GLASS * 1.3,
        vector(1, 0, 0),
    )
    b.sides(
        [(split + 0.6, 1.5), (front - 0.15, 1.5), (front - 0.35, 2.4), (split + 0.6, 2.4)],
        half + 0.006,
        GLASS,
    )
    for x in axles:
        b.wheel(x, 0.5, half + 0.01, 0.5)
    _lamps(b, front, back, half, 0.75)
    return b.build()


def _bus(rng: Random) -> Mesh:
    b = MeshBuilder(BUS)
    paint = vector(
        *(
            (
                (176, 24, 26),
                (196, 40, 34),
                (230, 190, 40),
                (236, 236, 232),
                (36, 92, 150),
                (40, 130, 90),
                (224, 120, 30),
            )[rng.integers(7)]
        )
    )
    half, length, top = 1.25, rng.uniform(10, 12.5), 3.05 if rng.random() < 0.75 else 4.2
    front, back = length / 2, -length / 2
    axles = (front - 2.6, back + 3.0)
    b.treads(axles, 0.48, half, 0.35)
    b.box((back, -half, 0.35), (front, half, top), paint)
    decks = [1.15] if top < 3.5 else [1.0, 2.75]
    for sill in decks:
        x = back + 0.5
        while x < front - 1.2:
            b.sides(
                _rect(x, x + 1.35, sill, sill + 1.1), half + 0.005, GLASS * rng.uniform(0.9, 1.4)
            )
            x += 1.5
        b.end(front + 0.006, _rect(-1.1, 1.1, sill - 0.1, sill + 1.3), GLASS * 1.4, 1)
        b.end(back - 0.006, _rect(-0.95, 0.95, sill + 0.15, sill + 1.0), GLASS, -1)
    b.end(front + 0.007, _rect(-0.9, 0.9, top - 0.5, top - 0.15), vector(30, 26, 10), 1)
    b.end(front + 0.008, _rect(-0.6, 0.6, top - 0.42, top - 0.23), vector(250, 170, 40), 1, 1.0)
    b.sides(_rect(back, front, 0.35, 0.6), half + 0.004, paint * 0.45)
    for x in axles:
        b.wheel(x, 0.48, half + 0.01, 0.5)
    _lamps(b, front, back, half, 0.65)
    return b.build()


def _train(rng: Random) -> Mesh:
    b = MeshBuilder(TRAIN)
    paint = vector(
        *(
            (
                (232, 226, 206),
                (190, 32, 36),
                (36, 88, 156),
                (236, 196, 44),
                (60, 128, 84),
                (200, 204, 208),
            )[rng.integers(6)]
        )
    )
    band = vector(*rng.uniform(20, 230, 3))
    half, length, top = 1.28, rng.uniform(13, 17), rng.uniform(3.3, 3.7)
    front, back = length / 2, -length / 2
    b.box((back + 0.4, -half + 0.2, 0.02), (front - 0.4, half - 0.2, 0.5), BLACK)
    b.prism(
        [
            (back, 0.4),
            (front, 0.4),
            (front, 1.2),
            (front - 0.45, top),
            (back + 0.45, top),
            (back, 1.2),
        ],
        half,
        paint,
        inset=0.05,
    )
    b.sides(_rect(back + 0.3, front - 0.3, 0.4, 0.95), half + 0.004, band)
    x = back + 0.9
    while x < front - 2.0:
        door = rng.random() < 0.25
        b.sides(
            _rect(x, x + 1.4, 0.65 if door else 1.35, 2.5),
            half - 0.0,
            GLASS * rng.uniform(0.9, 1.3),
        )
        x += 1.65
    for way, end in ((1, front), (-1, back)):
        b.face(
            np.array(
                [
                    (end - way * 0.02, -1.0, 1.3),
                    (end - way * 0.02, 1.0, 1.3),
                    (end - way * 0.28, 1.0, 2.6),
                    (end - way * 0.28, -1.0, 2.6),
                ]
            )
            + vector(way * 0.05, 0, 0),
            GLASS * 1.2,
            vector(way, 0, 0),
        )
        b.end(
            end - way * 0.2,
            _rect(-0.6, 0.6, top - 0.55, top - 0.3),
            vector(250, 180, 40),
            way,
            1.0,
        )
    b.box((-1.2, -0.7, top), (1.0, 0.7, top + 0.25), BLACK * 3)
    _lamps(b, front, back, half, 0.7)
    return b.build()


_MAKERS = {'car': _car, 'van': _van, 'truck': _truck, 'bus': _bus, 'train': _train}
