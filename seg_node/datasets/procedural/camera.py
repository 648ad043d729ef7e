# SPDX-License-Identifier: Apache-2.0
"""Pinhole camera over flat ground.

World frame: metres, x and y on the ground, z up. Camera frame: x right, y down, z forward.
Pixel (row, column) has its centre at integer coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, cos, hypot, sin, tan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arrays import Floats

NEAR = 0.4  # metres; what is nearer than this is cut off


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        size: Height and width of the picture in pixels.
        focal: Focal length in pixels.
        position: (x, y, z) in metres.
        yaw: Heading in radians, counter-clockwise from the x axis.
        pitch: Radians, positive looks down.
        roll: Radians, positive turns the camera clockwise.
    """

    size: tuple[int, int]
    focal: float
    position: tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    @cached_property
    def centre(self) -> Floats:
        """Position as an array (3,)."""
        return np.array(self.position, dtype=np.float64)

    @cached_property
    def rotation(self) -> Floats:
        """Matrix (3, 3) that turns world directions into camera directions."""
        forward = (cos(self.yaw), sin(self.yaw), 0.0)
        level = np.array([[forward[1], -forward[0], 0.0], [0.0, 0.0, -1.0], forward])
        c, s = cos(self.pitch), sin(self.pitch)
        tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
        c, s = cos(self.roll), sin(self.roll)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        matrix: Floats = turn @ tilt @ level
        return matrix

    @cached_property
    def intrinsics(self) -> Floats:
        """Calibration matrix (3, 3)."""
        height, width = self.size
        f = self.focal
        return np.array([[f, 0.0, (width - 1) / 2], [0.0, f, (height - 1) / 2], [0.0, 0.0, 1.0]])

    def scaled(self, factor: float) -> Camera:
        """Return the same view with ``factor`` times as many pixels per side (rounded up)."""
        size = (ceil(self.size[0] * factor), ceil(self.size[1] * factor))
        return Camera(size, self.focal * factor, self.position, self.yaw, self.pitch, self.roll)

    def to_camera(self, points: Floats) -> Floats:
        """World points (N, 3) in the camera frame (N, 3)."""
        seen: Floats = (points - self.centre) @ self.rotation.T
        return seen

    def pixels(self, seen: Floats) -> Floats:
        """Pixel positions (N, 2) as (column, row) of camera-frame points with z > 0."""
        height, width = self.size
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        where: Floats = seen[:, :2] * (self.focal / seen[:, 2:]) + middle
        return where

    def project(self, points: Floats) -> Floats:
        """Pixel positions (N, 2) as (column, row) of world points that lie in front."""
        return self.pixels(self.to_camera(points))

    def outline(self, points: Floats) -> Floats | None:
        """Project a polygon (N, 3), cut at the near plane; None where nothing is in front."""
        seen = clip_near(self.to_camera(points))
        return self.pixels(seen) if len(seen) > 2 else None

    def outlines(self, polygons: Sequence[Floats]) -> list[Floats | None]:
        """Project many polygons (N, 3) at once; None for those that are not in the picture."""
        if not polygons:
            return []
        stops = np.cumsum([len(polygon) for polygon in polygons])
        starts = np.concatenate([[0], stops[:-1]])
        seen = self.to_camera(np.concatenate(polygons))
        safe = seen * (1, 1, 0) + (0, 0, 1) * np.maximum(seen[:, 2:], NEAR)
        pixels = self.pixels(safe)
        low, high = (edge.reduceat(pixels, starts) for edge in (np.minimum, np.maximum))
        size = np.array(self.size[::-1])
        whole = np.minimum.reduceat(seen[:, 2], starts) >= NEAR
        hidden = whole & ((high < -1) | (low > size)).any(axis=1)
        hidden |= np.maximum.reduceat(seen[:, 2], starts) < NEAR
        found: list[Floats | None] = [None] * len(polygons)
        for index in np.flatnonzero(~hidden).tolist():
            part = slice(starts[index], stops[index])
            cut = None if whole[index] else clip_near(seen[part])
            if cut is None:
                found[index] = pixels[part]
            elif len(cut) > 2:
                found[index] = self.pixels(cut)
        return found

    def plane(self, origin: Floats, along: Floats, up: Floats) -> Floats:
        """Homography (3, 3) from plane coordinates (a, b, 1) to pixels.

        The plane holds the points ``origin + a * along + b * up``.
        """
        columns = np.stack([along, up, origin - self.centre], axis=1)
        homography: Floats = self.intrinsics @ self.rotation @ columns
        return homography

    def may_see(self, point: Floats, reach: float) -> bool:
        """Whether something within ``reach`` metres of a world point may be in the picture."""
        across, _, ahead = ((point - self.centre) @ self.rotation.T).tolist()
        slope = self.size[1] / 2 / self.focal
        margin = reach * hypot(1.0, slope)
        return bool(ahead > -reach and abs(across) - slope * ahead < margin)

    @cached_property
    def horizon(self) -> float:
        """Row of the horizon in the picture's middle column."""
        return (self.size[0] - 1) / 2 - self.focal * tan(self.pitch) / cos(self.roll)


def clip_near(seen: Floats, near: float = NEAR) -> Floats:
    """Cut a polygon (N, 3) in the camera frame at depth ``near`` (Sutherland-Hodgman)."""
    inside = seen[:, 2] >= near
    if inside.all():
        return seen
    if not inside.any():
        return seen[:0]
    kept = []
    for index, point in enumerate(seen):
        before = seen[index - 1]
        if inside[index] != inside[index - 1]:
            share = (near - before[2]) / (point[2] - before[2])
            kept.append(before + share * (point - before))
        if inside[index]:
            kept.append(point)
    return np.array(kept)
