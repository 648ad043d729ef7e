# SPDX-License-Identifier: Apache-2.0
"""The ground of a block: terrain, sidewalks, road, lines, tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, vector
from .classes import ROAD, SIDEWALK, TERRAIN
from .furniture import bush
from .site import Stretch

if TYPE_CHECKING:
    from .site import Site

SIDE_STREET = 60.0  # metres to its end
RAIL = 0.72  # metres from the middle of a track


def lay_ground(site: Site) -> None:
    """Lay everything that is flat, from below to above."""
    for side in (1, -1):
        _terrain(site, side)
    for side in (1, -1):
        _sidewalk(site, side)
    _road(site)
    _repairs(site)
    _tracks(site) if site.street.tram else _median(site)
    _lines(site)
    if site.crossing or site.rng.random() < 0.15:
        _zebra(site, site.s + 11.3)


def _terrain(site: Site, side: int) -> None:
    kerb = site.street.kerb(side)
    bare = vector(138, 118, 92) if site.rng.random() < 0.15 else site.style.grass
    tone = site.rng.uniform(0.85, 1.15)
    Stretch(site, side, site.s, site.stop, kerb).paved(kerb + 45, bare * tone, TERRAIN)


def _sidewalk(site: Site, side: int) -> None:
    kerb, edge = site.street.kerb(side), site.street.edge(side)
    whole = Stretch(site, side, site.s, site.stop, kerb)
    whole.paved(edge, site.style.paving, SIDEWALK)
    if edge - kerb > 2.2 and site.rng.random() < 0.22:
        strip = whole.between(site.s + 1, site.stop - 1).at(kerb + 0.3)
        strip.paved(kerb + 1.3, site.style.grass, TERRAIN)
    whole.paved(kerb + 0.16, site.style.kerb, SIDEWALK)


def _road(site: Site) -> None:
    street, s = site.street, site.s
    if site.crossing:
        for side in (1, -1):
            for middle in (s + 1.4, s + 11.6):
                beside = Stretch(site, side, middle - 1.4, middle + 1.4, street.kerb(side))
                beside.paved(SIDE_STREET, site.style.paving, SIDEWALK)
        across = street.strip(s + 3, s + 10, -SIDE_STREET, SIDE_STREET)
        site.scenery.patch(across, site.style.asphalt * 0.97, ROAD)
    along = street.strip(s, site.stop, -street.kerb(-1), street.kerb(1))
    site.scenery.patch(along, site.style.asphalt, ROAD)


def _repairs(site: Site) -> None:
    rng, wide = site.rng, site.street.carriage()
    for _ in range(int(rng.integers(0, 4))):
        s, d = site.s + rng.uniform(0, 32), rng.uniform(-wide, wide - 1.5)
        outline = site.street.strip(s, s + rng.uniform(1, 7), d, d + rng.uniform(0.6, 1.8))
        site.scenery.patch(outline, site.style.asphalt * rng.uniform(0.72, 1.16), ROAD)
    turn = np.arange(10) * (np.pi / 5)
    for _ in range(int(rng.integers(0, 3))):
        s, d = site.s + rng.uniform(0, 38), rng.uniform(-wide, wide)
        cover = site.street.points(s + 0.33 * np.cos(turn), d + 0.33 * np.sin(turn))
        site.scenery.patch(cover, vector(58, 56, 54), ROAD)


def _tracks(site: Site) -> None:
    m = site.street.median
    if site.street.lane < 3.2 and not site.crossing:
        green = site.street.strip(site.start, site.stop, -m, m)
        site.scenery.patch(green, site.style.grass, TERRAIN)
    for track in (-m / 2, m / 2):
        for rail in (track - RAIL, track + RAIL):
            _mark(site, (site.s, site.stop), (rail - 0.05, rail + 0.05), vector(120, 116, 112))


def _median(site: Site) -> None:
    m, rng, style = site.street.median, site.rng, site.style
    if not m:
        return
    planted = rng.random() < 0.6
    colour, label = (style.grass, TERRAIN) if planted else (style.paving, SIDEWALK)
    strip = site.street.strip
    site.scenery.patch(strip(site.start, site.stop, -m, m), style.kerb, SIDEWALK)
    site.scenery.patch(strip(site.start, site.stop, 0.15 - m, m - 0.15), colour, label)
    for _ in range(int(rng.integers(0, 4))):
        bush(site.scenery, rng, site.street.point(site.somewhere(), 0))


def _lines(site: Site) -> None:
    street, white = site.street, vector(222, 222, 216) * site.rng.uniform(0.82, 1.05)
    if street.median == 0:
        _dashes(site, 0.0, 6.0, white)
    for side in (1, -1):
        for index in range(1, street.lanes):
            _dashes(site, side * (street.median + index * street.lane), 9.0, white)
        edge = side * street.carriage()
        if street.cycle or street.parking[side < 0]:
            _mark(site, (site.start, site.stop), (edge - 0.06, edge + 0.06), white)
        elif street.drive < 0:
            for gap in (0.3, 0.55):
                d = side * (street.kerb(side) - gap)
                _mark(site, (site.start, site.stop), (d - 0.04, d + 0.04), vector(206, 180, 60))


def _dashes(site: Site, d: float, pitch: float, colour: Floats) -> None:
    for s in np.arange(site.start, site.stop, pitch).tolist():
        _mark(site, (s, min(s + pitch / 3, site.stop)), (d - 0.07, d + 0.07), colour)


def _zebra(site: Site, s: float) -> None:
    white, street = vector(226, 226, 220), site.street
    for d in np.arange(0.3 - street.kerb(-1), street.kerb(1) - 0.6, 1.05).tolist():
        _mark(site, (s, s + 3.0), (d, d + 0.5), white)
    for way in (1, -1):
        middle = street.lane_middle(0, way)
        stop = s + (4.0 if way < 0 else -1.6)
        _mark(
            site, (stop, stop + 0.4), (middle - street.lane / 2, middle + street.lane / 2), white
        )


def _mark(
    site: Site, along: tuple[float, float], across: tuple[float, float], colour: Floats
) -> None:
    site.scenery.patch(site.street.strip(*along, *across), colour, ROAD)
