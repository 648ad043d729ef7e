# SPDX-License-Identifier: Apache-2.0
"""The piece of a street that is being built, and the style that its world keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import hypot
from typing import TYPE_CHECKING

from .arrays import Floats, Random, vector
from .canvas import Panel, Texture
from .scenery import Scenery, UPRIGHT

if TYPE_CHECKING:
    from .arrays import Bytes
    from .light import Light
    from .street import Street

BLOCK = 40.0  # metres of street per block
CROSSING = 13.0  # metres of a block that a side street takes
PAVINGS = ((168, 162, 152), (146, 144, 140), (176, 150, 132), (126, 124, 122))
# how often: city houses park wall fence yard verge
TOWN = (8.0, 1.0, 0.6, 2.2, 1.2, 0.8, 0.4)
SUBURB = (2.0, 6.0, 1.2, 3.2, 1.8, 0.6, 1.5)
OUTSKIRTS = (1.0, 1.0, 3.0, 4.0, 2.5, 2.0, 3.0)


@dataclass(frozen=True)
class Style:
    """Colours and habits that one world keeps; colours are RGB 0..255.

    Attributes:
        asphalt: Colour of the road.
        paving: Colour of the sidewalk.
        grass: Colour of the terrain.
        kerb: Colour of the kerb.
        frontages: How often each of ``frontage.FRONTAGES`` lines the street.
        storeys: Usual height of the buildings of a town.
        trees: Share of the blocks with a row of trees.
        crossings: Share of the blocks with a side street.
    """

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
    grey, town = rng.uniform(78, 142), rng.random()
    return Style(
        vector(grey, grey, grey) + rng.normal(0, 3, 3),
        vector(*PAVINGS[rng.integers(len(PAVINGS))]),
        vector(rng.uniform(84, 134), rng.uniform(108, 140), rng.uniform(46, 72)),
        vector(172, 170, 164) * rng.uniform(0.8, 1.15),
        TOWN if town < 0.58 else (SUBURB if town < 0.85 else OUTSKIRTS),
        int(rng.integers(2, 8)),
        rng.uniform(0.1, 0.9),
        rng.uniform(0.15, 0.7),
    )


@dataclass(frozen=True)
class Site:
    """The street between ``s`` and ``s + BLOCK``; ``crossing`` tells of a side street."""

    street: Street
    style: Style
    light: Light
    rng: Random
    s: float
    crossing: bool
    scenery: Scenery

    @property
    def start(self) -> float:
        """Where buildings, trees and lines begin."""
        return self.s + (CROSSING if self.crossing else 0.0)

    @property
    def stop(self) -> float:
        """Where the block ends."""
        return self.s + BLOCK

    def somewhere(self, margin: float = 0.0) -> float:
        """Draw s between start and stop."""
        return self.rng.uniform(self.start + margin, self.stop)


@dataclass(frozen=True)
class Stretch:
    """A line beside the street from s0 to s1 at distance d, on the left (side 1) or right (-1)."""

    site: Site
    side: int
    s0: float
    s1: float
    d: float

    def at(self, d: float) -> Stretch:
        """The same stretch at another distance."""
        return Stretch(self.site, self.side, self.s0, self.s1, d)

    def between(self, s0: float, s1: float) -> Stretch:
        """Another stretch of the same line."""
        return Stretch(self.site, self.side, s0, s1, self.d)

    def point(self, s: float, further: float = 0.0) -> Floats:
        """A place (3,) on the line, or ``further`` metres away from the street."""
        return self.site.street.point(s, self.side * (self.d + further))

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """Both ends (3,) of the line."""
        return self.point(self.s0), self.point(self.s1)

    @cached_property
    def outward(self) -> Floats:
        """Unit vector (3,) that points away from the street."""
        x, y, _ = (self.ends[1] - self.ends[0]).tolist()
        share = self.side / hypot(x, y)
        return vector(-y * share, x * share, 0.0)

    def paved(self, d1: float, colour: Floats, label: int) -> None:
        """Cover the ground between the line and distance ``d1``."""
        outline = self.site.street.strip(self.s0, self.s1, self.side * self.d, self.side * d1)
        self.site.scenery.patch(outline, colour, label)

    def wall(
        self, height: float, texture: Bytes | Texture, label: int, *, shadow: bool = True
    ) -> None:
        """Put a flat wall on the line that looks at the street."""
        start, stop = self.ends
        panel = Panel(start, stop - start, UPRIGHT * height, texture, label, -self.outward)
        self.site.scenery.panel(panel, shadow=shadow)
