# SPDX-License-Identifier: Apache-2.0
"""Fronts of buildings drawn in code: walls, windows, doors, shops."""

from __future__ import annotations

import cv2
import numpy as np

from .arrays import Bytes, Floats, Random, vector
from .textures import BRICK, PLASTER, speckled, STONE

SCALE = 14  # pixels per metre
STOREY = 3.1  # metres
PANES = 6  # different windows per facade
LONGEST, HIGHEST = 50.0, 17  # metres and storeys that fit the shared noise


def facade(rng: Random, length: float, storeys: int, *, lamps: bool) -> Bytes:
    """Front of a building (h, w, 3), ``storeys`` high and ``length`` metres long."""
    h = int(min(storeys, HIGHEST) * STOREY * SCALE)
    w = max(int(min(length, LONGEST) * SCALE), 8)
    base = _base_colour(rng)
    picture = speckled(rng, (h, w), base, rng.uniform(0.03, 0.14))
    if rng.random() < 0.5:
        step = int(rng.integers(3, 8))
        picture[::step] = picture[::step] * rng.uniform(0.75, 0.95)
    picture[: SCALE // 3] = np.minimum(base * rng.uniform(0.6, 1.15), 255)
    shop = rng.random() < 0.4
    _windows(picture, rng, base, lamps=lamps, shop=shop)
    if shop:
        _shop(picture, rng, lamps=lamps)
    else:
        _door(picture, rng)
    return picture


def side_wall(front: Bytes, *, plain: bool) -> Bytes:
    """The side of a building whose front is given: windows as in front, or the bare wall."""
    if plain:
        bare = front[:, 1:5].mean(axis=1, keepdims=True).repeat(16, axis=1)
        return np.asarray(bare, np.uint8)
    return np.ascontiguousarray(front[:, : max(int(front.shape[1] * 0.3), 8)])


def _base_colour(rng: Random) -> Floats:
    family = (PLASTER, PLASTER, BRICK, STONE)[rng.integers(4)]
    colour = vector(*family[rng.integers(len(family))]) * rng.uniform(0.75, 1.1)
    return np.asarray(np.clip(colour + rng.normal(0, 5, 3), 10, 250))


def _windows(picture: Bytes, rng: Random, base: Floats, *, lamps: bool, shop: bool) -> None:
    """Rows of windows, the same column over column."""
    h, w = picture.shape[:2]
    wide = rng.random() < 0.12
    pitch = rng.uniform(1.6, 2.2) if wide else rng.uniform(2.0, 3.8)
    width = int(SCALE * pitch * (0.86 if wide else rng.uniform(0.35, 0.62)))
    height = int(SCALE * STOREY * (0.75 if wide else rng.uniform(0.42, 0.62)))
    sill, count = rng.uniform(0.7, 1.0), max(int(w / (pitch * SCALE)), 1)
    panes = _panes(rng, (height + 2, width + 2), base, lamps=lamps)
    left = (w - count * pitch * SCALE + pitch * SCALE - width) / 2
    columns = [int(left + k * pitch * SCALE) for k in range(count)]
    floors = range(1 if shop else 0, round(h / (STOREY * SCALE)))
    for floor, choice in zip(floors, rng.integers(PANES, size=(len(floors), count)), strict=True):
        bottom = h - int((floor * STOREY + sill) * SCALE)
        top = max(bottom - height - 2, 0)
        for x, index in zip(columns, choice.tolist(), strict=True):
            if x > 0 and x + width + 2 <= w:
                picture[top:bottom, x : x + width + 2] = panes[index][: bottom - top]


def _panes(rng: Random, size: tuple[int, int], base: Floats, *, lamps: bool) -> list[Bytes]:
    """PANES windows with frames, reflections, curtains and, at night, light."""
    shade = rng.uniform(0.55, 0.8)
    frame = base * shade if rng.random() < 0.4 else vector(232, 230, 226)
    h, w = size
    panes = []
    for _ in range(PANES):
        level = rng.uniform(0.6, 1.4)
        pane = np.empty((h, w, 3), np.uint8)
        pane[:] = frame
        pane[1:-1, 1:-1] = np.minimum(vector(58, 68, 80) * level, 255)
        if rng.random() < 0.5:
            pane[1 : h // 2, 1:-1] = np.minimum(vector(120, 132, 146) * level, 255)
        if rng.random() < 0.3:
            pane[1:-1, 1 : 1 + w // 4] = pane[1:-1, w - 1 - w // 4 : -1] = rng.integers(120, 220)
        if lamps and rng.random() < 0.35:
            pane[1:-1, 1:-1] = (250, 214, 140)
        pane[:, w // 2] = frame
        panes.append(pane)
    return panes


def _shop(picture: Bytes, rng: Random, *, lamps: bool) -> None:
    """Shop windows below a sign."""
    k, (h, w) = SCALE, picture.shape[:2]
    top = h - int(0.95 * STOREY * k)
    sign = rng.uniform(30, 230) + rng.uniform(-60, 60, 3) * (1 if rng.random() < 0.6 else 0.2)
    sign = np.clip(sign, 5, 250)
    dark = (70, 72, 76) if not lamps else (230, 204, 150)
    cv2.rectangle(picture, (0, top), (w, h), (sign * 0.5).tolist(), -1)
    cv2.rectangle(picture, (0, top), (w, top + k // 2 + 2), sign.tolist(), -1)
    for x in range(k, w - 3 * k, 5 * k):
        letters = (250, 250, 244) if sign.mean() < 140 else (30, 30, 34)
        cv2.rectangle(picture, (x, top + 3), (x + 2 * k, top + k // 2 - 1), letters, -1)
    x = int(0.3 * k)
    while x < w - k:
        wide = int(rng.uniform(1.2, 2.8) * k)
        right = min(x + wide, w - 3)
        cv2.rectangle(picture, (x, top + k // 2 + 4), (right, h - k // 3), dark, -1)
        goods = rng.uniform(60, 200, 3).tolist()
        cv2.rectangle(picture, (x + 3, h - k), (min(x + wide // 2, right), h - k // 3), goods, -1)
        x += wide + int(0.3 * k)


def _door(picture: Bytes, rng: Random) -> None:
    h, w = picture.shape[:2]
    x, colour = int(rng.uniform(0.1, 0.8) * w), rng.uniform(30, 150, 3).tolist()
    cv2.rectangle(picture, (x, h - int(2.1 * SCALE)), (x + SCALE, h), colour, -1)
