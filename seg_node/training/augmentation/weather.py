# SPDX-License-Identifier: Apache-2.0
"""Rain, fog, glare and night, painted over a clear picture by day.

None of them is a rendering: they shift contrast, noise and edges the way the real thing does, so
that a network does not lean on clear air. Distances come from an assumed street, not from the
labels, lest labels show through in the image. Maps are made on a coarse grid and stretched, which
is cheap and keeps them smooth.
"""

from __future__ import annotations

from typing import NamedTuple, TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

HORIZON = 0.45  # height of it in an image of a driving camera, as a share from the top
GRID = 12  # pixels per cell of the coarse maps
FOCAL = 1.4  # focal length in heights of the whole image
CAMERA_HEIGHT, STREET, ROOF, FAR = 1.5, 9.0, 11.0, 80.0  # camera, half the street, houses [m]
SEEN = 3.0  # optical depth at which a dark thing has 5 % of its contrast: the visibility
FOG_VISIBILITY = (400.0, 45.0)  # from the weakest to the strongest [m]
RAIN_VISIBILITY = (900.0, 200.0)
THICKEST = 0.92  # share of air in front of what is labelled: something has to be left to see
DIM = (0.2, 0.32)  # mean level of the weakest night, as a share of 255
HEADLIGHTS = 14.0  # reach of a dipped beam until it has faded to 1 / e [m]


# Far, middle and near streaks: length in image heights, width [px], how many of them, level.
STREAKS = ((0.03, 1, 1.0, 70), (0.06, 1, 0.4, 90), (0.12, 2, 0.04, 60))


class View(NamedTuple):
    """Where the street lies in a crop.

    Attributes:
        horizon: Row of the horizon [px].
        height: Height that the whole image would have [px].
    """

    horizon: float
    height: float


def rain(
    image: UInt8Array, view: View, strength: float, random: np.random.Generator
) -> UInt8Array:
    """Return an (H, W, 3) image in rain: a dull haze, streaks, drops on the lens."""
    dull = random.uniform(0.75, 0.95)
    image = toned(image, np.linspace(0, 1, 256) * dull, np.full(3, 1 - 0.4 * strength))
    air = _skylight(image) * random.uniform(0.75, 0.95) + np.array([-3, 0, 5])
    share = haze(image.shape, view, _between(RAIN_VISIBILITY, strength), random)
    image = veil(image, air, share)
    image = veil(image, air + 50, streaks(image.shape[:2], strength, random))
    return lens_drops(image, strength, random)


def fog(image: UInt8Array, view: View, strength: float, random: np.random.Generator) -> UInt8Array:
    """Return an (H, W, 3) image in fog.

    Koschmieder's law: light * t + air * (1 - t) with t = exp(-3 distance / visibility).
    """
    air = _skylight(image) * random.uniform(0.9, 1.1) + random.uniform(-6, 6) * np.array(
        [-1, 0, 1]
    )
    return veil(image, air, haze(image.shape, view, _between(FOG_VISIBILITY, strength), random))


def glare(
    image: UInt8Array, view: View, strength: float, random: np.random.Generator
) -> UInt8Array:
    """Return an (H, W, 3) image against a low sun: halo, veil, ghosts; the exposure goes down."""
    height, width = image.shape[:2]
    dim = 1 - 0.45 * strength * random.uniform(0.5, 1)
    image = toned(image, np.linspace(0, 1, 256) ** (1 + 0.5 * strength) * dim, np.ones(3))
    sun = _brightest(image, view, random)
    away = _distance(image.shape, sun) / view.height
    core = random.uniform(0.015, 0.04)
    share = np.exp(-((away / core) ** 2)) + (0.2 + 0.75 * strength) * np.exp(-away / (8 * core))
    share += 0.2 * strength
    middle = np.array([width, height]) / 2
    for _ in range(random.integers(0, 4)):
        ghost = middle + (middle - sun) * random.uniform(-0.5, 1.2)
        ring = _distance(image.shape, ghost) / (view.height * random.uniform(0.03, 0.08))
        share += 0.15 * strength * (1 / (1 + ring**8))
    color = np.array([255, random.uniform(240, 255), random.uniform(205, 250)])
    return veil(image, color, np.minimum(share, 1))


