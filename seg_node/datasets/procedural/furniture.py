# SPDX-License-Identifier: Apache-2.0
"""Poles, lamps, traffic lights, signs and trees."""

from __future__ import annotations

from functools import cache
from math import cos, sin
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, Random, random_for, vector
from .canvas import Limbs
from .classes import POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN, VEGETATION
from .mesh import Mesh, MeshBuilder
from .textures import crown, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scenery import Scenery

BOARDS = ((20, 74, 150), (20, 110, 70), (238, 238, 236), (240, 200, 40))
STEEL = ((120, 124, 126), (70, 74, 76), (160, 164, 166), (40, 58, 46), (96, 84, 70))


def bars(rows: Sequence[tuple[Floats, Floats, float, float, Floats, int, float]]) -> Limbs:
    """Make round bars of (start, stop, radius, radius, colour, label, glow) rows."""
    start, stop, r0, r1, colours, labels, glow = zip(*rows, strict=True)
    return Limbs(
        np.array(start),
        np.array(stop),
        np.stack([r0, r1], axis=1),
        np.array(colours),
        tuple(labels),
        np.array(glow),
    )


def steel(rng: Random) -> Floats:
    """Colour of a post."""
    return vector(*STEEL[rng.integers(len(STEEL))])


def lamp_post(scenery: Scenery, rng: Random, place: Floats, inward: Floats, *, lit: bool) -> None:
    """A street lamp whose arm reaches along ``inward`` (3,)."""
    height, reach = rng.uniform(5.5, 9.0), rng.uniform(0.8, 2.2)
    ink, top = steel(rng), place + vector(0, 0, height)
    head = top + inward * reach + vector(0, 0, 0.3)
    rows = [
        (place, top, 0.1, 0.06, ink, POLE, 0.0),
        (top, head, 0.05, 0.05, ink, POLE, 0.0),
        (
            head - inward * 0.2,
            head + inward * 0.4,
            0.09,
            0.07,
            vector(255, 226, 170) if lit else vector(190, 190, 186),
            POLE,
            float(lit),
        ),
    ]
    scenery.limbs(bars(rows), place, 0.2)


def plain_pole(scenery: Scenery, rng: Random, place: Floats) -> None:
    """A bollard or a mast."""
    height = 0.95 if rng.random() < 0.6 else rng.uniform(5, 8)
    ink = steel(rng) * rng.uniform(0.6, 1.2)
    radius = rng.uniform(0.05, 0.09) if height < 1 else rng.uniform(0.08, 0.15)
    scenery.limbs(
        bars([(place, place + vector(0, 0, height), radius, radius * 0.9, ink, POLE, 0.0)]),
        place,
        0.15,
    )


@cache
def signal_head(phase: int, *, board: bool) -> Mesh:
    """Three lamps in a dark box whose foot is at z = 0; ``phase`` 0 red, 1 amber, 2 green."""
    b = MeshBuilder(TRAFFIC_LIGHT)
    b.box((-0.13, -0.17, 0.0), (0.13, 0.17, 0.98), vector(26, 28, 28))
    if board:
        b.end(0.131, [(-0.3, -0.1), (0.3, -0.1), (0.3, 1.08), (-0.3, 1.08)], vector(20, 20, 22), 1)
    for index, colour in enumerate(((236, 40, 30), (250, 180, 40), (40, 222, 120))):
        on = index == phase
        turn = np.arange(8) * (np.pi / 4)
        disc = [(0.12 * cos(t), 0.82 - 0.32 * index + 0.12 * sin(t)) for t in turn]
        b.end(0.14, disc, vector(*colour) * (1.0 if on else 0.22), 1, float(on))
    return b.build()


def traffic_light(scenery: Scenery, rng: Random, place: Floats, yaw: float) -> None:
    """A traffic light on a post; ``yaw`` is where its front looks."""
    front = vector(cos(yaw), sin(yaw), 0)
    height, ink = rng.uniform(2.3, 3.2), steel(rng)
    phase, board = int(rng.integers(3)), rng.random() < 0.5
    post = bars([(place, place + vector(0, 0, height + 0.8), 0.07, 0.06, ink, POLE, 0.0)])
    head = place + vector(0, 0, height) + front * 0.15
    scenery.mounted(post, signal_head(phase, board=board), head, yaw)
    if rng.random() < 0.4:
        _overhead_light(scenery, place, yaw, ink, phase)


def _overhead_light(scenery: Scenery, place: Floats, yaw: float, ink: Floats, phase: int) -> None:
    across = vector(-sin(yaw), cos(yaw), 0)
    across *= -1.0 if across @ place > 0 else 1.0
    top = place + vector(0, 0, 5.8)
    arm = top + across * 3.4
    post = bars([(place, top, 0.09, 0.07, ink, POLE, 0.0), (top, arm, 0.06, 0.05, ink, POLE, 0.0)])
    head = arm - vector(0, 0, 0.9) + vector(cos(yaw), sin(yaw), 0) * 0.15
    scenery.mounted(post, signal_head(phase, board=True), head, yaw)


@cache
def sign_plates(variant: int) -> Mesh:
    """One or two traffic signs above each other."""
    rng = random_for(808, variant)
    b = MeshBuilder(TRAFFIC_SIGN)
    top = rng.uniform(1.9, 2.6)
    for _ in range(1 + (rng.random() < 0.3)):
        top = _plate(b, rng, top) + 0.06
    return b.build()


