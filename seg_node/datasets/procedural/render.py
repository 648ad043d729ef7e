# SPDX-License-Identifier: Apache-2.0
"""Turns scenery into an image with labels: sky, ground, shadows, then things from far to near."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .arrays import Bytes, Floats, Picture, random_for, vector
from .canvas import Canvas, fixed_point, SHIFT
from .classes import BUILDING, ROAD, SIDEWALK, SKY, TERRAIN, VEGETATION
from .noise import value_noise
from .scenery import Patch
from .textures import ground_tile, to_bytes

if TYPE_CHECKING:
    from .camera import Camera
    from .canvas import Limbs
    from .light import Light
    from .scenery import Scenery, Thing
    from .world import World

SHADE = 0.5  # of the light that is left right below a vehicle
MIN_PIXELS = 8.0  # what would be smaller is left out
FAR = 300.0  # metres to the backdrop
BACKDROP = (  # class, mean height in metres, colour, width of a step in radians
    (VEGETATION, 9.0, (74, 96, 58), 0.008),
    (BUILDING, 13.0, (140, 132, 124), 0.03),
)
LAYERS = (('asphalt', ROAD), ('paving', SIDEWALK), ('grass', TERRAIN))


def paint(world: World, scenery: Scenery, camera: Camera, factor: int = 1) -> Canvas:
    """Paint ``scenery`` as ``camera`` sees it, ``factor`` times finer."""
    camera = camera.scaled(factor)
    canvas = Canvas(camera, world.light)
    _sky(canvas, world.seed)
    _backdrop(canvas, world.seed)
    _ground(canvas, scenery, world, factor)
    shown = _order(scenery, camera)
    canvas.prepare([limbs for thing in shown for limbs in thing.limbs])
    for thing in shown:
        thing.paint(canvas)
    if world.light.wet:
        _mirror(canvas, world.light.wet)
    if world.light.kind == 'night':
        _headlights(canvas)
    return canvas


def _mirror(canvas: Canvas, wet: float) -> None:
    """Let the wet road reflect what is far above it."""
    height, width = canvas.camera.size
    row = int(np.clip(canvas.camera.horizon, 1, height - 1))
    count = min(row, height - row)
    below = canvas.picture[row : row + count]
    flipped = np.ascontiguousarray(canvas.picture[row - count : row][::-1])
    above = cv2.GaussianBlur(flipped, (0, 0), sigmaX=width / 300, sigmaY=width / 40)
    near = np.linspace(1.0, 0.35, count, dtype=np.float32)[:, None] * np.float32(0.55 * wet)
    share = np.repeat(near, width, axis=1)
    mixed = cv2.blendLinear(above, below, share, 1 - share)
    mixed[..., 3] = below[..., 3]
    cv2.copyTo(mixed, (below[..., 3] == ROAD).view(np.uint8), below)


def _headlights(canvas: Canvas) -> None:
    """Brighten what is before the camera's own lamps."""
    height, width = canvas.camera.size
    x = np.linspace(-1, 1, width)[None]
    y = (np.arange(height) - canvas.camera.horizon)[:, None] / height
    cone = 1.3 * np.exp(-((x / 0.6) ** 2)) * np.exp(-(((y - 0.12) / 0.16) ** 2))
    gain = np.full((height, width, 4), 64, np.uint8)
    gain[..., :3] = (64 * (1 + cone))[..., None]
    cv2.multiply(canvas.picture, gain, dst=canvas.picture, scale=1 / 64)


