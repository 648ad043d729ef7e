# SPDX-License-Identifier: Apache-2.0
"""What weather, night and cheap cameras do to an image, at five strengths.

After D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common corruptions
and perturbations", ICLR 2019, and C. Kamann, C. Rother, "Benchmarking the robustness of semantic
segmentation models", CVPR 2020; the formulas are our own. What happens in the scene or in the lens
is computed on linear light, what happens in the electronics on the coded levels.

Each is a function of image, strength and frame alone: the same frame is corrupted in the same way
on every machine and in every run, and a stronger night has the noise of the weaker one, amplified.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import one_of, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    Corruption = Callable[[UInt8Array, int, np.random.Generator], UInt8Array]

__all__ = ['CORRUPTIONS', 'STRENGTHS', 'corrupt']

STRENGTHS = (1, 2, 3, 4, 5)
GAMMA = 2.2  # of the camera's coding
REFERENCE = 480.0  # [px] image width that lengths are given for
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
# Levels by strength; index 0 is strength 1.
EXPOSURE = (0.30, 0.16, 0.08, 0.045, 0.025)  # light at night against that by day
READ_NOISE = 0.004  # of full scale in linear light; next to it comes the noise of photons
FULL_WELL = 2500.0  # electrons at full scale, of a small automotive sensor
NIGHT_TINT = np.array([0.82, 0.92, 1.15], np.float32)  # blue is what remains of the sky's light
NIGHT_GAIN = 0.55  # the camera's automatic gain makes up for this power of the lost light
RAIN = (0.004, 0.008, 0.014, 0.022, 0.032)  # streaks per pixel of REFERENCE x REFERENCE / 64
VEIL = (0.06, 0.12, 0.19, 0.27, 0.36)  # share of light that drops scatter from everywhere
BLUR = (4.0, 7.0, 11.0, 16.0, 22.0)  # [px] path of the camera during the exposure
GLARE = (0.4, 0.9, 1.8, 3.2, 5.2)  # light that the lens scatters, in full scales at its centre
PATH_POINTS = 129
QUALITY = (40, 22, 14, 9, 5)  # of JPEG


@dataclass(frozen=True, slots=True)
class Kind:
    """A corruption.

    Attributes:
        apply: Function of image, strength and random numbers.
        words: What it is, for people.
    """

    apply: Corruption
    words: str


def corrupt(image: UInt8Array, name: str, strength: int, frame: str) -> UInt8Array:
    """Return an image as it might have looked under worse conditions.

    Args:
        image: (H, W, 3) uint8 RGB; stays as it is.
        name: One of ``CORRUPTIONS``.
        strength: 1 (noticeable) to 5 (severe).
        frame: Name of the frame: frames differ in their noise, runs do not.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ParameterError: If name or strength is unknown.
    """
    if name not in CORRUPTIONS:
        raise ParameterError(one_of('corruption', name, CORRUPTIONS))
    if strength not in STRENGTHS:
        msg = f'Strength of a corruption is {strength!r}; expected a whole number from 1 to 5.'
        raise ParameterError(msg)
    seed = hashlib.blake2b(f'{name}/{frame}'.encode(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(seed, 'big'))
    return CORRUPTIONS[name].apply(image, strength, random)


def _night(image: UInt8Array, strength: int, random: np.random.Generator) -> UInt8Array:
    """Less light, a bluer one, sensor noise, and a camera that turns up its gain.

    Photons are counted: the noise of n electrons is sqrt(n), so dark regions are the noisy ones,
    and the gain that brightens them brightens their noise, too.
    """
    exposure = EXPOSURE[strength - 1]
    light = _linear(image) * NIGHT_TINT * np.float32(exposure)
    spread = np.sqrt(light / FULL_WELL + READ_NOISE**2, dtype=np.float32)
    light += spread * random.standard_normal(light.shape, np.float32)
    return _coded(light * np.float32(exposure**-NIGHT_GAIN))


def _rain(image: UInt8Array, strength: int, random: np.random.Generator) -> UInt8Array:
    """Streaks of falling drops, which blur the light behind them, and the veil of the far ones."""
    height, width = image.shape[:2]
    scale = width / REFERENCE
    light = _linear(image)
    sky = np.float32(np.quantile(light @ LUMA, 0.9))
    veil = np.float32(VEIL[strength - 1])
    light += (sky * np.float32(0.8) - light) * veil
    streaks = np.zeros((height, width), np.float32)
    slant = random.normal(0.0, 0.12)
    count = int(RAIN[strength - 1] * REFERENCE * REFERENCE * height / width / 4)
    places = random.random((count, 4))
    for across, down, length, weight in places.tolist():
        reach = (8 + 22 * length) * scale
        start = (across * 1.2 - 0.1) * width, (down * 1.2 - 0.2) * height
        end = start[0] + slant * reach, start[1] + reach
        points = [tuple(round(value * 16) for value in point) for point in (start, end)]
        thickness = max(1, round(1.2 * scale * (0.5 + weight)))
        cv2.line(streaks, points[0], points[1], 0.35 + 0.4 * weight, thickness, cv2.LINE_AA, 4)
    streaks = _soft(streaks, 0.7 * scale)[..., None]
    behind = _soft(light, 2.0 * scale)
    drop = behind * np.float32(0.6) + sky * np.float32(0.45)  # a drop shows a wide piece of sky
    light += (drop - light) * np.minimum(streaks, 1.0) * np.float32(0.75)
    return _coded(light)


def _blur(image: UInt8Array, strength: int, random: np.random.Generator) -> UInt8Array:
    """Motion of the camera while the shutter is open: mostly sideways and a little up or down."""
    length = BLUR[strength - 1] * image.shape[1] / REFERENCE
    angle = random.normal(0.0, 0.25)
    path = _path(length * np.cos(angle), length * np.sin(angle))
    light = cv2.filter2D(_linear(image), -1, path, borderType=cv2.BORDER_REFLECT)
    return _coded(np.asarray(light, np.float32))


def _path(across: float, down: float) -> Float32Array:
    """Return the share of time that a straight, even motion [px] spends in each pixel."""
    centre = int(np.ceil(np.hypot(across, down) / 2)) + 1
    path = np.zeros((2 * centre + 1, 2 * centre + 1), np.float32)
    time = np.linspace(-0.5, 0.5, PATH_POINTS)
    x, y = centre + time * across, centre + time * down
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    for column in (0, 1):
        for row in (0, 1):
            weight = (1 - abs(x - left - column)) * (1 - abs(y - top - row))
            np.add.at(path, (top + row, left + column), weight / PATH_POINTS)
    return path


def _glare(image: UInt8Array, strength: int, random: np.random.Generator) -> UInt8Array:
    """A low sun: its disk, the wide halo that lens and windscreen make of it, lost contrast."""
    height, width = image.shape[:2]
    x, y = random.uniform(0.2, 0.8) * width, random.uniform(0.1, 0.35) * height
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    away = np.hypot(columns - np.float32(x), rows[:, None] - np.float32(y)) / np.float32(width)
    power = np.float32(GLARE[strength - 1])
    halo = power * (
        np.exp(-((away / np.float32(0.05)) ** 2)) * np.float32(1.5)
        + np.float32(0.7) / (1 + (away / np.float32(0.12)) ** 2)
        + np.float32(0.05)
    )
    sun = np.array([1.0, 0.95, 0.82], np.float32)
    exposed = np.float32(1 / (1 + 0.25 * power))  # the camera closes down a little
    return _coded((_linear(image) + halo[..., None] * sun) * exposed)


def _jpeg(image: UInt8Array, strength: int, random: np.random.Generator) -> UInt8Array:
    """Compression with coarse colour, as on a link that is too slow."""
    del random
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY[strength - 1]]
    _, data = cv2.imencode('.jpg', image[..., ::-1], options)
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


@lru_cache(maxsize=1)
def _curve() -> Float32Array:
    """Return the linear light of each coded level: (256,) float32, 0 to 1."""
    return ((np.arange(256) / 255) ** GAMMA).astype(np.float32)


def _linear(image: UInt8Array) -> Float32Array:
    """Return the light of coded levels, 0 to 1."""
    return _curve()[image]


def _coded(light: Float32Array) -> UInt8Array:
    """Return the levels that a camera makes of light; more than full scale is white."""
    shares = np.clip(light, 0.0, 1.0).astype(np.float32)
    return np.rint(cv2.pow(shares, 1 / GAMMA) * 255).astype(np.uint8)


def _soft(plane: Float32Array, sigma: float) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.3)), np.float32)


CORRUPTIONS = {
    'night': Kind(_night, 'less light, sensor noise, gain'),
    'rain': Kind(_rain, 'streaks and veil'),
    'blur': Kind(_blur, 'motion of the camera'),
    'glare': Kind(_glare, 'low sun in the lens'),
    'jpeg': Kind(_jpeg, 'strong compression'),
}
