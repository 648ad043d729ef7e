# SPDX-License-Identifier: Apache-2.0
"""Outgoing images are sent from the memory they are in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.needs_ros

ENCODINGS = {'mono8': (48, 64), 'rgb8': (48, 64, 3)}


class Publisher:
    """Notes what an image was while it was being published."""

    def __init__(self) -> None:
        """Begin with nothing published."""
        self.images: list[dict[str, Any]] = []

    def publish(self, message: Any) -> None:
        """Look at it as rclpy does, as a buffer."""
        pixels = np.frombuffer(message.data, np.uint8)
        self.images.append(
            {
                'address': pixels.ctypes.data,
                'bytes': pixels.tobytes(),
                'size': (message.height, message.width),
                'step': message.step,
                'encoding': message.encoding,
                'frame': message.header.frame_id,
            }
        )


def header(frame: str) -> Any:
    """Return the header of a camera image."""
    from std_msgs.msg import Header  # noqa: PLC0415

    return Header(frame_id=frame)


def sender(encoding: str) -> Any:
    """Return a sender that was not used before."""
    from seg_node.ros.outputs.messages import ImageSender  # noqa: PLC0415

    return ImageSender(encoding)


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('size', [(48, 64), (24, 32), (96, 128), (64, 48)])
def test_image_is_sent_from_where_it_is(encoding: str, size: tuple[int, int]) -> None:
    rng, publisher, images = np.random.default_rng(0), Publisher(), sender(encoding)
    before = rng.integers(0, 256, ENCODINGS[encoding], np.uint8)
    now = rng.integers(0, 256, (*size, *ENCODINGS[encoding][2:]), np.uint8)

    images.send(publisher, before, header('before'))
    images.send(publisher, now, header('now'))

    assert publisher.images[1] == {
        'address': now.ctypes.data,
        'bytes': now.tobytes(),
        'size': size,
        'step': now.nbytes // size[0],
        'encoding': encoding,
        'frame': 'now',
    }


def test_image_whose_rows_are_apart_is_sent_whole() -> None:
    wide, publisher = np.arange(48 * 128, dtype=np.uint8).reshape(48, 128), Publisher()

    sender('mono8').send(publisher, wide[:, ::2], header(''))

    assert publisher.images[0]['bytes'] == wide[:, ::2].tobytes()
    assert publisher.images[0]['step'] == 64


@pytest.mark.parametrize('fails', [False, True])
def test_image_is_not_held_when_it_was_sent(*, fails: bool) -> None:
    """Its memory is to be free for the next one."""
    publisher, images = Publisher(), sender('mono8')
    if fails:
        publisher.publish = None  # type: ignore[assignment,method-assign]
    pixels = np.zeros((48, 64), np.uint8)

    with pytest.raises(TypeError) if fails else np.errstate():
        images.send(publisher, pixels, header(''))

    assert len(images._message.data) == 0


def test_ros_reads_such_an_image_as_any_other() -> None:
    from rclpy.serialization import serialize_message  # noqa: PLC0415
    from sensor_msgs.msg import Image  # noqa: PLC0415

    class Serializer(Publisher):
        """Keeps what goes out on the wire."""

        def publish(self, message: Any) -> None:
            """Do what a publisher does with it."""
            self.wire = serialize_message(message)

    pixels, out = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8), Serializer()
    usual = Image(header=header('camera'), height=48, width=64, encoding='rgb8', step=192)
    usual.data = pixels.tobytes()

    sender('rgb8').send(out, pixels, header('camera'))

    assert out.wire == serialize_message(usual)
