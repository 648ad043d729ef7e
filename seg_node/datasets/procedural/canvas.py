# SPDX-License-Identifier: Apache-2.0
"""Paints image and labels at once.

The picture has four channels, red, green, blue and class id, so that one OpenCV call writes all
of them and an image can never disagree with its labels. What is nearer is painted later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, exp, floor
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .camera import clip_near, NEAR
from .classes import BUILDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .arrays import Bytes, Floats, Picture
    from .camera import Camera
    from .light import Light
    from .mesh import Mesh

SHIFT = 4  # fractional bits of the coordinates given to OpenCV
FAR_PIXELS = 30000.0
SMALL = 14  # pixels; a see-through shape that is lower is painted opaque
HALF = 127  # coverage from which a pixel of a texture counts
LEVELS = np.arange(256, dtype=np.uint8)[:, None, None].repeat(4, axis=2)
CAP = np.linspace(0.5 * np.pi, 1.5 * np.pi, 5)


@dataclass
class Texture:
    """A picture that is drawn when it is first needed."""

    draw: Callable[[], Bytes]

    @cached_property
    def pixels(self) -> Bytes:
        """The picture (h, w, 3) or (h, w, 4)."""
        return self.draw()


@dataclass(frozen=True)
class Panel:
    """A flat textured quadrilateral: ``origin + a * along + b * up`` with a, b in 0..1.

    ``texture`` is (h, w, 3) or (h, w, 4) RGB(A) uint8, row 0 at b = 1; alpha 0 shows what is
    behind, while the label covers the whole panel (as people label a fence). ``part`` = (a0, a1)
    is what to paint of it.
    """

    origin: Floats
    along: Floats
    up: Floats
    texture: Bytes | Texture
    label: int
    normal: Floats
    part: tuple[float, float] = (0.0, 1.0)

    @cached_property
    def corners(self) -> Floats:
        """The four corners (4, 3) of the painted part."""
        a0, a1 = self.part
        foot, head = self.origin + a0 * self.along, self.origin + a1 * self.along
        return np.array([foot, head, head + self.up, foot + self.up])


@dataclass(frozen=True)
class Limbs:
    """Tapering round bars from ``start`` to ``stop`` (N, 3) with radii (N, 2) in metres."""

    start: Floats
    stop: Floats
    radii: Floats
    colours: Floats
    labels: tuple[int, ...]
    glow: Floats


class Canvas:
    """A picture under construction, seen by one camera in one light."""

    def __init__(self, camera: Camera, light: Light) -> None:
        """Start with an empty picture."""
        self.camera = camera
        self.light = light
        self._bars: dict[int, tuple[Limbs, list[tuple[Picture, list[float]]]]] = {}
        self.picture: Bytes = np.full((*camera.size, 4), 255, dtype=np.uint8)

    def polygon(self, pixels: Floats, colour: Floats, label: int) -> None:
        """Fill a polygon (N, 2) given in pixels as (column, row)."""
        r, g, b = (min(max(level, 0.0), 255.0) for level in colour.tolist())
        cv2.fillPoly(self.picture, [fixed_point(pixels)], (r, g, b, label), cv2.LINE_8, SHIFT)

    def surface(self, points: Floats, colour: Floats, normal: Floats, label: int) -> None:
        """Fill a flat polygon (N, 3) in the world, lit and seen through air."""
        outline = self.camera.outline(points)
        if outline is not None:
            away = float(np.linalg.norm(points.mean(axis=0) - self.camera.centre))
            lit = self.light.through_air(colour * self.light.gain(normal), away)
            self.polygon(outline, lit, label)

    def mesh(self, mesh: Mesh, position: Floats, yaw: float) -> None:
        """Paint a solid shape that stands at ``position`` (3,) and is turned by ``yaw``."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        seen = self.camera.to_camera(mesh.vertices @ turn + position)
        if seen[:, 2].max() < NEAR:
            return
        normals = mesh.normals @ turn
        views = self.camera.centre - (mesh.centres @ turn + position)
        shown = np.flatnonzero((views * normals).sum(axis=1) > 0)
        colours = self._mesh_colours(mesh, normals, float(np.linalg.norm(views[0])))
        if seen[:, 2].min() >= NEAR:
            pixels = fixed_point(self.camera.pixels(seen))
            for face in shown:
                cv2.fillConvexPoly(
                    self.picture, pixels[mesh.faces[face]], colours[face], cv2.LINE_8, SHIFT
                )
            return
        for face in shown:
            cut = clip_near(seen[mesh.faces[face]])
            if len(cut) > 2:
                colour = np.array(colours[face][:3])
                self.polygon(self.camera.pixels(cut), colour, int(colours[face][3]))

    def _mesh_colours(self, mesh: Mesh, normals: Floats, away: float) -> list[list[float]]:
        lit = self.light.shade(mesh.colours, normals)
        lit += mesh.glow[:, None] * np.maximum(mesh.colours - lit, 0)
        seen = np.clip(self.light.through_air(lit, away), 0, 255)
        rows: list[list[float]] = np.column_stack([seen, mesh.labels]).tolist()
        return rows

    def prepare(self, everything: list[Limbs]) -> None:
        """Project many round bars at once; ``limbs`` then only fills them."""
        if not everything:
            return
        sizes = np.cumsum([len(limbs.labels) for limbs in everything])
        start = self.camera.to_camera(np.concatenate([limbs.start for limbs in everything]))
        stop = self.camera.to_camera(np.concatenate([limbs.stop for limbs in everything]))
        depth = np.minimum(start[:, 2], stop[:, 2])
        radii = np.concatenate([limbs.radii for limbs in everything])
        start[:, 2], stop[:, 2] = np.maximum(start[:, 2], NEAR), np.maximum(stop[:, 2], NEAR)
        outlines = _capsules(self.camera, start, stop, radii)
        own = np.concatenate([limbs.colours for limbs in everything])
        lit = own * (self.light.ambient + 0.45 * self.light.direct)
        glow = np.concatenate([limbs.glow for limbs in everything])
        lit += glow[:, None] * np.maximum(own - lit, 0)
        seen = np.clip(self.light.through_air(lit, start[:, 2]), 0, 255)
        labels = np.concatenate([limbs.labels for limbs in everything])
        colours = np.column_stack([seen, labels]).tolist()
        far = start[:, 2] + stop[:, 2]
        for limbs, last in zip(everything, sizes.tolist(), strict=True):
            first = last - len(limbs.labels)
            order = first + np.argsort(-far[first:last], kind='stable')
            shown = order.tolist() if depth[first:last].min() >= NEAR else []
            self._bars[id(limbs)] = limbs, [(outlines[k], colours[k]) for k in shown]

    def limbs(self, limbs: Limbs) -> None:
        """Paint round bars, farthest first."""
        if id(limbs) not in self._bars:
            self.prepare([limbs])
        for outline, colour in self._bars[id(limbs)][1]:
            cv2.fillConvexPoly(self.picture, outline, colour, cv2.LINE_8, SHIFT)

    def panel(self, panel: Panel) -> None:
        """Paint a textured quadrilateral."""
        if panel.label == BUILDING and (self.camera.centre - panel.origin) @ panel.normal <= 0:
            return
        corners = panel.corners
        outline = self.camera.outline(corners)
        window = None if outline is None else self._window(outline)
        if outline is None or window is None:
            return
        (x0, y0, x1, y1), mask = window
        texture, part = _slice(panel)
        texture = _reduced(texture, outline)
        h, w = texture.shape[:2]
        plane = self.camera.plane(
            panel.origin + part[0] * panel.along, (part[1] - part[0]) * panel.along, panel.up
        )
        to_plane = np.array([[1 / w, 0, 0.5 / w], [0, -1 / h, 1 - 0.5 / h], [0, 0, 1.0]])
        shift = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]])
        away = float(np.linalg.norm(corners.mean(axis=0) - self.camera.centre))
        warped = cv2.warpPerspective(
            self._lit(texture, panel.normal, away),
            shift @ plane @ to_plane,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        area = self.picture[y0:y1, x0:x1]
        cv2.copyTo(_labelled(warped, area, panel.label), mask, area)

    def sprite(self, texture: Bytes, foot: Floats, size: tuple[float, float], label: int) -> None:
        """Paint an upright RGBA picture (h, w, 4) that always faces the camera.

        Args:
            texture: Colours and coverage; coverage below a half shows what is behind.
            foot: (x, y, z) of the middle of the lower edge in metres.
            size: Width and height in metres.
            label: Class id of what is covered.
        """
        seen = self.camera.to_camera(foot[None])
        if seen[0, 2] < 2 * NEAR:
            return
        column, row = self.camera.pixels(seen)[0]
        scale = self.camera.focal / seen[0, 2]
        width, height = size[0] * scale, size[1] * scale
        box = np.array([[column - width / 2, row - height], [column + width / 2, row]])
        low = np.maximum(np.floor(box[0]), 0).astype(int)
        high = np.minimum(np.ceil(box[1]), self.camera.size[::-1]).astype(int)
        if (high - low < 1).any():
            return
        texture = _reduced(texture, box)
        lit = self._lit(texture, np.array([0.0, 0.0, 0.6]), float(seen[0, 2]))
        h, w = texture.shape[:2]
        matrix = np.array(
            [[width / w, 0, box[0, 0] - low[0]], [0, height / h, box[0, 1] - low[1]]]
        )
        extent = (int(high[0] - low[0]), int(high[1] - low[1]))
        warped = cv2.warpAffine(lit, matrix, extent, flags=cv2.INTER_LINEAR)
        area = self.picture[low[1] : high[1], low[0] : high[0]]
        mask = (warped[..., 3] > HALF).view(np.uint8)
        warped[..., 3] = label
        cv2.copyTo(warped, mask, area)

    def tint(self, points: Floats, colour: Floats, opacity: float, label: int) -> None:
        """Lay a see-through polygon (N, 3) over what is there and label it."""
        outline = self.camera.outline(points)
        if outline is not None and np.ptp(outline[:, 1]) < SMALL:
            self.polygon(outline, colour, label)
            return
        window = None if outline is None else self._window(outline)
        if window is None:
            return
        (x0, y0, x1, y1), mask = window
        area = self.picture[y0:y1, x0:x1]
        flat = np.empty_like(area)
        flat[:] = (*np.clip(colour, 0, 255), label)
        mixed = cv2.addWeighted(area, 1 - opacity, flat, opacity, 0)
        mixed[..., 3] = label
        cv2.copyTo(mixed, mask, area)

    def _window(self, outline: Floats) -> tuple[tuple[int, int, int, int], Bytes] | None:
        """Where in the picture a polygon lies, and which pixels there it covers."""
        height, width = self.camera.size
        (left, top), (right, bottom) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        x0, x1 = max(floor(left), 0), min(ceil(right) + 1, width)
        y0, y1 = max(floor(top), 0), min(ceil(bottom) + 1, height)
        if x1 <= x0 or y1 <= y0:
            return None
        mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(mask, [fixed_point(outline - (x0, y0))], (255,), cv2.LINE_8, SHIFT)
        return (x0, y0, x1, y1), mask

    def _lit(self, texture: Bytes, normal: Floats, away: float) -> Bytes:
        clear = exp(-self.light.haze * away)
        gain = self.light.gain(normal) * clear
        air = self.light.horizon * (1 - clear)
        table = LEVELS[:, :, : texture.shape[2]].copy()
        table[:, 0, :3] = np.minimum(LEVELS[:, 0, :3] * gain + air, 255)
        return np.asarray(cv2.LUT(texture, table), np.uint8)


def fixed_point(pixels: Floats) -> Picture:
    """Pixel positions as OpenCV's drawing functions take them with SHIFT fractional bits."""
    bounded = np.minimum(np.maximum(pixels, -FAR_PIXELS), FAR_PIXELS)
    return np.asarray(np.rint(bounded * (1 << SHIFT)), np.int32)


def _labelled(colours: Picture, behind: Bytes, label: int) -> Picture:
    """Colours (h, w, 3), or (h, w, 4) laid over what is ``behind``, with a class id added."""
    red, green, blue, *alpha = cv2.split(colours)
    mixed = cv2.merge([red, green, blue, np.full_like(red, label)])
    if alpha:
        cover = np.asarray(alpha[0], np.float32) / 255
        mixed = cv2.blendLinear(mixed, behind, cover, 1 - cover)
        mixed[..., 3] = label
    return mixed


def _slice(panel: Panel) -> tuple[Bytes, tuple[float, float]]:
    """The columns of the texture that a part of a panel needs, and where they begin and end."""
    texture = panel.texture if isinstance(panel.texture, np.ndarray) else panel.texture.pixels
    w = texture.shape[1]
    first, last = max(int(panel.part[0] * w) - 1, 0), min(int(panel.part[1] * w) + 2, w)
    return np.ascontiguousarray(texture[:, first:last]), (first / w, last / w)


def _reduced(texture: Bytes, outline: Floats) -> Bytes:
    """Shrink a texture that would be drawn much smaller than it is, against aliasing."""
    spread = np.maximum(np.ptp(outline, axis=0), 1.0)
    h, w = texture.shape[:2]
    sideways, upright = w / spread[0], h / spread[1]
    if max(sideways, upright) < 1.5:
        return texture
    extent = (max(int(w / max(sideways, 1.0)), 2), max(int(h / max(upright, 1.0)), 2))
    return np.asarray(cv2.resize(texture, extent, interpolation=cv2.INTER_AREA), np.uint8)


def _capsules(camera: Camera, start: Floats, stop: Floats, radii: Floats) -> list[Picture]:
    foot, head = camera.pixels(start), camera.pixels(stop)
    turn = np.arctan2(head[:, 1] - foot[:, 1], head[:, 0] - foot[:, 0])[:, None]
    low = np.maximum(radii[:, :1] * camera.focal / start[:, 2:], 0.35)
    high = np.maximum(radii[:, 1:] * camera.focal / stop[:, 2:], 0.35)
    back = np.stack([np.cos(turn + CAP), np.sin(turn + CAP)], axis=2) * low[..., None]
    front = np.stack([np.cos(turn + CAP + np.pi), np.sin(turn + CAP + np.pi)], axis=2)
    points = np.concatenate(
        [foot[:, None] + back, head[:, None] + front * high[..., None]], axis=1
    )
    return list(fixed_point(points))
