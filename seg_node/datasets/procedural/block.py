# SPDX-License-Identifier: Apache-2.0
"""One block of a street: ground, frontages, street furniture and, sometimes, a side street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arrays import pick
from .classes import FENCE
from .frontage import add_building, add_frontage, FRONTAGES
from .furniture import board, lamp_post, plain_pole, sign, traffic_light, tree
from .ground import lay_ground, SIDE_STREET
from .site import Site, Stretch
from .textures import fence, VARIANTS
from .vehicles import VARIANTS as VEHICLES
from .vehicles import vehicle

if TYPE_CHECKING:
    from .scenery import Scenery

WAITING = ('car', 'car', 'car', 'van', 'truck', 'bus')


def build_block(site: Site) -> Scenery:
    """Build everything that does not move on one block of a street."""
    rng, street, style = site.rng, site.street, site.style
    lay_ground(site)
    for side in (1, -1):
        edge = Stretch(site, side, site.start, site.stop, street.edge(side))
        add_frontage(edge, pick(rng, FRONTAGES, style.frontages))
        _furnish(edge.at(street.kerb(side) + 0.5))
        if site.crossing:
            _side_street(site, side)
    return site.scenery


def _furnish(line: Stretch) -> None:
    """Put poles, signs and trees on the edge of the sidewalk, which is ``line``."""
    site, rng = line.site, line.site.rng
    scenery, facing = site.scenery, _facing(line)
    for s in (site.start + rng.uniform(1, 12), site.start + 20)[: 1 + (rng.random() < 0.5)]:
        lamp_post(scenery, rng, line.point(s), -line.outward, lit=site.light.lamps)
    for _ in range(int(rng.integers(1, 5))):
        plain_pole(scenery, rng, line.point(site.somewhere()))
    for _ in range(int(rng.integers(1, 4))):
        sign(scenery, rng, line.point(site.somewhere(), 0.1), facing + rng.normal(0, 0.12))
    if rng.random() < 0.16:
        board(scenery, rng, line.point(site.somewhere(3), 1.0), facing)
    if site.crossing or rng.random() < 0.3:
        near = site.start - (0.5 if line.side == site.street.drive else 12)
        traffic_light(scenery, rng, line.point(near), facing)
        traffic_light(scenery, rng, line.point(site.start + 0.5, 0.3), facing)
    if rng.random() < site.style.trees:
        _tree_row(line.at(line.d + 0.3))
    if rng.random() < 0.3:
        stop = min(site.start + rng.uniform(6, 20), site.stop)
        railing = line.between(site.start, stop).at(line.d - 0.2)
        texture = fence(int(rng.integers(VARIANTS // 2)) * 2)
        railing.wall(rng.uniform(0.9, 1.2), texture, FENCE, shadow=False)


def _facing(line: Stretch) -> float:
    """Where the front of a sign looks: at those who drive on its side."""
    toward = line.site.street.heading(line.s0)
    return toward + (np.pi if line.side == -line.site.street.drive else 0.0)


def _tree_row(line: Stretch) -> None:
    rng = line.site.rng
    size, pitch = rng.uniform(5, 11), rng.uniform(8, 16)
    for s in np.arange(line.s0 + 4, line.s1, pitch).tolist():
        tree(line.site.scenery, rng, line.point(s), size * rng.uniform(0.8, 1.2))


def _side_street(site: Site, side: int) -> None:
    """Let vehicles wait in the side street and close the view at its end."""
    rng, street, s = site.rng, site.street, site.s
    add_building(Stretch(site, side, s - 10, s + 24, SIDE_STREET), 3, pitched=False)
    for _ in range(3):
        place = street.point(s + rng.choice((0.5, 12.5)), side * rng.uniform(22, 55))
        tree(site.scenery, rng, place, rng.uniform(5, 9))
    d = street.kerb(side) + rng.uniform(5, 9)
    for _ in range(int(rng.integers(0, 3))):
        mesh = vehicle(WAITING[rng.integers(len(WAITING))], int(rng.integers(VEHICLES)))
        place = street.point(s + 6.5 + side * street.drive * 1.6, side * (d + mesh.length / 2))
        yaw = street.heading(s) - side * np.pi / 2
        site.scenery.mesh(mesh, place, yaw)
        d += mesh.length + rng.uniform(1.5, 5)
