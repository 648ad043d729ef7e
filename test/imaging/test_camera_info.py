# SPDX-License-Identifier: Apache-2.0
"""Calibrations of decimated images: points in space must fall on the pixels that stayed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from seg_node.imaging.camera_info import decimated_info, describes

K = [500.0, 0.0, 321.5, 0.0, 510.0, 238.25, 0.0, 0.0, 1.0]
P = [480.0, 0.0, 318.0, -36.0, 0.0, 490.0, 241.0, 7.0, 0.0, 0.0, 1.0, 0.0]
POINTS = np.random.default_rng(0).uniform((-1, -1, 2), (1, 1, 9), (50, 3))
Array = npt.NDArray[np.float64]


def camera_info(
    binning: tuple[int, int] = (0, 0), region: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> Any:
    """Return a calibration; the region is x, y, width, height."""
    x, y, width, height = region
    return SimpleNamespace(
        height=480,
        width=640,
        distortion_model='plumb_bob',
        d=[0.1, -0.2, 0.0, 0.0, 0.05],
        k=np.array(K),
        r=np.eye(3).reshape(-1),
        p=np.array(P),
        binning_x=binning[0],
        binning_y=binning[1],
        roi=SimpleNamespace(
            x_offset=x, y_offset=y, width=width, height=height, do_rectify=bool(width)
        ),
    )


def seen_by(matrix: Any, points: Array) -> Array:
    """Project points (N, 3) or (N, 4) to pixels (N, 2)."""
    seen = points @ np.reshape(matrix, (3, -1)).T
    return np.asarray(seen[:, :2] / seen[:, 2:])


@pytest.mark.parametrize('factor', [1, 2, 3, 4])
@pytest.mark.parametrize('binning', [(0, 0), (1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize('region', [(0, 0, 0, 0), (40, 24, 600, 444)])
def test_points_fall_on_the_pixels_that_stayed(
    factor: int, binning: tuple[int, int], region: tuple[int, int, int, int]
) -> None:
    info = camera_info(binning, region)
    width, height = region[2:] if region[2] else (640, 480)
    size = (height // max(binning[1], 1), width // max(binning[0], 1))

    small = decimated_info(info, factor, size)

    # sensor pixel -> region -> binning -> every factor-th pixel, step by step
    steps = np.maximum(binning, 1) * factor
    for matrix, plain, points in (
        (small.k, K, POINTS),
        (small.p, P, np.column_stack((POINTS, np.ones(len(POINTS))))),
    ):
        want = (seen_by(plain, points) - region[:2]) / steps
        np.testing.assert_allclose(seen_by(matrix, points), want, atol=1e-9)


def test_size_is_that_of_the_decimated_image_and_nothing_is_left_to_apply() -> None:
    small = decimated_info(camera_info((2, 2), (40, 24, 600, 444)), 4, (222, 300))

    assert (small.height, small.width) == (444 // 2 // 4, 600 // 2 // 4)
    assert (small.binning_x, small.binning_y) == (1, 1)
    assert small.roi == SimpleNamespace(
        x_offset=0, y_offset=0, width=0, height=0, do_rectify=False
    )
    assert describes(small, (222 // 4, 300 // 4))
    assert not describes(small, (222, 300))


def test_what_is_free_of_pixels_stays_and_the_original_too() -> None:
    info = camera_info((2, 2), (40, 24, 600, 444))

    small = decimated_info(info, 4, (222, 300))

    assert small.d == info.d
    assert small.distortion_model == 'plumb_bob'
    assert np.array_equal(small.r, info.r)
    assert info.k.tolist() == K
    assert info.roi.width == 600


def test_camera_without_calibration_keeps_its_zeros() -> None:
    info = camera_info(region=(40, 24, 600, 444))
    info.k, info.p = np.zeros(9), np.zeros(12)

    small = decimated_info(info, 3, (444, 600))

    assert not small.k.any()
    assert not small.p.any()


@pytest.mark.parametrize(
    ('binning', 'region', 'size'),
    [
        ((0, 0), (0, 0, 0, 0), (480, 640)),
        ((2, 4), (0, 0, 0, 0), (120, 320)),
        ((0, 0), (8, 8, 100, 50), (50, 100)),
        ((2, 2), (8, 8, 100, 50), (25, 50)),
    ],
)
def test_described_image_is_the_region_binned(
    binning: tuple[int, int], region: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    info = camera_info(binning, region)

    assert describes(info, size)
    assert describes(info, (480, 640))
    assert not describes(info, (size[0] + 1, size[1]))


def test_driver_that_gives_the_size_of_the_image_and_its_binning_is_understood() -> None:
    """Its matrices are for the image; the binning has been applied."""
    small = decimated_info(camera_info((2, 2)), 4, (480, 640))

    assert (small.height, small.width) == (120, 160)
    np.testing.assert_allclose(seen_by(small.k, POINTS), seen_by(K, POINTS) / 4, atol=1e-9)


@pytest.mark.needs_rosbags
def test_message_of_a_recording_takes_the_values() -> None:
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415  # not everywhere

    types = get_typestore(Stores.ROS2_JAZZY).types
    region = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, do_rectify=False)
    header = types['std_msgs/msg/Header'](types['builtin_interfaces/msg/Time'](1, 2), 'lens')
    info = types['sensor_msgs/msg/CameraInfo'](
        *(header, 480, 640, 'plumb_bob', np.zeros(5), np.array(K), np.eye(3).reshape(-1)),
        *(np.array(P), 0, 0, region),
    )

    small = decimated_info(info, 4, (480, 640))

    assert (small.height, small.width, small.k[0]) == (120, 160, 125.0)


@pytest.mark.needs_ros
def test_message_of_ros_takes_the_values() -> None:
    from sensor_msgs.msg import CameraInfo  # noqa: PLC0415  # not everywhere

    info = CameraInfo(height=480, width=640, k=K, p=P)

    small = decimated_info(info, 4, (480, 640))

    assert (small.height, small.width, small.k[0], small.p[3]) == (120, 160, 125.0, -9.0)
    assert info.k[0] == 500.0
