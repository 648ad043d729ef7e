# SPDX-License-Identifier: Apache-2.0
"""Weather and light of one world."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from .arrays import Floats, pick, Random, vector

KINDS = ('sun', 'low_sun', 'cloudy', 'overcast', 'rain', 'fog', 'dusk', 'night')
WEIGHTS = (0.24, 0.14, 0.14, 0.20, 0.09, 0.06, 0.08, 0.05)


@dataclass(frozen=True)
class Light:
    """How surfaces and air look; colours are RGB in 0..255 or gains around 1."""

    kind: str
    sun: Floats
    direct: Floats
    ambient: Floats
    zenith: Floats
    horizon: Floats
    clouds: float
    haze: float
    wet: float
    lamps: bool

    def shade(self, colours: Floats, normals: Floats) -> Floats:
        """Light surfaces: colours (N, 3) and unit normals (N, 3) to colours (N, 3)."""
        facing = np.maximum(normals @ self.sun, 0.0)[:, None]
        above = (0.82 + 0.18 * normals[:, 2])[:, None]
        lit: Floats = colours * (self.ambient * above + self.direct * facing)
        return lit

    def gain(self, normal: Floats) -> Floats:
        """Factor (3,) by which a surface's own colour is multiplied."""
        return np.asarray(self.shade(np.ones((1, 3)), normal[None])[0])

    def through_air(self, colours: Floats, distance: Floats | float) -> Floats:
        """Mix colours (..., 3) with the air's colour after ``distance`` metres (...)."""
        clear = np.exp(-self.haze * np.asarray(distance))[..., None]
        mixed: Floats = colours * clear + self.horizon * (1.0 - clear)
        return mixed


def draw_light(rng: Random, kind: str | None = None) -> Light:
    """Draw the light of a world; ``kind`` is one of KINDS, drawn when None."""
    kind = kind or pick(rng, KINDS, WEIGHTS)
    low = kind in {'low_sun', 'dusk'}
    height = radians(rng.uniform(9, 24) if low else rng.uniform(28, 65))
    turn = rng.uniform(0, 2 * np.pi)
    sun = vector(cos(height) * cos(turn), cos(height) * sin(turn), sin(height))
    direct, ambient, zenith, horizon, clouds, haze = _LOOKS[kind]
    warm = rng.normal(0.0, 0.03)
    tone = vector(1 + warm, 1, 1 - warm)
    return Light(
        kind,
        sun,
        vector(*direct) * tone * rng.uniform(0.85, 1.1),
        vector(*ambient) * rng.uniform(0.88, 1.1),
        vector(*zenith) * rng.uniform(0.85, 1.1),
        vector(*horizon) * rng.uniform(0.92, 1.05),
        float(np.clip(clouds + rng.normal(0, 0.15), 0, 1)),
        haze * rng.uniform(0.7, 1.5),
        rng.uniform(0.3, 0.8) if kind == 'rain' else (0.4 if kind == 'night' else 0.0),
        kind in {'dusk', 'night'},
    )


# direct, ambient, zenith, horizon, clouds, haze per metre
_LOOKS = {
    'sun': ((0.86, 0.80, 0.70), (0.46, 0.50, 0.57), (92, 140, 205), (196, 214, 232), 0.25, 0.0012),
    'low_sun': ((0.9, 0.7, 0.5), (0.4, 0.44, 0.52), (110, 146, 196), (240, 224, 196), 0.3, 0.002),
    'cloudy': (
        (0.5, 0.47, 0.43),
        (0.6, 0.62, 0.66),
        (164, 188, 218),
        (232, 237, 242),
        0.75,
        0.0018,
    ),
    'overcast': (
        (0.0, 0.0, 0.0),
        (0.86, 0.88, 0.9),
        (228, 231, 236),
        (244, 245, 247),
        0.9,
        0.0025,
    ),
    'rain': ((0.0, 0.0, 0.0), (0.66, 0.69, 0.73), (186, 192, 200), (214, 218, 222), 0.95, 0.006),
    'fog': ((0.0, 0.0, 0.0), (0.82, 0.84, 0.85), (212, 215, 218), (216, 218, 220), 0.2, 0.022),
    'dusk': ((0.3, 0.17, 0.1), (0.36, 0.36, 0.45), (58, 72, 116), (206, 150, 118), 0.5, 0.002),
    'night': ((0.0, 0.0, 0.0), (0.42, 0.38, 0.36), (14, 16, 26), (52, 47, 46), 0.3, 0.003),
}