def night(
    image: UInt8Array, view: View, strength: float, random: np.random.Generator
) -> UInt8Array:
    """Return an (H, W, 3) image as if by night: headlights, lamps, pale colours, noise."""
    levels = np.linspace(0, 1, 256)
    # Bright things of the day, above all the sky, are no brighter than others by night.
    curve = levels ** random.uniform(1.0, 1.4) * (1 - 0.55 * strength * levels)
    ambient = random.uniform(0.75, 1.0) * (0.6 - 0.3 * strength)
    beam = random.uniform(0.5, 0.9) * np.exp(-distance(image.shape, view, random) / HEADLIGHTS)
    light = np.clip(ambient + beam, 0, 1)
    # The camera exposes for a dim picture, whatever the day was like.
    found = curve[image[::8, ::8]].mean() * light.mean()
    curve *= np.clip(random.uniform(*DIM) * (1 - 0.3 * strength) / max(found, 1e-3), 0.3, 2.5)
    saturation = np.full(3, random.uniform(0.4, 0.8))
    image = veil(toned(image, curve, saturation, _lamp_color(random)), np.zeros(3), 1 - light)
    image = veil(image, 255 * _lamp_color(random), _lamps(image.shape, view, random))
    grain = random.standard_normal(image.shape, np.float32)
    grain *= np.float32(random.uniform(1, 3) + 6 * strength * random.random())
    return cv2.add(image, grain, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


WEATHERS: dict[str, Callable[[UInt8Array, View, float, np.random.Generator], UInt8Array]] = {
    'rain': rain,
    'fog': fog,
    'glare': glare,
    'night': night,
}


def veil(
    image: UInt8Array, color: Sequence[float] | npt.NDArray[np.float64], share: Float32Array
) -> UInt8Array:
    """Mix one colour into an image.

    Args:
        image: (H, W, 3) uint8 RGB.
        color: RGB levels.
        share: (h, w) float32 of any size, stretched to the image: 0 leaves it, 1 covers it.
    """
    size = (image.shape[1], image.shape[0])
    share = np.asarray(share, np.float32)
    if share.shape != image.shape[:2]:
        share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    light = np.empty_like(image)
    light[:] = np.clip(color, 0, 255).astype(np.uint8)
    return cv2.blendLinear(image, light, 1 - share, share).astype(np.uint8, copy=False)


def toned(
    image: UInt8Array,
    curve: npt.NDArray[np.float64],
    saturation: npt.NDArray[np.float64],
    gains: npt.NDArray[np.float64] | None = None,
) -> UInt8Array:
    """Put an image through a tone curve (256,) of 0..1, saturation and gains per channel."""
    table = np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8)
    grey = np.array([0.299, 0.587, 0.114])
    mix = np.diag(saturation) + (1 - saturation)[:, None] * grey
    mix *= np.ones(3)[:, None] if gains is None else gains[:, None]
    return cv2.transform(cv2.LUT(image, table), mix).astype(np.uint8, copy=False)


def distance(shape: tuple[int, ...], view: View, random: np.random.Generator) -> Float32Array:
    """Return the distance of what a camera in a street between houses sees, coarse [m]."""
    rows, columns = _grid(shape)
    focal = FOCAL * view.height
    end = shape[1] / 2 + random.normal(0, 0.15) * view.height  # of the street, left or right
    down = rows - view.horizon
    ground = focal * CAMERA_HEIGHT / np.maximum(down, 1e-3)
    wall = focal * STREET / np.maximum(np.abs(columns - end), 1e-3)
    sky = (wall * -down / focal) > ROOF - CAMERA_HEIGHT
    away = np.where(sky, FAR, np.minimum(np.minimum(ground, wall), FAR)).astype(np.float32)
    return cv2.GaussianBlur(away, (0, 0), 1.6).astype(np.float32, copy=False)


def haze(
    shape: tuple[int, ...], view: View, visibility: float, random: np.random.Generator
) -> Float32Array:
    """Return the share of light that comes from the air, uneven as fog is; coarse."""
    away = distance(shape, view, random)
    patches = cv2.resize(random.standard_normal((4, 5), np.float32), away.shape[::-1])
    density = np.clip(1 + 0.25 * patches, 0.3, 2)
    share = 1 - np.exp(-SEEN / visibility * away * density)
    return np.minimum(share, THICKEST).astype(np.float32)


