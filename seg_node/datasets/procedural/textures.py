# SPDX-License-Identifier: Apache-2.0
"""Textures drawn in code: facades, walls, fences, leaves, signs, ground."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .arrays import Bytes, Floats, Random, random_for, vector
from .noise import value_noise

VARIANTS = 24

PLASTER = (
    (214, 204, 184),
    (196, 188, 178),
    (222, 214, 200),
    (178, 168, 152),
    (206, 186, 150),
    (188, 150, 128),
    (168, 172, 174),
    (230, 226, 218),
    (160, 140, 120),
    (200, 170, 140),
)
BRICK = (
    (142, 78, 58),
    (156, 96, 70),
    (120, 72, 58),
    (172, 130, 96),
    (104, 66, 54),
    (186, 160, 120),
)
STONE = ((160, 156, 148), (136, 132, 126), (178, 170, 156), (112, 110, 108))


def to_bytes(values: Floats) -> Bytes:
    """Clip to 0..255 and round."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


@lru_cache(maxsize=1)
def grey_noise() -> Bytes:
    """One shared noise picture (768, 768, 3) around 128; it tiles every 256 pixels."""
    tile = to_bytes(128 + 64 * value_noise(random_for(101), (256, 256), 8, 5))
    return np.ascontiguousarray(np.tile(tile, (3, 3))[..., None].repeat(3, axis=2))


def speckled(rng: Random, size: tuple[int, int], colour: Floats, strength: float) -> Bytes:
    """A surface (h, w, 3) of one colour (3,) whose brightness varies by about ``strength``."""
    h, w = size
    row, column = rng.integers(max(768 - h, 1)), rng.integers(max(768 - w, 1))
    table = colour * (1 + strength * (np.arange(256)[:, None] - 128) / 64)
    noise = grey_noise()[row : row + h, column : column + w]
    return np.asarray(cv2.LUT(noise, to_bytes(table)[:, None]), np.uint8)


@lru_cache(maxsize=VARIANTS)
def brickwork(variant: int) -> Bytes:
    """A garden or retaining wall (48, 160, 3), about 2 m by 6 m."""
    rng = random_for(202, variant)
    family = (BRICK, STONE, PLASTER)[variant % 3]
    image = np.empty((48, 160, 3))
    image[:] = vector(*family[rng.integers(len(family))])
    rows, high = (8, 6) if variant % 3 == 0 else (4, 12)
    for row in range(rows if variant % 3 < 2 else 0):
        tone = rng.normal(1, 0.09, (1, 20, 1)).repeat(8, axis=1)
        image[row * high : (row + 1) * high] *= tone
    if variant % 3 < 2:
        image[::high] *= 0.72
    image[:4] *= rng.uniform(0.8, 1.2)
    rough = speckled(rng, (48, 160), vector(128, 128, 128), 0.16)
    return to_bytes(image * (rough / 128))


@lru_cache(maxsize=VARIANTS)
def fence(variant: int) -> Bytes:
    """A fence (48, 160, 4), about 1.5 m by 5 m: railing, boards, mesh or guard rail."""
    rng = random_for(303, variant)
    kind = variant % 4
    image = np.zeros((48, 160, 4), dtype=np.uint8)
    colours = ((36, 40, 44), (130, 96, 62), (150, 156, 160), (176, 180, 182))
    ink = (*np.clip(vector(*colours[kind]) * rng.uniform(0.6, 1.3), 0, 255).tolist(), 255)
    if kind == 0:
        image[:, ::5] = image[5:8] = image[40:43] = ink
    elif kind == 1:
        image[:] = ink
        image[:, ::8, :3] //= 3
        rough = speckled(rng, (48, 160), vector(128, 128, 128), 0.2)
        image[..., :3] = to_bytes(image[..., :3] * (rough / 128))
    elif kind == 2:
        image[:] = (*ink[:3], 50)
        for x in range(-48, 160, 12):
            cv2.line(image, (x, 47), (x + 47, 0), (*ink[:3], 190), 1, cv2.LINE_AA)
            cv2.line(image, (x, 0), (x + 47, 47), (*ink[:3], 190), 1, cv2.LINE_AA)
        image[:, ::40] = image[:3] = ink
    else:
        image[8:26] = image[:, 10:14] = image[:, 90:94] = ink
        image[15:19, :, :3] //= 2
    return image