def sign(scenery: Scenery, rng: Random, place: Floats, yaw: float) -> None:
    """One or two traffic signs on a post; ``yaw`` is where their fronts look."""
    ink = vector(140, 142, 144) * rng.uniform(0.8, 1.1)
    mesh = sign_plates(int(rng.integers(120)))
    top = float(mesh.vertices[:, 2].max())
    post = bars([(place, place + vector(0, 0, top - 0.04), 0.04, 0.04, ink, POLE, 0.0)])
    scenery.mounted(post, mesh, place + vector(cos(yaw), sin(yaw), 0) * 0.06, yaw)


def _plate(b: MeshBuilder, rng: Random, z: float) -> float:
    """Add a sign whose lower edge is at z; return its upper edge."""
    kind, size = rng.integers(6), rng.uniform(0.3, 0.42)
    red, white, blue, yellow = (
        vector(200, 24, 28),
        vector(240, 240, 238),
        vector(24, 70, 160),
        vector(246, 200, 30),
    )
    turn = np.arange(16) * (np.pi / 8)
    middle = z + size

    def shape(scale: float, angles: Floats) -> list[tuple[float, float]]:
        return [(scale * size * cos(t), middle + scale * size * sin(t)) for t in angles]

    triangle, octagon = np.array([0.5, 7 / 6, 11 / 6]) * np.pi, (np.arange(8) + 0.5) * np.pi / 4
    square = np.array([0.25, 0.75, 1.25, 1.75]) * np.pi
    outline, rim, inner = (
        (turn, red, white),
        (triangle, red, white),
        (octagon, red, red * 0.95),
        (square, blue, blue * 1.1),
        (turn, blue, blue),
        (square, white, yellow),
    )[kind]
    b.end(0.0, shape(1.0, outline), vector(130, 132, 134), -1)
    b.end(0.0, shape(1.0, outline), rim, 1, 0.15)
    b.end(0.004, shape(0.74, outline), inner, 1, 0.15)
    mark = white if kind in {2, 3, 4} else vector(20, 20, 20)
    h = size * rng.uniform(0.1, 0.34)
    b.end(
        0.008,
        [
            (-0.4 * size, middle - h / 2),
            (0.4 * size, middle - h / 2),
            (0.4 * size, middle + h / 2),
            (-0.4 * size, middle + h / 2),
        ],
        mark,
        1,
    )
    return middle + size


@cache
def direction_board(variant: int) -> Mesh:
    """A large sign with lines of text."""
    rng = random_for(809, variant)
    half, height, low = rng.uniform(0.8, 1.6), rng.uniform(1.0, 1.8), rng.uniform(1.8, 2.6)
    ground = vector(*BOARDS[rng.integers(len(BOARDS))])
    ink = vector(240, 240, 240) if ground[0] < 100 else vector(24, 24, 24)
    b = MeshBuilder(TRAFFIC_SIGN)
    rect = [(-half, low), (half, low), (half, low + height), (-half, low + height)]
    b.end(0.0, rect, vector(120, 122, 124), -1)
    b.end(0.0, rect, ground, 1, 0.1)
    for row in np.linspace(low + 0.15, low + height - 0.35, 3).tolist():
        left, right = -half + 0.15, half - 0.15 - rng.uniform(0, 0.6)
        line = [(left, row), (right, row), (right, row + 0.18), (left, row + 0.18)]
        b.end(0.01, line, ink, 1, 0.1)
    return b.build()


def board(scenery: Scenery, rng: Random, place: Floats, yaw: float) -> None:
    """A large direction sign on two posts."""
    mesh = direction_board(int(rng.integers(60)))
    across = vector(-sin(yaw), cos(yaw), 0) * mesh.width * 0.35
    rise = vector(0, 0, float(mesh.vertices[:, 2].max()) - 0.1)
    ink = vector(140, 142, 144)
    feet = (place - across, place + across)
    post = bars([(foot, foot + rise, 0.05, 0.05, ink, POLE, 0.0) for foot in feet])
    scenery.mounted(post, mesh, place + vector(cos(yaw), sin(yaw), 0) * 0.07, yaw)


def tree(scenery: Scenery, rng: Random, place: Floats, size: float) -> None:
    """A tree ``size`` metres high."""
    variant = int(rng.integers(VARIANTS))
    conifer = variant % 6 == 5
    clear = size * (0.08 if conifer else rng.uniform(0.2, 0.34))
    width = size * (rng.uniform(0.45, 0.6) if conifer else rng.uniform(0.6, 0.95))
    bark = vector(*((84, 70, 56), (104, 94, 82), (60, 52, 46))[rng.integers(3)])
    radius = 0.035 * size * rng.uniform(0.6, 1.0)
    trunk = bars(
        [
            (
                place,
                place + vector(0, 0, clear + size * 0.3),
                radius,
                radius * 0.6,
                bark,
                VEGETATION,
                0.0,
            )
        ]
    )
    scenery.limbs(trunk, place, 0.4)
    scenery.sprite(crown(variant), place + vector(0, 0, clear), (width, size - clear), VEGETATION)


def bush(scenery: Scenery, rng: Random, place: Floats) -> None:
    """A bush that touches the ground."""
    size = rng.uniform(0.8, 2.2)
    scenery.sprite(
        crown(int(rng.integers(VARIANTS))),
        place - vector(0, 0, 0.15 * size),
        (size * rng.uniform(1.0, 1.7), size),
        VEGETATION,
    )
