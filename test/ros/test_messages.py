# SPDX-License-Identifier: Apache-2.0
"""Outgoing images are filled again and again, in the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.needs_ros

ENCODINGS = {'mono8': (48, 64), 'rgb8': (48, 64, 3)}


def header(frame: str) -> Any:
    """Return the header of a camera image."""
    from std_msgs.msg import Header  # noqa: PLC0415

    return Header(frame_id=frame)


def writer(encoding: str) -> Any:
    """Return a writer that was not used before."""
    from seg_node.ros.outputs.messages import ImageWriter  # noqa: PLC0415

    return ImageWriter(encoding)


def address(message: Any) -> int:
    """Return where the pixels of a message lie."""
    return int(np.frombuffer(message.data, np.uint8).ctypes.data)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_frames_of_one_size_are_written_into_the_same_memory(encoding: str) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, *ENCODINGS[encoding]), np.uint8)
    images = writer(encoding)

    message = images.write(first, header('first'))
    begin, size = address(message), len(message.data)
    again = images.write(second, header('second'))

    assert again is message
    assert (address(again), len(again.data)) == (begin, size)
    assert bytes(again.data) == second.tobytes()
    assert again.header.frame_id == 'second'


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('size', [(24, 32), (96, 128), (64, 48)])
def test_frame_of_another_size_leaves_nothing_of_the_one_before(
    encoding: str, size: tuple[int, int]
) -> None:
    before = np.full(ENCODINGS[encoding], 255, np.uint8)
    now = np.full((*size, *ENCODINGS[encoding][2:]), 7, np.uint8)
    images = writer(encoding)

    images.write(before, header('before'))
    message = images.write(now, header('now'))

    assert bytes(message.data) == now.tobytes()
    assert (message.height, message.width) == size
    assert message.step * message.height == now.nbytes


def test_two_writers_do_not_share_memory() -> None:
    pixels = np.zeros((48, 64), np.uint8)
    one, other = writer('mono8'), writer('mono8')

    assert address(one.write(pixels, header(''))) != address(other.write(pixels, header('')))
