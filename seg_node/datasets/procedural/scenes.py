# SPDX-License-Identifier: Apache-2.0
"""Independent random street scenes."""

from __future__ import annotations

from math import radians, tan
import operator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.base import Sample
from seg_node.taxonomy import load_taxonomy

from .arrays import Bytes, Random, random_for
from .camera import Camera
from .render import paint
from .sensor import draw_sensor
from .world import World

if TYPE_CHECKING:
    from .canvas import Canvas

FINE_HEIGHT = 600  # pictures lower than this are painted at twice the size and reduced


def draw_camera(
    rng: Random, world: World, size: tuple[int, int], place: tuple[float, float]
) -> Camera:
    """Draw a camera at ``place`` = (s, d) of the street."""
    street = world.street
    x, y, _ = street.point(*place)
    turn = rng.normal(0, 0.06) if rng.random() < 0.75 else rng.normal(0, 0.3)
    focal = size[1] / 2 / tan(radians(rng.uniform(44, 80)) / 2)
    height = rng.uniform(1.15, 1.75) if rng.random() < 0.85 else rng.uniform(1.75, 2.8)
    yaw = street.heading(place[0]) + turn
    pitch = rng.normal(0.02, 0.04)
    return Camera(size, focal, (x, y, height), yaw, pitch, rng.normal(0, 0.012))


def reduce(canvas: Canvas, factor: int) -> tuple[Bytes, Bytes]:
    """Return image (H, W, 3) and labels (H, W), both ``factor`` times smaller than the canvas."""
    picture = canvas.picture
    if factor == 1:
        return np.ascontiguousarray(picture[..., :3]), np.ascontiguousarray(picture[..., 3])
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    image = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)[..., :3]
    middle = factor // 2
    labels = picture[middle::factor, middle::factor, 3]
    return np.ascontiguousarray(image, np.uint8), np.ascontiguousarray(labels)


def oversampling(size: tuple[int, int]) -> int:
    """How many times finer than ``size`` a picture is painted."""
    return 2 if size[0] < FINE_HEIGHT else 1


class ProceduralScenes:
    """Independent street scenes: each index has its own street, light, traffic and camera.

    The same (seed, index, size) gives the same arrays wherever the same versions of NumPy and
    OpenCV run.

    Args:
        count: Number of scenes.
        seed: Key of the whole set; sets with different seeds share no scene.
        size: Height and width of the pictures in pixels.
    """

    def __init__(self, count: int, *, seed: int = 0, size: tuple[int, int] = (360, 480)) -> None:
        """Take the key of the set; nothing is drawn yet."""
        self.taxonomy = load_taxonomy('cityscapes19')
        self.seed = seed
        self.size = size
        self._count = count

    def __len__(self) -> int:
        """Return the number of scenes."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one scene."""
        index = operator.index(index)
        index += len(self) if index < 0 else 0
        if not 0 <= index < len(self):
            msg = f'Scene {index} does not exist; expected 0..{len(self) - 1}.'
            raise IndexError(msg)
        rng = random_for(self.seed, 3, index)
        world = World(self.seed, 5, index)
        factor = oversampling(self.size)
        street = world.street
        s = rng.uniform(0, 40)
        d = street.lane_middle(int(rng.integers(street.lanes)), 1) + rng.normal(0, 0.5)
        camera = draw_camera(rng, world, self.size, (s, d))
        scenery = world.around((s, d), 0.0, camera)
        world.add_happenings(scenery, rng, s)
        image, labels = reduce(paint(world, scenery, camera, factor), factor)
        image = draw_sensor(rng, float(image.mean()), dark=world.light.lamps).develop(image, rng)
        return Sample(f'scene_{self.seed}_{index:06d}', image, labels)
