# SPDX-License-Identifier: Apache-2.0
"""What a camera of the node keeps, and for how long."""

from __future__ import annotations

import time
from typing import Any, cast, TYPE_CHECKING

import pytest

from ros.test_node_lifecycle import change

if TYPE_CHECKING:
    from ros.rig import Rig
    from seg_node.ros.cameras.camera import Camera

pytestmark = pytest.mark.needs_ros


@pytest.fixture
def camera() -> Camera:
    """A camera without topics."""
    from seg_node.ros.cameras.camera import Camera  # noqa: PLC0415

    nothing = cast('Any', None)
    return Camera(nothing, '', nothing, nothing)


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


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_calibration_is_forgotten_with_the_subscription(rig: Rig) -> None:
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    camera = rig.node.cameras[0]
    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    rig.send(CameraInfo(width=3), infos)
    rig.until(lambda: camera.newest_info is not None, 'the node has the camera info')

    assert change(rig, 'deactivate')

    assert camera.newest_info is None
