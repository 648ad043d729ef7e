# SPDX-License-Identifier: Apache-2.0
"""A whole world: one street, its light, its blocks and its traffic, all from one seed."""

from __future__ import annotations

from functools import lru_cache
from math import floor, pi
from typing import TYPE_CHECKING

from .arrays import chance, random_for
from .block import build_block
from .lanes import draw_lanes
from .light import draw_light
from .people import person
from .scenery import Scenery
from .site import BLOCK, CROSSING, draw_style, Site
from .street import draw_street
from .traffic import add_two_wheeler, Traffic
from .vehicles import VARIANTS, vehicle

if TYPE_CHECKING:
    from .arrays import Random
    from .camera import Camera

BEHIND = 10.0  # metres that are built behind the camera
CROSSERS = ('car', 'car', 'van', 'truck', 'bus', 'cyclist', 'cyclist', 'motorcycle', 'motorcycle')


class World:
    """Everything that one drive can meet.

    Args:
        seed: Key of the world; different keys give different worlds.
        length: Metres of street that will be driven.
        view: Metres that are built ahead of the camera.
        light: Kind of light, one of ``light.KINDS``; drawn when None.
        speed: Camera speed in metres per second.
    """

    def __init__(
        self,
        *seed: int,
        length: float = 1.0,
        view: float = 150.0,
        light: str | None = None,
        speed: float = 8.0,
    ) -> None:
        """Draw what is the same everywhere in the world."""
        self.seed = int(random_for(*seed).integers(1 << 40))
        self.view = view
        rng = random_for(self.seed, 1)
        self.light = draw_light(rng, light)
        self.street = draw_street(rng, length + view + 100)
        self.style = draw_style(rng)
        lanes = draw_lanes(rng, self.street, speed)
        self.traffic = Traffic(self.seed, self.street, lanes, self.crossed)
        self.block = lru_cache(maxsize=16)(self._block)

    def _block(self, index: int) -> Scenery:
        rng, s = random_for(self.seed, 7, index), index * BLOCK
        crossed, scenery = self.crossed(s), Scenery()
        return build_block(Site(self.street, self.style, self.light, rng, s, crossed, scenery))

    def crossed(self, s: float) -> bool:
        """Whether a side street joins at s."""
        index = floor(s / BLOCK)
        here = s - index * BLOCK < CROSSING
        return here and chance(self.seed, 8, index) < self.style.crossings

    def around(self, place: tuple[float, float], time: float, camera: Camera) -> Scenery:
        """Everything that ``camera``, driving at ``place`` = (s, d), may see at ``time`` s."""
        scenery = Scenery()
        first, last = (floor((place[0] + reach) / BLOCK) for reach in (-BEHIND, self.view))
        for index in range(last, first - 1, -1):
            block = self.block(index)
            scenery.ground += block.ground
            scenery.things += block.things
        self.traffic.add(scenery, time, place, camera, self.view)
        return scenery

    def add_happenings(self, scenery: Scenery, rng: Random, start: float) -> None:
        """Add what single pictures need ahead of ``start``: people and vehicles that cross."""
        street = self.street
        for _ in range(int(rng.integers(0, 4))):
            s, d = start + rng.uniform(6, 40), rng.uniform(-street.kerb(-1), street.kerb(1))
            yaw = street.heading(s) + rng.choice((-1, 1)) * pi / 2
            walker = person(rng, rng.uniform(0, 2 * pi))
            scenery.figures([walker], street.point(s, d), yaw, rng.uniform(0.85, 1.08))
        if rng.random() < 0.35:
            self._crosser(scenery, rng, start)

    def _crosser(self, scenery: Scenery, rng: Random, start: float) -> None:
        kind = CROSSERS[rng.integers(len(CROSSERS))]
        s, d = start + rng.uniform(9, 35), rng.uniform(-7, 7)
        yaw = self.street.heading(s) + rng.choice((-1, 1)) * pi / 2 + rng.normal(0, 0.4)
        if kind in {'cyclist', 'motorcycle'}:
            pose = self.street.point(s, d), yaw
            add_two_wheeler(scenery, rng, kind, pose, rng.uniform(0, 2 * pi))
        else:
            mesh = vehicle(kind, int(rng.integers(VARIANTS)))
            scenery.mesh(mesh, self.street.point(s + 4, d), yaw)
