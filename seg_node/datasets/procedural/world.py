# SPDX-License-Identifier: Apache-2.0
"""A whole world: one street, its light, its blocks and its traffic, all from one seed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Random, random_for
from .block import BLOCK, Block, draw_style
from .light import draw_light
from .people import person
from .scenery import Scenery
from .street import draw_street
from .traffic import add_two_wheeler, draw_lanes, REAR, Traffic, VIEW
from .vehicles import VARIANTS, vehicle

if TYPE_CHECKING:
    from .arrays import Random
    from .camera import Camera


class World:
    """Everything that one drive can meet.

    Args:
        seed: Key of the world; different seeds give different worlds.
        length: Metres of street that will be driven.
        light: Kind of light, one of ``light.KINDS``; drawn when None.
        speed: Camera speed in metres per second.
    """

    def __init__(
        self, *seed: int, length: float = 1.0, light: str | None = None, speed: float = 8.0
    ) -> None:
        """Draw what is the same everywhere in the world."""
        self.seed = int(random_for(*seed).integers(1 << 40))
        rng = random_for(self.seed, 1)
        self.light = draw_light(rng, light)
        self.street = draw_street(rng, length + 400)
        self.style = draw_style(rng)
        self.speed = speed
        self.traffic = Traffic(self.seed, self.street, draw_lanes(rng, self.street, speed))
        self.block = lru_cache(maxsize=12)(self._block)

    def _block(self, index: int) -> Scenery:
        scenery = Scenery()
        block = Block(
            self.street,
            self.style,
            self.light,
            random_for(self.seed, 7, index),
            index * BLOCK,
            scenery,
        )
        block.build()
        return scenery

    def around(self, s: float, d: float, time: float, camera: Camera) -> Scenery:
        """Everything that ``camera``, driving at (s, d), may see at ``time`` seconds."""
        scenery = Scenery()
        first, last = int(np.floor((s - REAR) / BLOCK)), int(np.floor((s + VIEW) / BLOCK))
        for index in range(last, first - 1, -1):
            block = self.block(index)
            scenery.ground += block.ground
            scenery.things += block.things
        self.traffic.add(scenery, time, s, d, camera)
        return scenery

    def add_happenings(self, scenery: Scenery, rng: Random, start: float) -> None:
        """Add what single pictures need ahead of ``start``: people and vehicles that cross."""
        street = self.street
        for _ in range(int(rng.integers(0, 4))):
            s, d = start + rng.uniform(6, 40), rng.uniform(-street.kerb(-1), street.kerb(1))
            yaw = street.heading(s) + np.pi / 2 * rng.choice((-1, 1))
            scenery.figures(
                [person(rng, rng.uniform(0, 6.28))],
                street.point(s, d),
                yaw,
                rng.uniform(0.85, 1.08),
            )
        if rng.random() < 0.35:
            kind = str(
                rng.choice(
                    (
                        'car',
                        'car',
                        'van',
                        'truck',
                        'bus',
                        'cyclist',
                        'cyclist',
                        'motorcycle',
                        'motorcycle',
                    )
                )
            )
            s, d = start + rng.uniform(9, 35), rng.uniform(-7, 7)
            yaw = street.heading(s) + np.pi / 2 * rng.choice((-1, 1)) + rng.normal(0, 0.4)
            if kind in {'cyclist', 'motorcycle'}:
                add_two_wheeler(
                    scenery, rng, kind, (street.point(s, d), yaw), rng.uniform(0, 6), ridden=True
                )
            else:
                scenery.mesh(
                    vehicle(kind, int(rng.integers(VARIANTS))), street.point(s + 4, d), yaw
                )
