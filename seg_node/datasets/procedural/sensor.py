# SPDX-License-Identifier: Apache-2.0
"""What a camera does to the light: exposure, colour cast, blur, vignetting, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .arrays import Bytes, Floats, Random, vector


@dataclass(frozen=True)
class Sensor:
    """Settings of one camera.

    Attributes:
        gain: Exposure per colour (3,).
        gamma: Exponent of the tone curve.
        contrast: Factor around mid grey.
        blur: Standard deviation of the lens blur in pixels.
        motion: Length of the motion blur in pixels.
        motion_angle: Direction of the motion blur in degrees.
        noise: Standard deviation of the noise in levels.
        vignette: Loss of light in the corners, 0..1.
        quality: JPEG quality, or 0 for none.
        bloom: Share of light that spreads around lamps.
    """

    gain: Floats
    gamma: float = 1.0
    contrast: float = 1.0
    blur: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    noise: float = 2.0
    vignette: float = 0.1
    quality: int = 0
    bloom: float = 0.0

    def develop(self, image: Bytes, rng: Random) -> Bytes:
        """Return ``image`` (H, W, 3) RGB uint8 as this camera records it."""
        image = self._optics(image)
        values = cv2.LUT(image, self._curve()).astype(np.float32)
        values *= _vignette(image.shape[:2], round(self.vignette, 2))
        values += _grain(rng, image.shape[:2]) * self.noise
        recorded = cv2.convertScaleAbs(np.clip(values, 0, 255))
        return self._compress(np.asarray(recorded, np.uint8))

    def _optics(self, image: Bytes) -> Bytes:
        if self.bloom:
            bright = cv2.max(image, np.full_like(image, 150)) - 150
            spread = cv2.GaussianBlur(bright, (0, 0), image.shape[0] / 60)
            image = np.asarray(cv2.addWeighted(image, 1, spread, self.bloom, 0), np.uint8)
        if self.blur > 0.2:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), self.blur), np.uint8)
        if self.motion >= 1.5:
            image = np.asarray(
                cv2.filter2D(image, -1, _streak(self.motion, self.motion_angle)), np.uint8
            )
        return image

    def _curve(self) -> Bytes:
        level = np.arange(256)[:, None] / 255 * self.gain
        toned = np.clip(level, 0, None) ** self.gamma
        table = ((toned - 0.45) * self.contrast + 0.45) * 255
        return np.rint(np.clip(table, 0, 255)).astype(np.uint8)[:, None]

    def _compress(self, image: Bytes) -> Bytes:
        if not self.quality:
            return image
        _, code = cv2.imencode(
            '.jpg',
            cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, self.quality],
        )
        decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
        return np.ascontiguousarray(decoded[..., ::-1])  # IMREAD_COLOR_RGB is newer than Humble


def draw_sensor(rng: Random, brightness: float, *, dark: bool = False) -> Sensor:
    """Draw the settings of a camera.

    Args:
        rng: Source of the settings.
        brightness: Mean level of the picture, 0..255, which the exposure partly makes up for.
        dark: Whether it is night.
    """
    tint = rng.normal(0, 0.035, 2)
    target = (68 if dark else 116) * float(np.exp(rng.normal(0.0, 0.22)))
    exposure = (target / max(brightness, 8.0)) ** 0.75
    return Sensor(
        vector(1 + tint[0], 1, 1 + tint[1]) * exposure,
        float(np.exp(rng.normal(0, 0.13))),
        rng.uniform(0.85, 1.22),
        max(rng.normal(0.2, 0.35), 0.0),
        rng.uniform(2, 6) if rng.random() < 0.12 else 0.0,
        rng.uniform(0, 180),
        rng.uniform(1, 5) + (3 if dark else 0),
        rng.uniform(0, 0.35),
        int(rng.integers(45, 96)) if rng.random() < 0.6 else 0,
        0.8 if dark else 0.0,
    )


@lru_cache(maxsize=64)
def _vignette(size: tuple[int, int], amount: float) -> Floats:
    y, x = np.ogrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    return np.asarray(1 - amount * (x * x + y * y) / 2, np.float32)[..., None]


@lru_cache(maxsize=2)
def _grain_tile() -> Floats:
    rng = np.random.default_rng(77)
    tile = rng.normal(0, 1, (640, 640, 3)) * 0.7 + rng.normal(0, 1, (640, 640, 1)) * 0.7
    return tile.astype(np.float32)


def _grain(rng: Random, size: tuple[int, int]) -> Floats:
    """Unit noise (H, W, 3) cut from a shared tile at a random place."""
    tile = _grain_tile()
    rows = (np.arange(size[0]) + rng.integers(640)) % 640
    columns = (np.arange(size[1]) + rng.integers(640)) % 640
    return np.asarray(tile[rows][:, columns])


def _streak(length: float, angle: float) -> Floats:
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1
    turn = cv2.getRotationMatrix2D((size // 2, size // 2), angle, 1)
    turned = cv2.warpAffine(kernel, turn, (size, size))
    return np.asarray(turned / turned.sum(), np.float32)
