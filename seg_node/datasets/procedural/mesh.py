# SPDX-License-Identifier: Apache-2.0
"""Solid shapes made of flat convex faces, in metres, x forward, y left, z up."""

from __future__ import annotations

from dataclasses import dataclass, field
import itertools
from itertools import product
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


@dataclass(frozen=True)
class Mesh:
    """Faces in painting order; a face shows when its normal points towards the camera.

    Attributes:
        vertices: (V, 3) metres.
        faces: Index arrays into the vertices, each a convex polygon.
        colours: (F, 3) RGB 0..255.
        labels: (F,) class ids.
        normals: (F, 3) unit vectors.
        centres: (F, 3) one point of each face.
        glow: (F,) 1 for a face that shines by itself, else 0.
        length: Extent along x in metres.
        width: Extent along y in metres.
        height: Extent along z in metres.
    """

    vertices: Floats
    faces: tuple[npt.NDArray[np.intp], ...]
    colours: Floats
    labels: npt.NDArray[np.int64]
    normals: Floats
    centres: Floats
    glow: Floats
    length: float
    width: float
    height: float


@dataclass
class MeshBuilder:
    """Collects faces; later faces are painted over earlier ones."""

    label: int
    points: list[Floats] = field(default_factory=list)
    colours: list[Floats] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    normals: list[Floats] = field(default_factory=list)
    glow: list[float] = field(default_factory=list)

    def face(self, points: Floats, colour: Floats, outward: Floats, glow: float = 0.0) -> None:
        """Add one convex polygon (N, 3); its normal is turned to the side of ``outward``."""
        (ax, ay, az), (bx, by, bz) = points[1] - points[0], points[2] - points[0]
        normal = vector(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
        normal /= sqrt(normal @ normal) + 1e-12
        self.points.append(points)
        self.colours.append(np.asarray(colour, dtype=np.float64))
        self.labels.append(self.label)
        self.normals.append(normal if normal @ outward >= 0 else -normal)
        self.glow.append(glow)

    def prism(
        self,
        profile: Sequence[tuple[float, float]],
        half: float,
        colour: Floats,
        inset: float = 0.0,
    ) -> None:
        """Extrude a convex side view [(x, z), ...] to y = -half..half, its top by inset less."""
        low = min(z for _, z in profile)
        high = max(z for _, z in profile)
        narrow = [half - inset * (z - low) / (high - low) for _, z in profile]
        left = np.array([(x, w, z) for (x, z), w in zip(profile, narrow, strict=True)])
        right = left * (1, -1, 1)
        middle = left.mean(axis=0) * (1, 0, 1)
        for i in range(len(profile)):
            j = (i + 1) % len(profile)
            quad = np.array([left[i], left[j], right[j], right[i]])
            self.face(quad, colour, quad.mean(axis=0) - middle)
        self.face(left, colour, vector(0, 1, 0))
        self.face(right, colour, vector(0, -1, 0))

    def box(
        self, low: tuple[float, float, float], high: tuple[float, float, float], colour: Floats
    ) -> None:
        """Add a box between two corners."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        corners = np.array([(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)])
        for index, outward in _BOX_FACES:
            self.face(corners[list(index)], colour, vector(*outward))

    def sides(
        self, outline: Sequence[tuple[float, float]], y: float, colour: Floats, glow: float = 0.0
    ) -> None:
        """Add the polygon [(x, z), ...] on both sides of the vehicle, at y and -y."""
        for side in (1.0, -1.0):
            points = np.array([(x, side * y, z) for x, z in outline])
            self.face(points, colour, vector(0, side, 0), glow)

    def end(
        self,
        x: float,
        outline: Sequence[tuple[float, float]],
        colour: Floats,
        forward: float,
        glow: float = 0.0,
    ) -> None:
        """Add the polygon [(y, z), ...] at x, seen from the front (forward=1) or back (-1)."""
        points = np.array([(x, y, z) for y, z in outline])
        self.face(points, colour, vector(forward, 0, 0), glow)

    def treads(self, axles: Sequence[float], radius: float, y: float, clear: float) -> None:
        """Add what is seen of wheels from before and behind, up to ``clear`` above ground.

        To be added before the body, which hides the wheels on the far side.
        """
        for x, way, side in product(axles, (-1, 1), (-1, 1)):
            edges = (side * (y - 0.22), side * y)
            rect = [(edges[0], 0.0), (edges[1], 0.0), (edges[1], clear), (edges[0], clear)]
            self.end(x + way * radius * 0.7, rect, vector(28, 28, 30), way)

    def wheel(self, x: float, radius: float, y: float, rim: float = 0.6) -> None:
        """Add a wheel on both sides, standing on the ground."""
        turn = np.arange(12) * (2 * np.pi / 12)
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        tyre = ring * radius + (x, radius)
        hub = ring * radius * rim + (x, radius)
        self.sides([(px, pz) for px, pz in tyre], y, vector(26, 26, 28))
        self.sides([(px, pz) for px, pz in hub], y + 0.005, vector(128, 130, 134))

    def build(self) -> Mesh:
        """Return what was collected."""
        sizes = np.cumsum([0, *(len(p) for p in self.points)])
        vertices = np.concatenate(self.points)
        length, width, height = np.ptp(vertices, axis=0)
        return Mesh(
            vertices,
            tuple(np.arange(a, b) for a, b in itertools.pairwise(sizes)),
            np.array(self.colours),
            np.array(self.labels),
            np.array(self.normals),
            np.array([p.mean(axis=0) for p in self.points]),
            np.array(self.glow),
            float(length),
            float(width),
            float(height),
        )


_BOX_FACES = (
    ((0, 1, 3, 2), (-1, 0, 0)),
    ((4, 5, 7, 6), (1, 0, 0)),
    ((0, 1, 5, 4), (0, -1, 0)),
    ((2, 3, 7, 6), (0, 1, 0)),
    ((1, 3, 7, 5), (0, 0, 1)),
)