def _order(scenery: Scenery, camera: Camera) -> list[Thing]:
    """The things that may be seen, far to near."""
    ends = np.array([thing.ends for thing in scenery.things])
    reach = np.array([thing.reach for thing in scenery.things])
    seen = (ends - camera.centre) @ camera.rotation.T
    across, ahead = seen[..., 0], seen[..., 2]
    slope = (camera.size[1] / 2 + 8) / camera.focal
    margin = reach[:, None] * np.sqrt(1 + slope**2)
    inside = (ahead + reach[:, None] > 0).any(axis=1)
    inside &= (across - slope * ahead < margin).any(axis=1)
    inside &= (-across - slope * ahead < margin).any(axis=1)
    away = np.linalg.norm((ends - camera.centre)[..., :2], axis=2).max(axis=1)
    inside &= reach * camera.focal > MIN_PIXELS * away
    order = np.argsort(-away, kind='stable')
    order = order[inside[order]]
    shown = [scenery.things[index] for index in order]
    return _behind_first(shown, ends[order][..., :2], away[order], camera.centre[:2])


def _behind_first(shown: list[Thing], ends: Floats, away: Floats, eye: Floats) -> list[Thing]:
    """Move what stands beyond the line of something long, though nearer, before it."""
    rank = np.arange(len(shown), dtype=np.float64)
    for index, thing in enumerate(shown):
        if thing.axis is None:
            continue
        start, along = thing.axis[0, :2], (thing.axis[1] - thing.axis[0])[:2]
        normal = vector(-along[1], along[0])
        sides = (ends - start) @ normal * np.sign((eye - start) @ normal)
        beyond = (sides < 0).all(axis=1) & (away > away[index] - np.linalg.norm(along) / 2 - 1)
        beyond[:index] = False
        beyond[index] = False
        rank[beyond] = np.minimum(rank[beyond], rank[index] - 0.5)
    return [shown[k] for k in np.argsort(rank, kind='stable').tolist()]


@lru_cache(maxsize=1)
def _cloud_tile() -> Bytes:
    noise = value_noise(random_for(909), (512, 512), 4, 6)
    return to_bytes(128 + 90 * noise)


def _sky(canvas: Canvas, seed: int) -> None:
    light = canvas.light
    camera = canvas.camera.scaled(0.5)
    height, width = camera.size
    rise = (camera.horizon - np.arange(height)) / camera.focal
    share = np.clip(rise / 0.75, 0, 1)[:, None] ** 0.6
    rows = light.horizon * (1 - share) + light.zenith * share
    image = np.broadcast_to(rows[:, None], (height, width, 3)).astype(np.float32)
    if light.clouds > 0.05:
        cover = _clouds(camera, seed, light.clouds) * np.clip(rise / 0.12, 0, 1)[
            :, None, None
        ].astype(np.float32)
        white = (light.horizon * 0.6 + vector(255, 255, 255) * light.ambient * 0.4).astype(
            np.float32
        )
        image += cover * (white * (1.04 if light.clouds < 0.8 else 0.95) - image)
    flat = np.full((height, width, 4), SKY, np.uint8)
    flat[..., :3] = np.clip(image, 0, 255)
    cv2.resize(flat, canvas.camera.size[::-1], dst=canvas.picture, interpolation=cv2.INTER_LINEAR)


