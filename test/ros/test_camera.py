# SPDX-License-Identifier: Apache-2.0
"""What a camera of the node keeps, and for how long."""

from __future__ import annotations

import time
from typing import Any, cast, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seg_node.ros.cameras.camera import Camera

pytestmark = pytest.mark.needs_ros


@pytest.fixture
def camera() -> Camera:
    """A camera without topics."""
    from seg_node.ros.cameras.camera import Camera  # noqa: PLC0415

    nothing = cast('Any', None)
    return Camera(nothing, '', nothing, nothing, nothing)


def test_calibration_is_the_newest_that_came(camera: Camera) -> None:
    from sensor_msgs.msg import CameraInfo  # noqa: PLC0415

    first, second = CameraInfo(width=1), CameraInfo(width=2)
    assert camera.calibration(time.monotonic()) is None

    for info in (first, second):
        camera._on_camera_info(info)
        assert camera.calibration(time.monotonic()) is info


def test_calibration_that_nobody_sends_any_more_is_none(camera: Camera) -> None:
    from sensor_msgs.msg import CameraInfo  # noqa: PLC0415

    camera._on_camera_info(CameraInfo())

    assert camera.calibration(time.monotonic() + 5.0) is not None
    assert camera.calibration(time.monotonic() + 11.0) is None
