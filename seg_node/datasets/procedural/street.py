# SPDX-License-Identifier: Apache-2.0
"""Course and cross-section of one street.

A place is (s, d): metres along the centre line and metres to its left.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, sin
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .arrays import Floats, Random

BEHIND = 120  # metres of street behind s = 0


@dataclass(frozen=True)
class Street:
    """Widths in metres; pairs are (left, right) of the centre line.

    Attributes:
        line: Centre line, (x, y, heading) per metre, from s = -BEHIND on.
        drive: 1 where traffic keeps right, -1 where it keeps left.
        median: Half width of the strip between the directions; 0 without one.
        tram: Whether trams run in the median.
        lanes: Lanes per direction.
        lane: Width of a lane.
        cycle: Width of the cycle lane beside the outer lane; 0 without one.
        parking: Width of the parking strips.
        walk: Width of the sidewalks.
        front: Distance from the sidewalk to the buildings.
    """

    line: tuple[tuple[float, float, float], ...]
    drive: int
    median: float
    tram: bool
    lanes: int
    lane: float
    cycle: float
    parking: tuple[float, float]
    walk: tuple[float, float]
    front: tuple[float, float]

    def carriage(self) -> float:
        """Distance from the centre line to the outer edge of the outer lane."""
        return self.median + self.lanes * self.lane

    def kerb(self, side: int) -> float:
        """Distance of the kerb on the left (side 1) or right (-1)."""
        return self.carriage() + self.cycle + self.parking[side < 0]

    def edge(self, side: int) -> float:
        """Distance of the sidewalk's outer edge."""
        return self.kerb(side) + self.walk[side < 0]

    def lane_middle(self, index: int, way: int) -> float:
        """D of lane ``index`` (0 = inner) that runs along (way 1) or against (-1) the street."""
        return -self.drive * way * (self.median + (index + 0.5) * self.lane)

    def heading(self, s: float) -> float:
        """Direction of the centre line in radians."""
        return self._place(s)[2]

    def _place(self, s: float) -> tuple[float, float, float]:
        """Position and heading of the centre line, interpolated between whole metres."""
        index = min(max(int(s + BEHIND), 0), len(self.line) - 2)
        share = s + BEHIND - index
        (x0, y0, a0), (x1, y1, a1) = self.line[index], self.line[index + 1]
        return (x0 + share * (x1 - x0), y0 + share * (y1 - y0), a0 + share * (a1 - a0))

    def points(self, s: Floats | float, d: Floats | float, z: float = 0.0) -> Floats:
        """World points (N, 3) of places (s, d), each a number or an array (N,)."""
        s, d = np.broadcast_arrays(np.atleast_1d(s), np.atleast_1d(d))
        return np.array(
            [self._point(a, b, z) for a, b in zip(s.tolist(), d.tolist(), strict=True)]
        )

    def _point(self, s: float, d: float, z: float) -> tuple[float, float, float]:
        x, y, turn = self._place(s)
        return (x - d * sin(turn), y + d * cos(turn), z)

    def point(self, s: float, d: float, z: float = 0.0) -> Floats:
        """World point (3,) of one place."""
        return np.array(self._point(s, d, z))

    def strip(self, s0: float, s1: float, d0: float, d1: float) -> Floats:
        """Outline (N, 3) of the ground between s0..s1 and d0..d1."""
        count = max(ceil((s1 - s0) / 8), 1)
        steps = [s0 + (s1 - s0) * k / count for k in range(count + 1)]
        there = [self._point(s, d0, 0.0) for s in steps]
        return np.array(there + [self._point(s, d1, 0.0) for s in reversed(steps)])


def draw_street(rng: Random, length: float) -> Street:
    """Draw a street of at least ``length`` metres."""
    count = int(length) + 2 * BEHIND
    s = np.arange(count) - float(BEHIND)
    bend = 0.0 if rng.random() < 0.4 else rng.uniform(0.05, 0.45)
    wave = rng.uniform(150, 420)
    heading = bend * (
        np.sin(2 * np.pi * s / wave + (phase := rng.uniform(0, 6.28))) - np.sin(phase)
    )
    x = np.cumsum(np.cos(heading)) - np.cos(heading)
    y = np.cumsum(np.sin(heading)) - np.sin(heading)
    tram = rng.random() < 0.22
    median = 3.1 if tram else (rng.uniform(0.8, 2.0) if rng.random() < 0.15 else 0.0)
    lanes = 2 if rng.random() < (0.15 if tram else 0.28) else 1
    return Street(
        tuple(
            zip((x - x[BEHIND]).tolist(), (y - y[BEHIND]).tolist(), heading.tolist(), strict=True)
        ),
        1 if rng.random() < 0.5 else -1,
        median,
        tram,
        lanes,
        rng.uniform(2.8, 3.7),
        rng.uniform(1.3, 1.8) if rng.random() < 0.3 else 0.0,
        (2.2 if rng.random() < 0.5 else 0.0, 2.2 if rng.random() < 0.5 else 0.0),
        (rng.uniform(2.0, 6.0), rng.uniform(2.0, 6.0)),
        (rng.uniform(0, 5) * (rng.random() < 0.5), rng.uniform(0, 5) * (rng.random() < 0.5)),
    )
