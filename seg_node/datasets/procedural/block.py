# SPDX-License-Identifier: Apache-2.0
"""One block of the street: ground, buildings, gardens, walls, fences, trees, street furniture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Bytes, Floats, pick, Random, random_for, vector
from .canvas import Panel, Texture
from .classes import BUILDING, FENCE, ROAD, SIDEWALK, TERRAIN, VEGETATION, WALL
from .furniture import board, bush, lamp_post, plain_pole, sign, traffic_light, tree
from .scenery import Scenery, UPRIGHT
from .textures import brickwork, facade, fence, hedge, PLASTER, side_wall, STOREY, VARIANTS

if TYPE_CHECKING:
    from .light import Light
    from .street import Street

BLOCK = 40.0  # metres
FRONTAGES = ('city', 'houses', 'park', 'wall', 'fence', 'yard', 'verge')


@dataclass(frozen=True)
class Style:
    """Colours and habits that one world keeps."""

    asphalt: Floats
    paving: Floats
    grass: Floats
    kerb: Floats
    frontages: tuple[float, ...]
    storeys: int
    trees: float
    crossings: float


def draw_style(rng: Random) -> Style:
    """Draw the style of a world."""
    grey = rng.uniform(78, 142)
    town = rng.random()
    weights = (
        ((8, 1, 0.6, 1.5, 1.2, 0.8, 0.4) if town < 0.58 else (2, 6, 1.2, 2.2, 1.8, 0.6, 1.5))
        if town < 0.85
        else (1, 1, 3, 3, 2.5, 2, 3)
    )
    return Style(
        vector(grey, grey, grey) + rng.normal(0, 3, 3),
        vector(
            *((168, 162, 152), (146, 144, 140), (176, 150, 132), (126, 124, 122))[rng.integers(4)]
        ),
        vector(rng.uniform(84, 134), rng.uniform(108, 140), rng.uniform(46, 72)),
        vector(172, 170, 164) * rng.uniform(0.8, 1.15),
        tuple(float(w) for w in weights),
        int(rng.integers(2, 8)),
        rng.uniform(0.1, 0.9),
        rng.uniform(0.15, 0.7),
    )


@dataclass
class Block:
    """Builds the things between s and s + BLOCK."""

    street: Street
    style: Style
    light: Light
    rng: Random
    s: float
    scenery: Scenery
    crossing: bool = False

    def build(self) -> None:
        """Lay the ground and put everything on it."""
        rng = self.rng
        self.crossing = rng.random() < self.style.crossings
        self._terrain()
        for side in (1, -1):
            self._sidewalk(side)
        self._road()
        for side in (1, -1):
            kind = pick(rng, FRONTAGES, self.style.frontages)
            start = self.s + (13.0 if self.crossing else 0.0)
            self._frontage(side, kind, start, self.s + BLOCK)
            self._furniture(side, start)
        if self.crossing:
            self._side_street()

    # ground ---------------------------------------------------------------------------------

    def _terrain(self) -> None:
        for side in (1, -1):
            edge = self.street.kerb(side)
            outline = self.street.strip(self.s, self.s + BLOCK, side * edge, side * (edge + 45))
            tone = self.rng.uniform(0.85, 1.15)
            bare = vector(138, 118, 92) if self.rng.random() < 0.15 else self.style.grass
            self.scenery.patch(outline, bare * tone, TERRAIN)

    def _sidewalk(self, side: int) -> None:
        street, s = self.street, self.s
        kerb, edge = street.kerb(side), street.edge(side)
        strip = self.rng.random() < 0.22 and edge - kerb > 2.2
        self.scenery.patch(
            street.strip(s, s + BLOCK, side * kerb, side * edge), self.style.paving, SIDEWALK
        )
        if strip:
            outline = street.strip(s + 1, s + BLOCK - 1, side * (kerb + 0.3), side * (kerb + 1.3))
            self.scenery.patch(outline, self.style.grass, TERRAIN)
        self.scenery.patch(
            street.strip(s, s + BLOCK, side * kerb, side * (kerb + 0.16)),
            self.style.kerb,
            SIDEWALK,
        )

    def _road(self) -> None:
        street, s, patch = self.street, self.s, self.scenery.patch
        left, right = street.kerb(1), street.kerb(-1)
        if self.crossing:
            patch(street.strip(s + 3, s + 10, -60, 60), self.style.asphalt * 0.97, ROAD)
        patch(street.strip(s, s + BLOCK, -right, left), self.style.asphalt, ROAD)
        self._repairs()
        self._median()
        self._lines()
        if self.crossing or self.rng.random() < 0.15:
            self._zebra(s + 11.3)

    def _repairs(self) -> None:
        rng, street = self.rng, self.street
        for _ in range(int(rng.integers(0, 4))):
            s, d = (
                self.s + rng.uniform(0, 32),
                rng.uniform(-street.carriage(), street.carriage() - 1.5),
            )
            outline = street.strip(s, s + rng.uniform(1, 7), d, d + rng.uniform(0.6, 1.8))
            self.scenery.patch(outline, self.style.asphalt * rng.uniform(0.72, 1.16), ROAD)
        for _ in range(int(rng.integers(0, 3))):
            s, d = self.s + rng.uniform(0, 38), rng.uniform(-street.carriage(), street.carriage())
            turn = np.arange(10) * (np.pi / 5)
            cover = street.points(s + 0.33 * np.cos(turn), d + 0.33 * np.sin(turn))
            self.scenery.patch(cover, vector(58, 56, 54), ROAD)

    def _median(self) -> None:
        street, s, m = self.street, self.s, self.street.median
        start = s + (13 if self.crossing else 0)
        if street.tram:
            if street.lane < 3.2 and not self.crossing:
                self.scenery.patch(
                    street.strip(start, s + BLOCK, -m, m), self.style.grass, TERRAIN
                )
            for track in (-m / 2, m / 2):
                for rail in (-0.72, 0.72):
                    outline = street.strip(s, s + BLOCK, track + rail - 0.05, track + rail + 0.05)
                    self.scenery.patch(outline, vector(120, 116, 112), ROAD)
        elif m:
            planted = self.rng.random() < 0.6
            colour, label = (
                (self.style.grass, TERRAIN) if planted else (self.style.paving, SIDEWALK)
            )
            self.scenery.patch(street.strip(start, s + BLOCK, -m, m), self.style.kerb, SIDEWALK)
            self.scenery.patch(street.strip(start, s + BLOCK, 0.15 - m, m - 0.15), colour, label)
            for _ in range(int(self.rng.integers(0, 4))):
                bush(self.scenery, self.rng, street.point(self.rng.uniform(start, s + BLOCK), 0))

    def _lines(self) -> None:
        street, white = self.street, vector(222, 222, 216) * self.rng.uniform(0.82, 1.05)
        start = self.s + (13 if self.crossing else 0)
        for way in (1, -1):
            if street.median == 0:
                self._dashes(start, 0.0, white, 6.0 if way > 0 else 0.0)
            for index in range(1, street.lanes):
                self._dashes(start, way * (street.median + index * street.lane), white, 9.0)
            edge = way * street.carriage()
            if street.cycle or street.parking[way < 0]:
                self._mark(start, self.s + BLOCK, edge - 0.06, edge + 0.06, white)
        yellow = vector(206, 180, 60)
        for side in (1, -1):
            if not street.parking[side < 0] and street.drive < 0:
                for gap in (0.3, 0.55):
                    d = side * (street.kerb(side) - gap)
                    self._mark(start, self.s + BLOCK, d, d + 0.08, yellow)

    def _dashes(self, start: float, d: float, colour: Floats, pitch: float) -> None:
        s = start
        while pitch and s < self.s + BLOCK:
            self._mark(s, min(s + pitch / 3, self.s + BLOCK), d - 0.07, d + 0.07, colour)
            s += pitch

    def _mark(self, s0: float, s1: float, d0: float, d1: float, colour: Floats) -> None:
        self.scenery.patch(self.street.strip(s0, s1, d0, d1), colour, ROAD)

    def _zebra(self, s: float) -> None:
        white, right = vector(226, 226, 220), self.street.kerb(-1)
        d = -right + 0.3
        while d < self.street.kerb(1) - 0.6:
            self._mark(s, s + 3.0, d, d + 0.5, white)
            d += 1.05
        for way in (1, -1):
            inner, outer = self.street.lane_middle(0, way) - self.street.lane / 2, 0.0
            stop = s + (4.0 if way < 0 else -1.6)
            outer = inner + self.street.lane
            self._mark(stop, stop + 0.4, inner, outer, white)

    # frontages ------------------------------------------------------------------------------

    def _frontage(self, side: int, kind: str, s0: float, s1: float) -> None:
        edge = self.street.edge(side)
        front = edge + self.street.front[side < 0]
        if kind == 'city':
            self._paved(side, s0, s1, edge, front)
            self._row(side, s0, s1, front, (9, 16), self.style.storeys)
        elif kind == 'houses':
            self._houses(side, s0, s1, edge)
        elif kind == 'park':
            self._barrier(side, s0, s1, edge + 0.3, ('none', 'hedge', 'fence', 'none'))
            self._grove(side, s0, s1, edge + 1.5, 12)
        elif kind == 'wall':
            self._barrier(side, s0, s1, edge + 0.1, ('wall',))
            self._grove(side, s0, s1, edge + 2.0, 6)
            if self.rng.random() < 0.5:
                self._row(side, s0, s1, edge + 9, (10, 18), 2)
        elif kind == 'fence':
            self._barrier(side, s0, s1, edge + 0.1, ('fence',))
            self._grove(side, s0, s1, edge + 3.0, 3)
            self._row(side, s0, s1, edge + 12, (18, 28), 2)
        elif kind == 'yard':
            self._paved(side, s0, s1, edge, edge + 14)
            self._row(side, s0, s1, edge + 14, (20, 36), 3)
        else:
            self._grove(side, s0, s1, edge + 2.0, 4)
            self._row(side, s0, s1, edge + 16, (10, 16), 3)

    def _paved(self, side: int, s0: float, s1: float, d0: float, d1: float) -> None:
        if d1 > d0:
            self.scenery.patch(
                self.street.strip(s0, s1, side * (d0 - 0.3), side * (d1 + 0.5)),
                self.style.paving * 0.94,
                SIDEWALK,
            )

    def _row(
        self, side: int, s0: float, s1: float, d: float, lengths: tuple[float, float], storeys: int
    ) -> None:
        s = s0
        while s < s1 - 4:
            length = min(self.rng.uniform(*lengths), s1 - s)
            if s1 - s - length < 4:
                length = s1 - s
            floors = max(int(storeys + self.rng.integers(-1, 2)), 1)
            gap = self.rng.uniform(0.5, 4) if self.rng.random() < 0.12 else 0.0
            self._building(
                side,
                s,
                s + length - gap,
                d + self.rng.uniform(0, 0.6),
                floors,
                pitched=self.rng.random() < 0.3,
            )
            s += length

    def _houses(self, side: int, s0: float, s1: float, edge: float) -> None:
        rng = self.rng
        garden = rng.uniform(2.5, 7)
        self._barrier(
            side, s0, s1, edge + 0.2, ('hedge', 'wall', 'fence', 'hedge', 'none', 'wall')
        )
        s = s0
        while s < s1 - 7:
            length = min(rng.uniform(8, 13), s1 - s)
            self._building(
                side, s + 0.5, s + length - rng.uniform(0.5, 3), edge + garden, 2, pitched=True
            )
            self._paved(side, s, s + 1.2, edge, edge + garden)
            if rng.random() < 0.6:
                bush(
                    self.scenery,
                    rng,
                    self.street.point(
                        s + rng.uniform(1, 7), side * (edge + rng.uniform(1.4, garden))
                    ),
                )
            s += length
        if rng.random() < 0.6:
            tree(
                self.scenery,
                rng,
                self.street.point(rng.uniform(s0, s1), side * (edge + 1.6)),
                rng.uniform(4, 8),
            )
        self._grove(side, s0, s1, edge + garden + 12, 2)

    def _building(
        self, side: int, s0: float, s1: float, d: float, storeys: int, *, pitched: bool
    ) -> None:
        rng, street = self.rng, self.street
        height, deep = storeys * STOREY, rng.uniform(7, 12)
        a, b = street.point(s0, side * d), street.point(s1, side * d)
        along = b - a
        inward = np.cross(UPRIGHT, along) * side
        inward /= np.linalg.norm(inward)
        key, long = int(rng.integers(1 << 40)), float(np.linalg.norm(along))
        lamps = self.light.lamps
        texture = Texture(lambda: facade(random_for(key), long, storeys, lamps=lamps))
        flank = Texture(lambda: side_wall(texture.pixels, plain=bool(key % 2)))
        up = UPRIGHT * height
        for origin, normal in ((a, a - b), (b, b - a)):
            self.scenery.panel(
                Panel(
                    origin,
                    inward * deep,
                    up,
                    flank,
                    BUILDING,
                    normal / np.linalg.norm(normal),
                ),
                6,
            )
        if pitched:
            self._roof(a, b, inward * deep, height, vector(*PLASTER[key % len(PLASTER)]))
        self.scenery.panel(Panel(a, along, up, texture, BUILDING, -inward))

    def _roof(self, a: Floats, b: Floats, deep: Floats, height: float, wall: Floats) -> None:
        tile = vector(
            *((128, 70, 52), (92, 84, 82), (70, 66, 66), (150, 92, 66))[self.rng.integers(4)]
        )
        eave, rise = UPRIGHT * height, UPRIGHT * self.rng.uniform(2, 3.4)
        ends = np.array([a, b])
        front = -deep / np.linalg.norm(deep) * 0.35
        slope = np.array(
            [
                a + eave + front,
                b + eave + front,
                b + eave + rise + deep / 2,
                a + eave + rise + deep / 2,
            ]
        )
        normal = np.cross(b - a, deep / 2 + rise)
        normal *= np.sign(normal[2]) / np.linalg.norm(normal)
        for end, away in ((a, a - b), (b, b - a)):
            gable = np.array([end + eave, end + eave + deep, end + eave + rise + deep / 2])
            self.scenery.surface(
                gable, wall, away / np.linalg.norm(away), BUILDING, np.array([end, end + deep])
            )
        self.scenery.surface(slope, tile * self.rng.uniform(0.8, 1.2), normal, BUILDING, ends)

    def _barrier(self, side: int, s0: float, s1: float, d: float, kinds: tuple[str, ...]) -> None:
        rng = self.rng
        kind = kinds[rng.integers(len(kinds))]
        if kind == 'none':
            return
        height = rng.uniform(0.8, 2.6)
        variant = int(rng.integers(VARIANTS))
        make, label = {
            'hedge': (hedge, VEGETATION),
            'wall': (brickwork, WALL),
            'fence': (fence, FENCE),
        }[kind]
        texture = make(variant)
        gate = rng.uniform(s0 + 4, s1 - 4)
        for start, stop in ((s0, gate - 1.5), (gate + 1.5, s1)):
            for low, high in zip(*_cuts(start, stop, 10.0), strict=True):
                a, b = self.street.point(low, side * d), self.street.point(high, side * d)
                outward = np.cross(UPRIGHT, b - a) * -side
                outward /= np.linalg.norm(outward)
                part = texture[:, : max(int(texture.shape[1] * min((high - low) / 8, 1)), 4)]
                self.scenery.panel(
                    Panel(a, b - a, UPRIGHT * height, np.ascontiguousarray(part), label, outward),
                    5,
                    shadow=kind != 'fence',
                )

    def _grove(self, side: int, s0: float, s1: float, d: float, count: int) -> None:
        rng = self.rng
        for _ in range(int(rng.integers(count // 2, count + 1))):
            place = self.street.point(rng.uniform(s0, s1), side * (d + rng.uniform(0, 14)))
            if rng.random() < 0.3:
                bush(self.scenery, rng, place)
            else:
                tree(self.scenery, rng, place, rng.uniform(5, 14))

    # furniture ------------------------------------------------------------------------------

    def _furniture(self, side: int, start: float) -> None:
        rng, street, scenery = self.rng, self.street, self.scenery
        kerb = street.kerb(side) + 0.5
        toward = street.heading(start)
        facing = toward + (np.pi if side == -street.drive else 0.0) + rng.normal(0, 0.12)
        inward = street.point(start, 0) - street.point(start, side)
        lamp_post(
            scenery,
            rng,
            street.point(start + rng.uniform(1, 12), side * kerb),
            inward,
            lit=self.light.lamps,
        )
        if rng.random() < 0.5:
            lamp_post(
                scenery, rng, street.point(start + 20, side * kerb), inward, lit=self.light.lamps
            )
        for _ in range(int(rng.integers(1, 5))):
            plain_pole(scenery, rng, street.point(rng.uniform(start, self.s + BLOCK), side * kerb))
        for _ in range(int(rng.integers(1, 4))):
            sign(
                scenery,
                rng,
                street.point(rng.uniform(start, self.s + BLOCK), side * (kerb + 0.1)),
                facing,
            )
        if rng.random() < 0.16:
            board(
                scenery,
                rng,
                street.point(rng.uniform(start + 3, self.s + BLOCK), side * (kerb + 1.0)),
                facing,
            )
        if self.crossing or rng.random() < 0.3:
            traffic_light(
                scenery,
                rng,
                street.point(start - (0.5 if side == street.drive else 12), side * kerb),
                facing,
            )
            traffic_light(scenery, rng, street.point(start + 0.5, side * (kerb + 0.3)), facing)
        if rng.random() < self.style.trees:
            size = rng.uniform(5, 11)
            for s in np.arange(start + 4, self.s + BLOCK, rng.uniform(8, 16)):
                tree(
                    scenery,
                    rng,
                    street.point(float(s), side * (kerb + 0.3)),
                    size * rng.uniform(0.8, 1.2),
                )
        if rng.random() < 0.3:
            self._railing(side, start, kerb - 0.2)

    def _railing(self, side: int, start: float, d: float) -> None:
        texture = fence(int(self.rng.integers(VARIANTS)) // 2 * 2 % VARIANTS)
        stop = min(start + self.rng.uniform(6, 20), self.s + BLOCK)
        a, b = self.street.point(start, side * d), self.street.point(stop, side * d)
        outward = np.cross(UPRIGHT, b - a) * -side
        self.scenery.panel(
            Panel(
                a,
                b - a,
                UPRIGHT * self.rng.uniform(0.9, 1.2),
                texture,
                FENCE,
                outward / np.linalg.norm(outward),
            ),
            4,
            shadow=False,
        )

    def _side_street(self) -> None:
        """Close the view into the side street with trees and a house across its end."""
        street, rng = self.street, self.rng
        for side in (1, -1):
            edge = street.kerb(side)
            for s in (self.s + 1.4, self.s + 11.6):
                outline = street.strip(s - 1.4, s + 1.4, side * edge, side * 60)
                self.scenery.patch(outline, self.style.paving, SIDEWALK)
            a, b = street.point(self.s - 10, side * 60), street.point(self.s + 24, side * 60)
            key, lamps = int(rng.integers(1 << 40)), self.light.lamps
            texture = Texture(partial(_far_facade, key, lamps=lamps))
            normal = np.cross(UPRIGHT, b - a) * -side
            self.scenery.panel(
                Panel(
                    a,
                    b - a,
                    UPRIGHT * 3 * STOREY,
                    texture,
                    BUILDING,
                    normal / np.linalg.norm(normal),
                ),
                12,
            )
            for _ in range(3):
                place = street.point(self.s + rng.choice((0.5, 12.5)), side * rng.uniform(22, 55))
                tree(self.scenery, rng, place, rng.uniform(5, 9))


def _far_facade(key: int, *, lamps: bool) -> Bytes:
    return facade(random_for(key), 34, 3, lamps=lamps)


def _cuts(start: float, stop: float, step: float) -> tuple[list[float], list[float]]:
    edges = (
        np.linspace(start, stop, max(int((stop - start) / step), 1) + 1).tolist()
        if stop > start + 1
        else []
    )
    return edges[:-1], edges[1:]
