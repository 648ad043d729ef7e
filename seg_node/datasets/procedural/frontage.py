# SPDX-License-Identifier: Apache-2.0
"""What lines the street: buildings, gardens, walls, fences, hedges, groves."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, random_for, vector
from .canvas import Panel, Texture
from .classes import BUILDING, FENCE, SIDEWALK, VEGETATION, WALL
from .facades import facade, side_wall, STOREY
from .furniture import bush, tree
from .scenery import UPRIGHT
from .textures import brickwork, fence, hedge, PLASTER, VARIANTS

if TYPE_CHECKING:
    from .site import Stretch

FRONTAGES = ('city', 'houses', 'park', 'wall', 'fence', 'yard', 'verge')
ROOFS = ((128, 70, 52), (92, 84, 82), (70, 66, 66), (150, 92, 66))
BARRIERS = {'hedge': (hedge, VEGETATION), 'wall': (brickwork, WALL), 'fence': (fence, FENCE)}


def add_frontage(line: Stretch, kind: str) -> None:
    """Fill the land behind the sidewalk's outer edge, which is ``line``."""
    rng, edge = line.site.rng, line.d
    front = edge + line.site.street.front[line.side < 0]
    if kind == 'city':
        _pave(line, front)
        _row(line.at(front), (9, 16), line.site.style.storeys)
    elif kind == 'houses':
        _houses(line)
    elif kind == 'park':
        _barrier(line.at(edge + 0.3), ('none', 'hedge', 'fence', 'none'))
        _grove(line.at(edge + 1.5), 12)
    elif kind == 'wall':
        _barrier(line.at(edge + 0.1), ('wall',))
        _grove(line.at(edge + 2.0), 6)
        if rng.random() < 0.5:
            _row(line.at(edge + 9), (10, 18), 2)
    elif kind == 'fence':
        _barrier(line.at(edge + 0.1), ('fence',))
        _grove(line.at(edge + 3.0), 3)
        _row(line.at(edge + 12), (18, 28), 2)
    elif kind == 'yard':
        _pave(line, edge + 14)
        _row(line.at(edge + 14), (20, 36), 3)
    else:
        _grove(line.at(edge + 2.0), 4)
        _row(line.at(edge + 16), (10, 16), 3)


def _pave(line: Stretch, d1: float) -> None:
    if d1 > line.d:
        line.at(line.d - 0.3).paved(d1 + 0.5, line.site.style.paving * 0.94, SIDEWALK)


def _row(line: Stretch, lengths: tuple[float, float], storeys: int) -> None:
    """Buildings side by side."""
    rng, s = line.site.rng, line.s0
    while s < line.s1 - 4:
        length = min(rng.uniform(*lengths), line.s1 - s)
        length = line.s1 - s if line.s1 - s - length < 4 else length
        gap = rng.uniform(0.5, 4) if rng.random() < 0.12 else 0.0
        floors = max(int(storeys + rng.integers(-1, 2)), 1)
        plot = line.between(s, s + length - gap).at(line.d + rng.uniform(0, 0.6))
        add_building(plot, floors, pitched=rng.random() < 0.3)
        s += length


def _houses(line: Stretch) -> None:
    """Detached houses behind gardens."""
    rng, s, scenery = line.site.rng, line.s0, line.site.scenery
    garden = rng.uniform(2.5, 7)
    _barrier(line.at(line.d + 0.2), ('hedge', 'wall', 'fence', 'hedge', 'none', 'wall'))
    while s < line.s1 - 7:
        length = min(rng.uniform(8, 13), line.s1 - s)
        plot = line.between(s + 0.5, s + length - rng.uniform(0.5, 3)).at(line.d + garden)
        add_building(plot, 2, pitched=True)
        _pave(line.between(s, s + 1.2), line.d + garden)
        if rng.random() < 0.6:
            bush(scenery, rng, line.point(s + rng.uniform(1, 7), rng.uniform(1.4, garden)))
        s += length
    if rng.random() < 0.6:
        tree(scenery, rng, line.point(rng.uniform(line.s0, line.s1), 1.6), rng.uniform(4, 8))
    _grove(line.at(line.d + garden + 12), 2)


def add_building(line: Stretch, storeys: int, *, pitched: bool) -> None:
    """A building whose front stands on ``line``; its facade is drawn when first seen."""
    rng, (a, b) = line.site.rng, line.ends
    height, deep = UPRIGHT * storeys * STOREY, line.outward * rng.uniform(7, 12)
    key, long = int(rng.integers(1 << 40)), float(np.linalg.norm(b - a))
    lamps = line.site.light.lamps
    front = Texture(lambda: facade(random_for(key), long, storeys, lamps=lamps))
    flank = Texture(lambda: side_wall(front.pixels, plain=bool(key % 2)))
    for origin, away in ((a, (a - b) / long), (b, (b - a) / long)):
        line.site.scenery.panel(Panel(origin, deep, height, flank, BUILDING, away))
    if pitched:
        _roof(line, height, deep, vector(*PLASTER[key % len(PLASTER)]))
    line.wall(float(height[2]), front, BUILDING)


def _roof(line: Stretch, height: Floats, deep: Floats, wall: Floats) -> None:
    """Two gables and the slope that looks at the street."""
    rng, (a, b), scenery = line.site.rng, line.ends, line.site.scenery
    along = (b - a) / np.linalg.norm(b - a)
    ridge = UPRIGHT * rng.uniform(2, 3.4) + deep / 2
    for end, away in ((a, -along), (b, along)):
        gable = end + height + np.array([deep * 0, deep, ridge])
        scenery.surface(gable, wall, away, BUILDING, np.array([end, end + deep]))
    eave = height - 0.35 * line.outward
    slope = np.array([a + eave, b + eave, b + height + ridge, a + height + ridge])
    normal = np.cross(along, ridge)
    normal *= np.sign(normal[2]) / np.linalg.norm(normal)
    tiles = vector(*ROOFS[rng.integers(len(ROOFS))]) * rng.uniform(0.8, 1.2)
    scenery.surface(slope, tiles, normal, BUILDING, np.array([a, b]))


def _barrier(line: Stretch, kinds: tuple[str, ...]) -> None:
    """A wall, fence or hedge with a gate somewhere."""
    rng = line.site.rng
    kind = kinds[rng.integers(len(kinds))]
    if kind == 'none':
        return
    height, variant = rng.uniform(0.8, 2.6), int(rng.integers(VARIANTS))
    make, label = BARRIERS[kind]
    texture = make(variant)
    gate = rng.uniform(line.s0 + 4, line.s1 - 4)
    for start, stop in ((line.s0, gate - 1.5), (gate + 1.5, line.s1)):
        edges = np.linspace(start, stop, max(int((stop - start) / 10), 1) + 1).tolist()
        for low, high in pairwise(edges):
            wide = max(int(texture.shape[1] * min((high - low) / 8, 1)), 4)
            part = np.ascontiguousarray(texture[:, :wide])
            line.between(low, high).wall(height, part, label, shadow=kind != 'fence')


def _grove(line: Stretch, count: int) -> None:
    rng, scenery = line.site.rng, line.site.scenery
    for _ in range(int(rng.integers(count // 2, count + 1))):
        place = line.point(rng.uniform(line.s0, line.s1), rng.uniform(0, 14))
        if rng.random() < 0.3:
            bush(scenery, rng, place)
        else:
            tree(scenery, rng, place, rng.uniform(5, 14))
