# SPDX-License-Identifier: Apache-2.0
"""Turns scenery into an image with labels: sky, ground, shadows, then things from far to near."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .arrays import Bytes, Floats, Picture, random_for, vector
from .canvas import Canvas, SHIFT
from .classes import BUILDING, ROAD, SIDEWALK, SKY, TERRAIN, VEGETATION
from .noise import value_noise
from .textures import ground_tile, to_bytes

if TYPE_CHECKING:
    from .camera import Camera
    from .scenery import Scenery
    from .world import World

SHADE = 0.5  # of the light that is left right below a vehicle
TILE = 512
MIN_PIXELS = 8.0  # what would be smaller is left out
TILE_METRES = 8.0
LAYERS = (('asphalt', ROAD), ('paving', SIDEWALK), ('grass', TERRAIN))


def paint(world: World, scenery: Scenery, camera: Camera) -> Canvas:
    """Paint ``scenery`` as ``camera`` sees it."""
    canvas = Canvas(camera, world.light)
    _sky(canvas, world.seed)
    _backdrop(canvas, world.seed)
    _ground(canvas, scenery, world)
    order = _order(scenery, camera)
    for index in order:
        scenery.things[index].paint(canvas)
    return canvas


def _order(scenery: Scenery, camera: Camera) -> list[int]:
    """Indices of the things that may be seen, far to near."""
    ends = np.array([thing.ends for thing in scenery.things])
    reach = np.array([thing.reach for thing in scenery.things])
    seen = (ends - camera.centre) @ camera.rotation.T
    across, ahead = seen[..., 0], seen[..., 2]
    slope = (camera.size[1] / 2 + 8) / camera.focal
    margin = reach[:, None] * np.sqrt(1 + slope**2)
    inside = (ahead + reach[:, None] > 0).any(axis=1)
    inside &= (across - slope * ahead < margin).any(axis=1)
    inside &= (-across - slope * ahead < margin).any(axis=1)
    key = np.linalg.norm((ends - camera.centre)[..., :2], axis=2).max(axis=1)
    inside &= reach * camera.focal > MIN_PIXELS * key
    order = np.argsort(-key, kind='stable')
    shown: list[int] = order[inside[order]].tolist()
    return shown


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
        image += cover * (white * (1.04 if light.clouds < 0.8 else 0.88) - image)
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
    camera = canvas.camera
    rng = random_for(seed, 22)
    for base, label, colour, step in (
        (9.0, VEGETATION, vector(74, 96, 58), 0.008),
        (13.0, BUILDING, vector(140, 132, 124), 0.03),
    ):
        angle = np.arange(0, 2 * np.pi, step)
        wave = value_noise(rng, (1, len(angle)), 24, 3)[0]
        tall = np.maximum(base * (0.55 + 0.6 * wave) + rng.uniform(-0.5, 0.5, len(angle)), 0.0)
        if label == BUILDING:
            tall = tall.repeat(1) * (rng.random(len(angle)) < 0.5)
        radius = 300.0
        for a0, a1, z in zip(angle, angle + step * 1.05, tall, strict=True):
            if np.cos((a0 + a1) / 2 - camera.yaw) < 0.4 or z < 0.5:
                continue
            foot = np.array(
                [[np.cos(a), np.sin(a), 0] for a in (a0, a1)]
            ) * radius + camera.centre * (1, 1, 0)
            quad = np.concatenate([foot, foot[::-1] + vector(0, 0, z)])
            canvas.surface(quad, colour, vector(0, 0, 0.3), label)


def _ground(canvas: Canvas, scenery: Scenery, world: World) -> None:
    camera = canvas.camera
    top = int(np.clip(camera.horizon - 8, 0, camera.size[0] - 1))
    reach = camera.centre + 400 * np.array(
        [[np.cos(a), np.sin(a), 0] for a in np.arange(12) * np.pi / 6]
    )
    reach[:, 2] = 0
    _flat(canvas, reach, world.style.grass, TERRAIN)
    for patch in scenery.ground:
        _flat(canvas, patch.outline, patch.colour, patch.label)
    area = canvas.picture[top:]
    labels = area[..., 3]
    lit = area[..., :3].astype(np.float32)
    lit *= _relief(canvas, labels, top)
    light = canvas.light
    shade = _shadows(canvas, scenery)[top:]
    full = light.gain(vector(0, 0, 1))
    none = light.gain(vector(0, 0, 1)) - light.direct * max(light.sun[2], 0)
    lit *= _shade_table(full, none)[shade]
    rows = np.maximum(np.arange(top, camera.size[0]) - camera.horizon, 0.5)
    away = np.minimum(camera.position[2] * camera.focal / rows, 400)
    clear = np.exp(-light.haze * away)[:, None, None].astype(np.float32)
    lit = lit * clear + (light.horizon * (1 - clear)).astype(np.float32)
    ground = ((labels <= SIDEWALK) | (labels == TERRAIN)).view(np.uint8)
    cv2.copyTo(np.dstack([np.clip(lit, 0, 255).astype(np.uint8), labels]), ground, area)


def _flat(canvas: Canvas, outline: Floats, colour: Floats, label: int) -> None:
    pixels = canvas.camera.outline(outline)
    if pixels is not None:
        canvas.polygon(pixels, colour, label)


def _shade_table(full: Floats, none: Floats) -> Floats:
    """Light (256, 3) on the ground for shadow 0 (none) .. 200 (no sun) .. 255 (dark)."""
    level = np.arange(256)[:, None] / 200
    table = full + (none - full) * np.minimum(level, 1)
    table[201:] *= SHADE
    return table.astype(np.float32)


def _relief(canvas: Canvas, labels: Bytes, top: int) -> Floats:
    """Texture factors (h, W, 1) of the ground below row ``top``."""
    camera = canvas.camera
    plane = camera.plane(vector(0, 0, 0), vector(1, 0, 0), vector(0, 1, 0))
    shift = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]])
    size = (camera.size[1], camera.size[0] - top)
    rows = np.maximum(np.arange(top, camera.size[0]) - camera.horizon, 0.5)
    away = camera.position[2] * camera.focal / rows
    total = np.zeros((size[1], size[0]), np.float32)
    for metres, fade, layers in (
        (TILE_METRES, 14.0, LAYERS),
        (TILE_METRES * 9, 120.0, LAYERS[:1]),
    ):
        scale = np.diag([metres / TILE, metres / TILE, 1.0])
        near = np.exp(-away / fade)[:, None].astype(np.float32) / 128
        mixed: Picture = np.full((size[1], size[0]), 128, np.uint8)
        for kind, label in layers:
            wanted = (labels == label).view(np.uint8)
            if len(layers) > 1 and not wanted.any():
                continue
            warped = cv2.warpPerspective(
                ground_tile(kind),
                shift @ plane @ scale,
                size,
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
            if len(layers) == 1:
                mixed = warped
            else:
                cv2.copyTo(warped, wanted, mixed)
        total += (mixed.astype(np.float32) - 128) * near
    return (1 + total)[..., None]


def _shadows(canvas: Canvas, scenery: Scenery) -> Bytes:
    """Shadow (H, W): 0 none, 200 no direct sun, 255 below something."""
    camera, light = canvas.camera, canvas.light
    mask = np.zeros(camera.size, np.uint8)
    if light.direct.max() > 0.1:
        slope = light.sun[:2] / light.sun[2]
        for thing in scenery.things:
            if thing.body is not None and np.linalg.norm(thing.ends[0] - camera.centre) < 90:
                flat = thing.body[:, :2] - thing.body[:, 2:] * slope
                hull = cv2.convexHull(flat.astype(np.float32))[:, 0].astype(np.float64)
                _mask(mask, camera, np.column_stack([hull, np.zeros(len(hull))]), 200)
        cv2.GaussianBlur(mask, (3, 3), 0, dst=mask)
    for thing in scenery.things:
        if thing.base is not None and np.linalg.norm(thing.ends[0] - camera.centre) < 60:
            _mask(mask, camera, thing.base, 255)
    return mask


def _mask(mask: Bytes, camera: Camera, outline: Floats, value: int) -> None:
    pixels = camera.outline(outline)
    if pixels is not None:
        points = np.rint(np.clip(pixels, -30000, 30000) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [points], (value,), cv2.LINE_8, SHIFT)