def _clouds(camera: Camera, seed: int, amount: float) -> Floats:
    """Cover (H, W, 1) in 0..1 of a flat layer of clouds."""
    offset = random_for(seed, 21).uniform(0, 512, 2)
    ceiling = camera.plane(camera.centre + vector(0, 0, 1), vector(1, 0, 0), vector(0, 1, 0))
    scale = np.array([[1 / 40, 0, -offset[0] / 40], [0, 1 / 40, -offset[1] / 40], [0, 0, 1.0]])
    size = camera.size[::-1]
    noise = cv2.warpPerspective(
        _cloud_tile(), ceiling @ scale, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    low = 255 * (0.78 - 0.75 * amount)
    return np.clip((noise.astype(np.float32) - low) / 90, 0, 0.9)[..., None]


def _backdrop(canvas: Canvas, seed: int) -> None:
    """A far ring of trees and houses, so that the horizon is never bare."""
    camera, light = canvas.camera, canvas.light
    rng = random_for(seed, 22)
    for label, height, colour, step in BACKDROP:
        angle = np.arange(0, 2 * np.pi, step)
        wave = value_noise(rng, (1, len(angle)), 24, 3)[0]
        tall = height * (0.55 + 0.6 * wave) + rng.uniform(-0.5, 0.5, len(angle))
        if label == BUILDING:
            angle, tall = angle.repeat(2), (tall * (rng.random(len(angle)) < 0.5)).repeat(2)
            angle[::2] -= step
        turn = (angle - camera.yaw + np.pi) % (2 * np.pi) - np.pi
        ahead = np.flatnonzero(np.abs(turn) < 1.2)
        ahead = ahead[np.argsort(turn[ahead], kind='stable')]
        feet = np.stack([np.cos(angle[ahead]), np.sin(angle[ahead]), 0 * ahead], axis=1) * FAR
        feet[:, :2] += camera.centre[:2]
        tops = feet + np.maximum(tall[ahead], 0)[:, None] * vector(0, 0, 1)
        lit = light.through_air(vector(*colour) * light.gain(vector(0, 0, 0.3)), FAR)
        canvas.polygon(camera.project(np.concatenate([feet, tops[::-1]])), lit, label)


def _ground(canvas: Canvas, scenery: Scenery, world: World, factor: int) -> None:
    """Paint the ground's patches, then give them texture, shadow and haze.

    Texture and light are worked out at the size of the final picture, ``factor`` times smaller.
    """
    camera = canvas.camera
    circle = np.arange(12) * (np.pi / 6)
    reach = np.stack([np.cos(circle), np.sin(circle), 0 * circle], axis=1) * 400
    base = Patch(reach + camera.centre * (1, 1, 0), world.style.grass, TERRAIN)
    patches = [base, *scenery.ground]
    outlines = camera.outlines([patch.outline for patch in patches])
    for patch, outline in zip(patches, outlines, strict=True):
        if outline is not None:
            canvas.polygon(outline, patch.colour, patch.label)
    small = camera.scaled(1 / factor)
    top = int(np.clip(small.horizon - 5, 0, small.size[0] - 1))
    area = canvas.picture[top * factor :]
    rows = np.maximum(np.arange(top, small.size[0]) - small.horizon, 0.5)
    away = np.minimum(small.position[2] * small.focal / rows, 400)
    clear = np.exp(-world.light.haze * away)[:, None, None].astype(np.float32)
    gain = _relief(small, area[::factor, ::factor, 3], top, away) * (64 * clear)
    gain = gain * _shade_table(world.light)[_shadows(small, world.light, scenery)[top:]]
    size = (area.shape[1], area.shape[0])
    full = np.full((*gain.shape[:2], 4), 64, np.uint8)
    full[..., :3] = np.clip(gain, 0, 255)
    air = np.zeros_like(full)
    air[..., :3] = world.light.horizon * (1 - clear)
    if factor > 1:
        full, air = (cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in (full, air))
    lit = cv2.add(cv2.multiply(area, full, scale=1 / 64), air)
    labels = area[..., 3]
    ground = ((labels <= SIDEWALK) | (labels == TERRAIN)).view(np.uint8)
    cv2.copyTo(lit, ground, area)


def _shade_table(light: Light) -> Floats:
    """Light (256, 3) on the ground for shadow 0 (none) .. 200 (no sun) .. 255 (dark)."""
    full = light.gain(vector(0, 0, 1))
    none = full - light.direct * max(light.sun[2], 0)
    level = np.arange(256)[:, None] / 200
    table = full + (none - full) * np.minimum(level, 1)
    table[201:] *= SHADE
    return np.asarray(table, np.float32)


def _relief(camera: Camera, labels: Bytes, top: int, away: Floats) -> Floats:
    """Texture factors (h, W, 1) of the ground below row ``top``; ``away`` (h,) in metres."""
    plane = camera.plane(vector(0, 0, 0), vector(1, 0, 0), vector(0, 1, 0))
    plane = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]]) @ plane
    total = np.ones(labels.shape, np.float32)
    for metres, fade, layers in ((8.0, 14.0, LAYERS), (72.0, 120.0, LAYERS[:1])):
        mixed: Picture = np.full(labels.shape, 128, np.uint8)
        for kind, label in layers:
            wanted = (labels == label).view(np.uint8)
            if len(layers) == 1:
                mixed = _tiled(ground_tile(kind), plane, metres, labels.shape)
            elif wanted.any():
                cv2.copyTo(_tiled(ground_tile(kind), plane, metres, labels.shape), wanted, mixed)
        near = np.exp(-away / fade)[:, None].astype(np.float32) / 128
        total += (mixed.astype(np.float32) - 128) * near
    return np.asarray(total[..., None])