def streaks(shape: tuple[int, ...], strength: float, random: np.random.Generator) -> Float32Array:
    """Return how much rain covers each pixel, (H, W): near drops are long, wide and few."""
    height, width = shape
    slant = random.normal(0, 0.2)
    canvas = np.zeros((height, width), np.uint8)
    for length, thickness, density, level in STREAKS:
        count = int((0.2 + strength) * density * random.uniform(0.5, 1) * height * width / 450)
        start = random.uniform((-0.1, -0.1), (1.1, 1.0), (count, 2)) * (width, height)
        way = np.array([slant, 1.0]) * height * length * random.uniform(0.6, 1.3, (count, 1))
        ends = np.rint(np.stack([start, start + way], axis=1) * 16).astype(np.int32)
        cv2.polylines(canvas, list(ends), False, level, thickness, cv2.LINE_AA, 4)  # noqa: FBT003
    soft = cv2.GaussianBlur(canvas, (3, 3), 0)
    return np.asarray(soft, np.float32) * np.float32(random.uniform(0.5, 1) / 255)


def lens_drops(image: UInt8Array, strength: float, random: np.random.Generator) -> UInt8Array:
    """Blur an image where water hangs on the lens."""
    height, width = image.shape[:2]
    mask = np.zeros((height // 2, width // 2), np.uint8)
    for _ in range(random.poisson(7 * strength)):
        place = (random.random(2) * (width / 2, height / 2)).astype(int).tolist()
        radius = height * random.uniform(0.008, 0.03)
        axes = (int(radius) + 1, int(radius * random.uniform(1, 1.5)) + 1)
        cv2.ellipse(mask, place, axes, random.uniform(-20, 20), 0, 360, 255, -1, cv2.LINE_AA)
    if not mask.any():
        return image
    small = cv2.resize(image, (width // 10, height // 10), interpolation=cv2.INTER_AREA)
    smeared = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    water = cv2.resize(cv2.GaussianBlur(mask, (0, 0), 1.2), (width, height))
    share = np.asarray(water, np.float32) * np.float32(0.9 / 255)
    return cv2.blendLinear(image, smeared, 1 - share, share).astype(np.uint8, copy=False)


def _brightest(
    image: UInt8Array, view: View, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return where the sun may be: the brightest of some points (x, y) above the horizon."""
    height, width = image.shape[:2]
    places = random.random((8, 2)) * (width, 0.5 * view.height)
    places[:, 1] = view.horizon - places[:, 1]
    small = cv2.resize(image, (width // 8, height // 8), interpolation=cv2.INTER_AREA).mean(2)
    columns, rows = np.clip(places // 8, 0, (width // 8 - 1, height // 8 - 1)).astype(int).T
    return np.asarray(places[np.argmax(small[rows, columns])])


def _skylight(image: UInt8Array) -> float:
    """Return how bright the air between camera and things is: nearly as the brightest parts."""
    return float(np.clip(np.percentile(image[::8, ::8], 90), 110, 225))


def _lamps(shape: tuple[int, ...], view: View, random: np.random.Generator) -> Float32Array:
    """Return how much of the light is that of lamps near the horizon or a little above it."""
    share = np.zeros((1, 1), np.float32)
    for _ in range(random.integers(1, 7)):
        above = abs(random.normal(0, 0.18)) * view.height
        place = np.array([random.uniform(0, shape[1]), view.horizon - above])
        away = _distance(shape, place, cell=4) / (view.height * random.uniform(0.004, 0.012))
        share = share + np.exp(-(away**2)) + random.uniform(0.1, 0.3) * np.exp(-away / 5)
    return np.minimum(share, 1).astype(np.float32)


def _lamp_color(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return gains between the orange of sodium and a bluish white."""
    return np.array([1.0, 0.82, 0.55]) + random.random() * np.array([-0.08, 0.13, 0.47])


def _grid(shape: tuple[int, ...], cell: int = GRID) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the rows (h, 1) and columns (1, w) of the middles of coarse cells [px]."""
    counts = [max(2, -(-side // cell)) for side in shape[:2]]
    rows, columns = (
        (np.arange(count) + 0.5) * side / count for count, side in zip(counts, shape, strict=False)
    )
    return rows[:, None], columns[None]


def _distance(
    shape: tuple[int, ...], point: npt.NDArray[np.float64], cell: int = 6
) -> Float32Array:
    """Return the distance to a point (x, y) [px], coarse."""
    rows, columns = _grid(shape, cell)
    return np.hypot(rows - point[1], columns - point[0]).astype(np.float32)


def _between(ends: tuple[float, float], strength: float) -> float:
    """Return the value at a strength of 0..1, evenly on a log scale."""
    return float(ends[0] * (ends[1] / ends[0]) ** strength)
