# SPDX-License-Identifier: Apache-2.0
"""How busy the lanes, parking strips and sidewalks of a street are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .arrays import Random
    from .street import Street

KINDS = ('car', 'van', 'truck', 'bus', 'motorcycle', 'cyclist')


@dataclass(frozen=True)
class Lane:
    """An endless row of slots that moves along a street.

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
    def slow(self) -> bool:
        """Whether those in the lane are small: people, bicycles, motorcycles."""
        return self.people > 0 or (len(self.weights) > 0 and not any(self.weights[:4]))

    @property
    def parked(self) -> bool:
        """Whether the slots hold parked vehicles."""
        return self.speed == 0 and len(self.weights) > 0

    @property
    def jitter(self) -> tuple[float, float]:
        """Where in its slot something may be, so that neighbours never overlap."""
        return (0.2, 0.8) if self.slow else (0.44, 0.56)

    @property
    def room(self) -> tuple[float, float]:
        """Metres along and across that the camera needs for itself."""
        return (4.0, 0.9) if self.slow else (12.0, 1.7)

    @property
    def reach(self) -> float:
        """Radius in metres of the largest that moves in the lane."""
        return 2.5 if self.slow else 10.0

    @property
    def taken(self) -> float:
        """Share of the slots that hold something."""
        if self.weights:
            return 1 - self.weights[-1] / sum(self.weights)
        return self.people + self.tram


def draw_lanes(rng: Random, street: Street, ego_speed: float) -> tuple[Lane, ...]:
    """Draw all lanes of a street; those beside the camera's drive as fast as it does."""
    lanes: list[Lane] = []
    speed, empty = max(ego_speed, 4.0), 6 / rng.uniform(0.3, 1.3)
    for way in (1, -1):
        lanes += _roadway(rng, street, way, speed, empty)
    for side in (1, -1):
        lanes += _roadside(rng, street, side)
    return tuple(lanes)


def _roadway(rng: Random, street: Street, way: int, speed: float, empty: float) -> list[Lane]:
    """The lanes of one direction, with trams and cyclists."""
    mixed = (6.5, 1.2, 0.9, 0.55, 1.6, 0.6, empty)
    lanes = []
    for index in range(street.lanes):
        pace = way * speed * (rng.uniform(0.75, 1.2) if way < 0 or index else 1.0)
        d = street.lane_middle(index, way)
        lanes.append(Lane(10 * index + way, d, pace, rng.uniform(14, 20), mixed, 0.15))
    if street.tram:
        d = -street.drive * way * street.median / 2
        lanes.append(Lane(40 + way, d, way * speed * 0.9, 26, tram=0.36))
    beside = street.cycle / 2 if street.cycle else -0.35
    d = -street.drive * way * (street.carriage() + beside)
    riders = (0, 0, 0, 0, 0.25, rng.uniform(0.1, 0.8), 1.6)
    lanes.append(Lane(50 + way, d, way * 4.5, 7, riders, 0.08))
    return lanes


def _roadside(rng: Random, street: Street, side: int) -> list[Lane]:
    """Parked vehicles, walking and standing people, parked bicycles of one side."""
    lanes = []
    if street.parking[side < 0]:
        d = side * (street.carriage() + street.cycle + 1.05)
        parked = (8, 1.3, 0.0, 0.0, 1.2, 0.5, rng.uniform(0.5, 9))
        lanes.append(Lane(60 + side, d, 0.0, rng.uniform(6.0, 7.5), parked, 0.08))
    wide, crowd = street.walk[side < 0], rng.uniform(0.05, 0.75)
    middle, spread = side * (street.kerb(side) + 0.3 + wide / 2), 0.12 * wide
    for way in (1, -1):
        pace, key = way * rng.uniform(1.1, 1.6), 70 + 3 * side + way
        lanes.append(Lane(key, middle + way * spread, pace, 6.5, spread=spread, people=crowd))
    d = side * (street.edge(side) - 0.5)
    lanes.append(Lane(80 + side, d, 0.0, 7.0, spread=0.1, people=rng.uniform(0, 0.15)))
    stands = (0, 0, 0, 0, rng.uniform(0, 0.7), rng.uniform(0, 1.0), 2.0)
    d = side * (street.kerb(side) + 0.75)
    lanes.append(Lane(90 + side, d, 0.0, 3.0, stands, 0.1))
    return lanes