@lru_cache(maxsize=VARIANTS)
def hedge(variant: int) -> Bytes:
    """A clipped hedge (64, 256, 3)."""
    rng = random_for(404, variant)
    return np.ascontiguousarray(_leaves(rng, (256, 256), fall=0.0)[:64])


def _leaves(rng: Random, size: tuple[int, int], fall: float = 0.22) -> Bytes:
    green = vector(rng.uniform(42, 104), rng.uniform(78, 124), rng.uniform(26, 58))
    rough = value_noise(rng, size, 12, 4) * 0.35 + rng.normal(0, 0.16, size)
    dim = np.linspace(1 + fall, 1 - fall, size[0])[:, None]
    leaf: Floats = green * ((1 + rough) * dim)[..., None]
    leaf[..., 0] += 12 * value_noise(rng, size, 6, 2)
    return to_bytes(leaf)


@lru_cache(maxsize=VARIANTS)
def crown(variant: int) -> Bytes:
    """A tree's crown or a bush (160, 160, 4) with ragged edges and holes."""
    rng = random_for(505, variant)
    size = (160, 160)
    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    cover = np.full(size, -1.0)
    shade = np.zeros(size)
    conifer = variant % 6 == 5
    for _ in range(1 if conifer else int(rng.integers(5, 11))):
        cx, cy = rng.uniform(-0.45, 0.45), rng.uniform(-0.5, 0.5)
        r = rng.uniform(0.32, 0.52)
        blob = 1 - ((x - cx) ** 2 + (y - cy) ** 2) / r**2
        cover = np.maximum(cover, blob)
        shade = np.where(blob > 0, np.maximum(shade, -0.6 * (y - cy) / r), shade)
    if conifer:
        cover = 1 - np.abs(x) / (0.05 + 0.4 * (y + 1)) - 6 * np.maximum(y - 0.72, 0)
    cover = cover + 0.7 * value_noise(rng, size, 6, 4) + rng.normal(0, 0.1, size)
    image = np.zeros((*size, 4))
    image[..., :3] = _leaves(rng, size) * (0.95 + 0.45 * shade)[..., None]
    if variant % 8 == 3:
        image[..., :3] *= (1.7, 1.05, 0.8)
    image[..., 3] = np.where(cover > rng.uniform(-0.05, 0.2), 255, 0)
    return to_bytes(image)


@lru_cache(maxsize=4)
def ground_tile(kind: str) -> Bytes:
    """Brightness of a ground surface (512, 512) uint8 around 128; it tiles."""
    rng = random_for(606, sum(map(ord, kind)))
    size = (512, 512)
    coarse, fine = value_noise(rng, size, 5, 4), rng.normal(0, 1, size)
    if kind == 'grass':
        return to_bytes(128 * (1 + 0.14 * coarse + 0.15 * cv2.GaussianBlur(fine, (0, 0), 1) * 2))
    if kind == 'asphalt':
        image = 128 * (1 + 0.06 * coarse + 0.05 * fine)
        for _ in range(9):
            points = np.cumsum(rng.normal(0, 9, (30, 2)), axis=0) + rng.uniform(0, 512, 2)
            cv2.polylines(
                image, [points.astype(np.int32)], isClosed=False, color=(94,), thickness=1
            )
        return to_bytes(image)
    tone = rng.normal(1, 0.05, (16, 16)).repeat(32, axis=0).repeat(32, axis=1)
    image = 128 * (tone + 0.04 * coarse + 0.03 * fine)
    image[::32] *= 0.8
    image[:, ::32] *= 0.8
    return to_bytes(image)
