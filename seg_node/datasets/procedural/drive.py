# SPDX-License-Identifier: Apache-2.0
"""One camera that moves through one street."""

from __future__ import annotations

from dataclasses import replace
from math import pi, radians, sin, tan
import operator

from seg_node.datasets.base import Sample
from seg_node.taxonomy import load_taxonomy

from .arrays import random_for, vector
from .camera import Camera
from .render import paint
from .scenes import oversampling, reduce
from .sensor import Sensor
from .world import World

SPEED = 8.0  # metres per second
VIEW = 260.0  # metres; farther than in single scenes, so that nothing pops up


class Drive:
    """Consecutive frames of one drive; any frame may be asked for in any order.

    Args:
        frames: Number of frames.
        seed: Key of the world and of the drive.
        size: Height and width of the pictures in pixels.
        rate: Frames per second; frame i shows the world at i / rate seconds.
    """

    def __init__(
        self,
        frames: int,
        *,
        seed: int = 0,
        size: tuple[int, int] = (720, 1280),
        rate: float = 15.0,
    ) -> None:
        """Draw the world."""
        self.taxonomy = load_taxonomy('cityscapes19')
        self.seed = seed
        self.size = size
        self.rate = rate
        self._frames = frames
        self._world = World(
            seed, 6, length=SPEED * frames / rate, view=VIEW, light=self._light(), speed=SPEED
        )
        self._sensor = Sensor(vector(1.0, 1.0, 1.0), noise=1.5, vignette=0.12, blur=0.3)

    def _light(self) -> str:
        kinds = ('sun', 'cloudy', 'low_sun', 'overcast', 'rain', 'dusk', 'fog', 'night')
        return kinds[self.seed % len(kinds)]

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._frames

    def time_of(self, index: int) -> float:
        """Seconds since the drive began."""
        return index / self.rate

    def camera(self, index: int) -> Camera:
        """The camera of one frame."""
        time = self.time_of(index)
        street = self._world.street
        s = SPEED * time
        x, y, _ = street.point(s, street.lane_middle(0, 1) + 0.12 * sin(0.5 * time))
        focal = self.size[1] / 2 / tan(radians(68) / 2)
        bounce = 0.004 * sin(2 * pi * 1.1 * time) + 0.002 * sin(2 * pi * 2.7 * time)
        yaw = street.heading(s + 3)
        return Camera(self.size, focal, (x, y, 1.45 + bounce), yaw, 0.03 + bounce, 0.5 * bounce)

    def __getitem__(self, index: int) -> Sample:
        """Render one frame."""
        index = operator.index(index)
        index += len(self) if index < 0 else 0
        if not 0 <= index < len(self):
            msg = f'Frame {index} does not exist; expected 0..{len(self) - 1}.'
            raise IndexError(msg)
        time = self.time_of(index)
        camera = self.camera(index)
        d = self._world.street.lane_middle(0, 1)
        scenery = self._world.around((SPEED * time, d), time, camera)
        factor = oversampling(self.size)
        image, labels = reduce(paint(self._world, scenery, camera, factor), factor)
        rng = random_for(self.seed, 4, index)
        dark = self._world.light.lamps
        image = replace(self._sensor, bloom=0.8 if dark else 0.0).develop(image, rng)
        return Sample(f'drive_{self.seed}_{index:06d}', image, labels)