def _tiled(tile: Bytes, plane: Floats, metres: float, shape: tuple[int, ...]) -> Picture:
    """Cover a plane with a tile ``metres`` wide, seen through a homography."""
    scale = np.diag([metres / len(tile), metres / len(tile), 1.0])
    return cv2.warpPerspective(
        tile, plane @ scale, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


def _shadows(camera: Camera, light: Light, scenery: Scenery) -> Bytes:
    """Shadow (H, W): 0 none, 200 no direct sun, 255 below something."""
    mask = np.zeros(camera.size, np.uint8)
    near = _near(scenery, camera, 90.0)
    if light.direct.max() > 0.1:
        slope = light.sun[:2] / light.sun[2]
        casts = [shadow_of(body, slope) for thing in near if (body := thing.body) is not None]
        casts += [_fallen(shade, slope) for thing in near if (shade := thing.shade) is not None]
        bars = [limbs for thing in near for limbs in thing.limbs]
        _darken(mask, camera, casts + shadows_of_bars(bars, slope), 200)
        cv2.GaussianBlur(mask, (3, 3), 0, dst=mask)
    _darken(mask, camera, [thing.base for thing in near if thing.base is not None], 255)
    return mask


def shadow_of(body: Floats, slope: Floats) -> Floats:
    """Outline (N, 3) on the ground of the shadow of points (M, 3).

    ``slope`` (2,) is how far the light travels sideways per metre that it falls.
    """
    flat = _fallen(body, slope)[:, :2].astype(np.float32)
    hull = cv2.convexHull(flat)[:, 0].astype(np.float64)
    return np.column_stack([hull, np.zeros(len(hull))])


def _fallen(points: Floats, slope: Floats) -> Floats:
    """Where the shadows of points (M, 3) fall on the ground."""
    flat = points[:, :2] - points[:, 2:] * slope
    return np.column_stack([flat, np.zeros(len(flat))])


def shadows_of_bars(everything: list[Limbs], slope: Floats) -> list[Floats]:
    """Outlines (4, 3) on the ground of the shadows of round bars, as in ``shadow_of``."""
    if not everything:
        return []
    ends = [
        np.concatenate(part) for part in zip(*((x.start, x.stop) for x in everything), strict=True)
    ]
    start, stop = (end[:, :2] - end[:, 2:] * slope for end in ends)
    radii = np.concatenate([limbs.radii for limbs in everything])
    along = stop - start + (1e-6, 0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = along[:, ::-1] * (-1, 1)
    near, far = radii[:, :1], radii[:, 1:]
    foot, head = start - along * near, stop + along * far
    corners = (foot + aside * near, head + aside * far, head - aside * far, foot - aside * near)
    flat = np.zeros((len(start), 4, 3))
    flat[..., :2] = np.stack(corners, axis=1)
    return list(flat)


def _darken(mask: Bytes, camera: Camera, outlines: list[Floats], value: int) -> None:
    for pixels in camera.outlines(outlines):
        if pixels is not None:
            cv2.fillPoly(mask, [fixed_point(pixels)], (value,), cv2.LINE_8, SHIFT)


def _near(scenery: Scenery, camera: Camera, limit: float) -> list[Thing]:
    """Things around the camera and ahead of it."""
    seen = camera.to_camera(np.array([thing.ends[0] for thing in scenery.things]))
    keep = (np.linalg.norm(seen[:, ::2], axis=1) < limit) & (seen[:, 2] > -12)
    return [scenery.things[index] for index in np.flatnonzero(keep)]
