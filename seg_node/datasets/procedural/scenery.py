# SPDX-License-Identifier: Apache-2.0
"""What a world holds: things to paint with the place that decides their order, and ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Bytes, Floats, vector
from .canvas import Canvas, Limbs, Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .mesh import Mesh
    from .people import Figure

UPRIGHT = vector(0, 0, 1)
RAGGED = 0.75 + 0.25 * np.sin(np.arange(28) ** 2 * 1.7)
ROUND = np.array(
    [[np.cos(t), np.sin(t), 0.4 * np.cos(3 * t)] for t in np.arange(28) * (np.pi / 14)]
)
CIRCLE = np.array([[np.cos(t), np.sin(t), 0] for t in np.arange(8) * (np.pi / 4)])


@dataclass(frozen=True)
class Thing:
    """Something to paint, ordered by the farther of its two ends.

    Attributes:
        paint: Paints it on a canvas.
        ends: (2, 3) two points on the ground.
        body: (M, 3) points whose shadows' hull is its shadow, or None.
        base: (N, 3) outline on the ground that gets no light, or None.
        reach: Radius in metres, to leave out what cannot be seen.
        limbs: Round bars that ``paint`` paints; known so that all are projected at once.
        axis: (2, 3) both ends of something long, which hides what is beyond its line.
        shade: (M, 3) outline in the air whose shadow falls as it is.
    """

    paint: Callable[[Canvas], None]
    ends: Floats
    body: Floats | None = None
    base: Floats | None = None
    reach: float = 2.0
    limbs: tuple[Limbs, ...] = ()
    axis: Floats | None = None
    shade: Floats | None = None


@dataclass(frozen=True)
class Patch:
    """A polygon (N, 3) of ground with a colour and a class."""

    outline: Floats
    colour: Floats
    label: int


@dataclass
class Scenery:
    """Things and ground patches; later patches lie over earlier ones."""

    things: list[Thing] = field(default_factory=list)
    ground: list[Patch] = field(default_factory=list)

    def patch(self, outline: Floats, colour: Floats, label: int) -> None:
        """Add ground."""
        self.ground.append(Patch(outline, colour, label))

    def mesh(self, mesh: Mesh, position: Floats, yaw: float) -> None:
        """Add a solid shape."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        a, b, h = mesh.length / 2, mesh.width / 2, mesh.height
        foot = np.array([[a, b, 0], [a, -b, 0], [-a, -b, 0], [-a, b, 0]])
        base = foot @ turn + position
        body = np.concatenate([base, (foot * (0.8, 0.9, 1) + (0, 0, h)) @ turn + position])
        axis = np.array([[a, 0, 0], [-a, 0, 0]]) @ turn + position if a > b else None
        ends = np.array([position, position])
        paint = partial(_paint_mesh, mesh, position, yaw)
        self.things.append(Thing(paint, ends, body, base, a + b, axis=axis))

    def limbs(self, limbs: Limbs, position: Floats, shadow: float = 0.0) -> None:
        """Add round bars; ``shadow`` is the radius of the dark spot below."""
        base = ring(position, shadow) if shadow else None
        self.things.append(
            Thing(
                lambda canvas: canvas.limbs(limbs),
                np.array([position, position]),
                None,
                base,
                3.0,
                (limbs,),
            )
        )

    def figures(
        self,
        figures: list[Figure],
        position: Floats,
        yaw: float,
        scale: float = 1.0,
        wheels: Sequence[Wheel] = (),
    ) -> None:
        """Add figures that belong together, in painting order, over see-through wheels."""
        placed = [f.place(position, yaw, scale) for f in figures]

        def paint(canvas: Canvas) -> None:
            for wheel in wheels:
                wheel.paint(canvas)
            for limbs in placed:
                canvas.limbs(limbs)

        limbs = (*placed, *(wheel.tyre for wheel in wheels))
        spot = ring(position, 0.28 * scale)
        ends = np.array([position, position])
        self.things.append(Thing(paint, ends, None, spot, 2.0, limbs))

    def mounted(self, post: Limbs, mesh: Mesh, position: Floats, yaw: float) -> None:
        """Add a solid shape at ``position`` (3,) that is held by bars."""

        def paint(canvas: Canvas) -> None:
            canvas.limbs(post)
            canvas.mesh(mesh, position, yaw)

        self.things.append(Thing(paint, post.start[[0, 0]], None, None, 5.0, (post,)))

    def sprite(self, texture: Bytes, foot: Floats, size: tuple[float, float], label: int) -> None:
        """Add a picture that faces the camera; its shadow is a ragged spot."""
        ground = foot * (1, 1, 0)
        turn = int(abs(foot[0]) * 7) % len(RAGGED)
        shade = np.roll(RAGGED, turn, axis=0)[:, None] * ROUND * (size[0] * 0.5)
        self.things.append(
            Thing(
                lambda canvas: canvas.sprite(texture, foot, size, label),
                np.array([ground, ground]),
                None,
                ring(ground, size[0] * 0.3) if foot[2] < 0.3 else None,
                size[0],
                shade=shade + foot + vector(0, 0, size[1] / 2),
            )
        )

    def panel(self, panel: Panel, piece: float = 7.0, *, shadow: bool = True) -> None:
        """Add a flat textured wall, cut into pieces of about ``piece`` metres."""
        length = float(np.linalg.norm(panel.along))
        cuts = np.linspace(0, 1, max(int(np.ceil(length / piece)), 1) + 1)
        for a0, a1 in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            part = Panel(
                panel.origin,
                panel.along,
                panel.up,
                panel.texture,
                panel.label,
                panel.normal,
                (a0, a1),
            )
            corners = part.corners
            self.things.append(
                Thing(
                    _painter(part),
                    corners[:2],
                    corners if shadow else None,
                    None,
                    max(length * (a1 - a0), float(panel.up[2])),
                )
            )

    def surface(
        self,
        points: Floats,
        colour: Floats,
        normal: Floats,
        label: int,
        ends: Floats | None = None,
    ) -> None:
        """Add a flat polygon of one colour."""
        where = points[[0, len(points) // 2]] if ends is None else ends
        self.things.append(
            Thing(
                lambda canvas: canvas.surface(points, colour, normal, label),
                where,
                points,
                None,
                10.0,
            )
        )


def _paint_mesh(mesh: Mesh, position: Floats, yaw: float, canvas: Canvas) -> None:
    canvas.mesh(mesh, position, yaw)


def _painter(panel: Panel) -> Callable[[Canvas], None]:
    return lambda canvas: canvas.panel(panel)


def ring(position: Floats, radius: float) -> Floats:
    """Outline (8, 3) of a spot on the ground."""
    return position + CIRCLE * radius


@dataclass(frozen=True)
class Wheel:
    """A spoked wheel: a tyre, and inside it a darkened view of what is behind."""

    disc: Floats
    tyre: Limbs
    label: int
    opacity: float

    def paint(self, canvas: Canvas) -> None:
        """Paint it."""
        canvas.tint(self.disc, vector(60, 60, 62), self.opacity, self.label)
        canvas.limbs(self.tyre)


def wheel(
    pose: tuple[Floats, float], x: float, radius: float, label: int, opacity: float
) -> Wheel:
    """Make the wheel at ``x`` metres before the middle of a two-wheeler at (position, yaw)."""
    position, yaw = pose
    turn = np.arange(14) * (2 * np.pi / 14)
    along = vector(np.cos(yaw), np.sin(yaw), 0)
    axle = position + along * x + UPRIGHT * radius
    circle = np.cos(turn)[:, None] * along + np.sin(turn)[:, None] * UPRIGHT
    rim = axle + circle * (radius - 0.02)
    grey, thin = np.full((14, 3), 30.0), np.full((14, 2), 0.024)
    tyre = Limbs(rim, np.roll(rim, -1, axis=0), thin, grey, (label,) * 14, np.zeros(14))
    return Wheel(axle + circle * radius, tyre, label, opacity)
