# SPDX-License-Identifier: Apache-2.0
"""Moving and parked road users.

What is in a slot of a lane depends on the slot's number alone, so any moment can be asked for in
any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, pi
from typing import TYPE_CHECKING

from .arrays import chance, Floats, pick, Random, random_for
from .classes import BICYCLE, MOTORCYCLE
from .lanes import KINDS
from .people import bicycle, motorcycle, person, rider
from .scenery import wheel
from .vehicles import VARIANTS, vehicle

if TYPE_CHECKING:
    from collections.abc import Callable

    from .camera import Camera
    from .lanes import Lane
    from .scenery import Scenery
    from .street import Street

SMALL = 90.0  # metres beyond which people and two-wheelers are too small to matter
REAR = 10.0  # metres behind the camera where road users are made


@dataclass(frozen=True)
class Slot:
    """Who is at (s, d) of a street at ``time`` seconds, drawn from ``rng``."""

    street: Street
    lane: Lane
    rng: Random
    s: float
    time: float

    @property
    def yaw(self) -> float:
        """Where it heads, in radians."""
        speed = self.lane.speed or -self.lane.d * self.street.drive
        return self.street.heading(self.s) + (0.0 if speed > 0 else pi)

    def fill(self, scenery: Scenery) -> None:
        """Add those who are there."""
        d = self.lane.d + self.lane.spread * self.rng.normal()
        if self.lane.people:
            self._people(scenery, d)
            return
        kind = 'train' if self.lane.tram else pick(self.rng, KINDS, self.lane.weights[:-1])
        place = self.street.point(self.s, d)
        if kind in {'motorcycle', 'cyclist'}:
            phase = 6 * self.time + self.rng.uniform(0, 2 * pi)
            ridden = self.lane.speed != 0
            add_two_wheeler(scenery, self.rng, kind, (place, self.yaw), phase if ridden else None)
        else:
            mesh = vehicle(kind, int(self.rng.integers(VARIANTS)))
            scenery.mesh(mesh, place, self.yaw + self.rng.normal(0, 0.012))

    def _people(self, scenery: Scenery, d: float) -> None:
        """One to three persons beside each other."""
        rng, stands = self.rng, self.lane.speed == 0
        for _ in range(1 + int(rng.random() < 0.35) + int(rng.random() < 0.12)):
            scale = rng.uniform(0.88, 1.08) if rng.random() < 0.88 else rng.uniform(0.6, 0.8)
            phase = 0.0 if stands else self.time * 5.5 + rng.uniform(0, 2 * pi)
            turn = rng.uniform(0, 2 * pi) if stands else rng.normal(0, 0.2)
            place = self.street.point(self.s + rng.uniform(-0.4, 0.4), d)
            scenery.figures([person(rng, phase)], place, self.yaw + turn, scale)
            d += rng.choice((-0.6, 0.6))


@dataclass(frozen=True)
class Traffic:
    """All road users of one world; ``crossed`` tells where side streets join."""

    seed: int
    street: Street
    lanes: tuple[Lane, ...]
    crossed: Callable[[float], bool]

    def add(
        self,
        scenery: Scenery,
        time: float,
        place: tuple[float, float],
        camera: Camera,
        view: float,
    ) -> None:
        """Add whom ``camera``, driving at ``place`` = (s, d), may see within ``view`` metres."""
        for lane in self.lanes:
            drift = lane.speed * time
            first = floor((place[0] - REAR - drift) / lane.pitch)
            last = ceil(
                (place[0] + (min(view, SMALL) if lane.slow else view) - drift) / lane.pitch
            )
            for number in range(first, last):
                if chance(self.seed, lane.key, number) < lane.taken:
                    rng = random_for(self.seed, 11, lane.key, number)
                    s = (number + rng.uniform(*lane.jitter)) * lane.pitch + drift
                    slot = Slot(self.street, lane, rng, s, time)
                    if self._free(slot, place) and camera.may_see(
                        self.street.point(s, lane.d), lane.reach
                    ):
                        slot.fill(scenery)

    def _free(self, slot: Slot, place: tuple[float, float]) -> bool:
        """Whether a slot is neither where the camera is nor parked before a side street."""
        along, across = slot.lane.room
        apart = abs(slot.s - place[0]) > along or abs(slot.lane.d - place[1]) > across
        return apart and not (slot.lane.parked and self.crossed(slot.s))


def add_two_wheeler(
    scenery: Scenery, rng: Random, kind: str, pose: tuple[Floats, float], phase: float | None
) -> None:
    """Add a bicycle or motorcycle.

    Args:
        scenery: What to add to.
        rng: Draws its looks.
        kind: 'cyclist' or 'motorcycle'.
        pose: Position (3,) and heading.
        phase: Angle of the pedals in radians; None for one that stands without a rider.
    """
    if kind == 'cyclist':
        figures = [bicycle(rng)]
        wheels = [wheel(pose, x, 0.35, BICYCLE, 0.4) for x in (-0.5, 0.55)]
        seat, grip, pedal = (-0.2, 0.92), (0.3, 1.04), 0.16
    else:
        figures = [motorcycle(rng)]
        wheels = [wheel(pose, x, 0.32, MOTORCYCLE, 0.85) for x in (-0.62, 0.72)]
        seat, grip, pedal = (-0.3, 0.8), (0.36, 1.02), 0.0
    if phase is not None:
        figures.append(rider(rng, phase, seat, grip, pedal))
    scenery.figures(figures, *pose, wheels=wheels)
