# SPDX-License-Identifier: Apache-2.0
"""Moving and parked road users.

Each lane is an endless row of slots that moves with the lane's speed; what is in a slot depends on
the slot's number alone, so any moment can be asked for in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arrays import pick, Random, random_for
from .classes import BICYCLE, MOTORCYCLE
from .people import bicycle, Figure, motorcycle, person, rider
from .scenery import Scenery, wheel
from .vehicles import VARIANTS, vehicle

if TYPE_CHECKING:
    from .camera import Camera
    from .street import Street

VIEW = 150.0  # metres that are built ahead of the camera
REAR = 10.0  # and behind it
KINDS = ('car', 'van', 'truck', 'bus', 'motorcycle', 'cyclist')


@dataclass(frozen=True)
class Lane:
    """An endless row of slots.

    Attributes:
        key: Number that tells lanes of one world apart.
        d: Distance from the centre line.
        speed: Metres per second along s; negative comes towards s = 0.
        pitch: Distance between slots in metres.
        weights: How likely each of KINDS is in a slot and, last, that it is empty.
        spread: Standard deviation of d in metres.
        people: Share of the slots that hold walking persons.
        tram: Share of the slots that hold trams.
    """

    key: int
    d: float
    speed: float
    pitch: float
    weights: tuple[float, ...] = ()
    spread: float = 0.0
    people: float = 0.0
    tram: float = 0.0

    @property
    def room(self) -> float:
        """Metres of the lane that the camera needs for itself."""
        return 12.0 if self.pitch > 8 else 5.0

    @property
    def reach(self) -> float:
        """Size in metres of the largest that moves in the lane."""
        return 2.0 if self.people else 10.0

    @property
    def taken(self) -> float:
        """Share of the slots that hold something."""
        if self.weights:
            return 1 - self.weights[-1] / sum(self.weights)
        return self.people + self.tram


@dataclass(frozen=True)
class Traffic:
    """All road users of one world."""

    seed: int
    street: Street
    lanes: tuple[Lane, ...]

    def add(self, scenery: Scenery, time: float, s: float, d: float, camera: Camera) -> None:
        """Add whom ``camera``, driving at (s, d), may see at ``time`` seconds."""
        s0, s1, ego = s - REAR, s + VIEW, (s, d)
        for lane in self.lanes:
            first = int(np.floor((s0 - lane.speed * time) / lane.pitch))
            last = int(np.ceil((s1 - lane.speed * time) / lane.pitch))
            for slot in range(first, last):
                if chance(self.seed, lane.key, slot) > lane.taken:
                    continue
                rng = random_for(self.seed, 11, lane.key, slot)
                s = (slot + rng.uniform(0.2, 0.8)) * lane.pitch + lane.speed * time
                if abs(lane.d - ego[1]) < 1.7 and abs(s - ego[0]) < lane.room:
                    continue
                if s0 < s < s1 and camera.may_see(self.street.point(s, lane.d), lane.reach):
                    self._slot(scenery, rng, lane, s, time)

    def _slot(self, scenery: Scenery, rng: Random, lane: Lane, s: float, time: float) -> None:
        way = 1 if lane.speed > 0 or (lane.speed == 0 and lane.d * self.street.drive < 0) else -1
        d = lane.d + rng.normal(0, lane.spread) if lane.spread else lane.d
        if lane.people:
            self._people(scenery, rng, lane, s, d, time)
        elif lane.tram:
            self._vehicle(scenery, 'train', rng, s, lane.d, way)
        else:
            kind = pick(rng, KINDS, lane.weights[:-1])
            if kind in {'car', 'van', 'truck', 'bus'}:
                self._vehicle(scenery, kind, rng, s, d, way)
            else:
                self._two_wheeler(scenery, kind, rng, s, d, way, time, moving=lane.speed != 0)

    def _yaw(self, s: float, way: int) -> float:
        return self.street.heading(s) + (0.0 if way > 0 else np.pi)

    def _vehicle(
        self, scenery: Scenery, kind: str, rng: Random, s: float, d: float, way: int
    ) -> None:
        mesh = vehicle(kind, int(rng.integers(VARIANTS)))
        scenery.mesh(mesh, self.street.point(s, d), self._yaw(s, way) + rng.normal(0, 0.012))

    def _people(
        self, scenery: Scenery, rng: Random, lane: Lane, s: float, d: float, time: float
    ) -> None:
        for _ in range(1 + int(rng.random() < 0.35) + int(rng.random() < 0.12)):
            scale = rng.uniform(0.88, 1.08) if rng.random() < 0.88 else rng.uniform(0.6, 0.8)
            phase = 0.0 if lane.speed == 0 else time * 5.5 + rng.uniform(0, 6.28)
            figure = person(rng, phase)
            turn = rng.uniform(0, 6.28) if lane.speed == 0 else rng.normal(0, 0.2)
            place = self.street.point(s + rng.uniform(-0.4, 0.4), d)
            scenery.figures(
                [figure], place, self._yaw(s, 1 if lane.speed > 0 else -1) + turn, scale
            )
            d += rng.choice((-0.6, 0.6))

    def _two_wheeler(
        self,
        scenery: Scenery,
        kind: str,
        rng: Random,
        s: float,
        d: float,
        way: int,
        time: float,
        *,
        moving: bool,
    ) -> None:
        place, yaw = self.street.point(s, d), self._yaw(s, way)
        add_two_wheeler(
            scenery, rng, kind, (place, yaw), time * 6 + rng.uniform(0, 6.28), ridden=moving
        )


def chance(*key: int) -> float:
    """A number in 0..1 that depends on ``key`` alone; much cheaper than a generator."""
    state = 0x9E3779B97F4A7C15
    for part in key:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & (2**64 - 1)
        state ^= state >> 29
    return state / 2**64


def add_two_wheeler(
    scenery: Scenery,
    rng: Random,
    kind: str,
    pose: tuple[np.ndarray, float],
    phase: float,
    *,
    ridden: bool,
) -> None:
    """Add a bicycle ('cyclist') or motorcycle at pose = (position, yaw), ridden or parked."""
    place, yaw = pose
    if kind == 'cyclist':
        figures: list[Figure] = [bicycle(rng)]
        wheels = [wheel(pose, x, 0.35, BICYCLE, 0.4) for x in (-0.5, 0.55)]
        seat, grip, pedal = (-0.2, 0.92), (0.3, 1.04), 0.16
    else:
        figures = [motorcycle(rng)]
        wheels = [wheel(pose, x, 0.32, MOTORCYCLE, 0.85) for x in (-0.62, 0.72)]
        seat, grip, pedal = (-0.3, 0.8), (0.36, 1.02), 0.0
    if ridden:
        figures.append(rider(rng, phase, seat, grip, pedal))
    scenery.figures(figures, place, yaw, wheels=wheels)


def draw_lanes(rng: Random, street: Street, ego_speed: float) -> tuple[Lane, ...]:
    """Draw how busy each lane, parking strip and sidewalk of a street is."""
    busy, speed = rng.uniform(0.3, 1.3), max(ego_speed, 4.0)
    lanes: list[Lane] = []
    mixed = (6.5, 1.2, 0.75, 0.55, 1.1, 0.6, 6 / busy)
    for way in (1, -1):
        for index in range(street.lanes):
            slower = rng.uniform(0.75, 1.2) if way < 0 or index else 1.0
            pitch = rng.uniform(14, 20)
            lanes.append(
                Lane(
                    len(lanes),
                    street.lane_middle(index, way),
                    way * speed * slower,
                    pitch,
                    mixed,
                    0.15,
                )
            )
        if street.tram:
            d = -street.drive * way * street.median / 2
            lanes.append(Lane(40 + way, d, way * speed * 0.9, 26, tram=0.36))
        edge = (
            -street.drive
            * way
            * (street.carriage() + (street.cycle / 2 if street.cycle else -0.35))
        )
        riders = rng.uniform(0.1, 0.8)
        lanes.append(Lane(50 + way, edge, way * 4.5, 7, (0, 0, 0, 0, 0.1, riders, 1.6), 0.08))
    for side in (1, -1):
        if street.parking[side < 0]:
            d = side * (street.carriage() + street.cycle + 1.05)
            weights = (8, 1.3, 0.35, 0.0, 0.7, 0.5, rng.uniform(0.5, 9))
            lanes.append(Lane(60 + side, d, 0.0, rng.uniform(6.0, 7.5), weights, 0.08))
        wide = street.walk[side < 0]
        middle = side * (street.kerb(side) + 0.6 + (wide - 0.6) / 2)
        crowd = rng.uniform(0.05, 0.75)
        for way in (1, -1):
            pace, spread = way * rng.uniform(1.1, 1.6), 0.12 * wide
            there = middle + way * spread
            key = 70 + 3 * side + way
            lanes += [Lane(key, there, pace, 6.5, spread=spread, people=crowd)]
        standing = rng.uniform(0, 0.15)
        lanes.append(
            Lane(
                80 + side, side * (street.edge(side) - 0.5), 0.0, 7.0, spread=0.1, people=standing
            )
        )
        parked = (0, 0, 0, 0, rng.uniform(0, 0.5), rng.uniform(0, 1.0), 2.0)
        lanes.append(Lane(90 + side, side * (street.kerb(side) + 0.75), 0.0, 3.0, parked, 0.1))
    return tuple(lanes)
