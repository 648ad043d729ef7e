# SPDX-License-Identifier: Apache-2.0
"""A node with several cameras, their publishers and listeners, over real DDS."""

from __future__ import annotations

from threading import Event
from typing import Any, TYPE_CHECKING

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ros.rig import Rig

TIMEOUT_S = 10.0
FRONT, LEFT = scene((60, 80), seed=1)[0], scene((48, 64), seed=2)[0]
IMAGES = {'front': FRONT, 'left': LEFT}
BOTH = ['front', 'left']


class Cameras:
    """A node with cameras, their publishers, and listeners of their masks."""

    def __init__(self, rig: Rig) -> None:
        """Listen to the mask of each."""
        from sensor_msgs.msg import Image  # noqa: PLC0415  # needs ROS

        from ros.rig import CAMERA_QOS  # noqa: PLC0415

        self.rig = rig
        self.by_name = {camera.name: camera for camera in rig.node.cameras}
        self.publishers = {
            name: rig.client.create_publisher(Image, f'{name}/image', CAMERA_QOS)
            for name in self.by_name
        }
        self.masks = {name: rig.listen(f'{name}/segmentation/mask') for name in self.by_name}

    def send(self, name: str, image: npt.NDArray[np.uint8] | None = None) -> Any:
        """Publish an image and wait until the node has it."""
        return self.send_message(name, self.rig.image(IMAGES[name] if image is None else image))

    def send_message(self, name: str, message: Any) -> Any:
        """Publish a message and wait until the node has it."""
        health = self.by_name[name].health
        before = health.report().received
        self.rig.send(message, self.publishers[name])
        self.rig.until(lambda: health.report().received > before, f'{name} is received')
        return message

    def mask(self, name: str, message: Any) -> npt.NDArray[np.uint8]:
        """Return the mask of an image."""
        from ros.rig import pixels_of  # noqa: PLC0415

        return pixels_of(self.rig.answer(f'{name}/segmentation/mask', message))

    def dropped(self, name: str) -> dict[str, int]:
        """Return what was dropped of a camera, by reason."""
        return dict(self.by_name[name].health.report().dropped)

    def until_dropped(self, name: str, count: int = 1) -> dict[str, int]:
        """Wait until so many frames of a camera were dropped; return how many, by reason."""
        self.rig.until(lambda: sum(self.dropped(name).values()) >= count, f'{name} is dropped')
        return self.dropped(name)

    def has_info(self, name: str) -> bool:
        """Say whether the node has the calibration of a camera."""
        return self.by_name[name].newest_info is not None

    def hold(self) -> Callable[[], None]:
        """Let the engine stop at its next image; return a function that lets it go on."""
        begun, may_go_on = Event(), Event()
        infer = self.rig.runner.engine._infer

        def slow(*arguments: Any) -> Any:
            begun.set()
            may_go_on.wait(TIMEOUT_S)
            return infer(*arguments)

        self.rig.runner.engine._infer = slow
        self.send('front')
        assert begun.wait(TIMEOUT_S)
        return may_go_on.set


def runs_of(cameras: Cameras) -> list[int]:
    """Return a list that collects how many images each run of the engine gets."""
    counts: list[int] = []
    engine = cameras.rig.runner.engine
    segment = engine.segment

    def counted(images: Any, wanted: Any) -> Any:
        counts.append(len(images))
        return segment(images, wanted)

    engine.segment = counted
    return counts


def send_at_once(cameras: Cameras) -> dict[str, Any]:
    """Send an image of each camera with the same stamp, while the engine is busy."""
    go_on = cameras.hold()
    sent = {}
    moment = 1000 + sum(len(heard) for heard in cameras.masks.values())
    for name in BOTH:
        message = cameras.rig.image(FRONT)
        message.header.stamp.nanosec = 0
        message.header.stamp.sec = moment
        message.header.frame_id = name
        sent[name] = cameras.send_message(name, message)
    go_on()
    return sent
