# SPDX-License-Identifier: Apache-2.0
"""Mounting and other settings of each camera, over real DDS."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from ros.several import BOTH, Cameras, FRONT, LEFT
from seg_node.errors import ParameterError
from seg_node.pipeline import Mounting, Outputs, Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.rig import Rig

    MakeRig = Callable[..., Rig]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]
NAMES = ('mask', 'confidence', 'entropy', 'drivable_area', 'confidence/water')


def test_outputs_are_those_of_the_mounted_segmenter(
    make_rig: MakeRig, offline: Segmenter, hood: Path
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    hidden = np.asarray(cv2.imread(str(hood), cv2.IMREAD_GRAYSCALE)) > 0
    mounted = Segmenter(offline.engine, mounting=Mounting(270, hidden))
    result = mounted(FRONT, Outputs(classes=(2,)))
    expected = (
        result.labels,
        result.confidence,
        result.entropy,
        result.drivable_area,
        result.planes[2],
    )
    rig = make_rig(
        cameras=BOTH, camera__front__rotation=270, camera__front__own_vehicle_mask=str(hood)
    )
    cameras = Cameras(rig)
    for name in NAMES:
        rig.listen(f'front/segmentation/{name}')

    message = cameras.send('front')

    for name, pixels in zip(NAMES, expected, strict=True):
        found = pixels_of(rig.answer(f'front/segmentation/{name}', message))
        np.testing.assert_array_equal(found, pixels, err_msg=name)
    left = cameras.send('left')
    np.testing.assert_array_equal(cameras.mask('left', left), offline(LEFT).labels)


def test_single_camera_is_mounted_without_a_prefix(make_rig: MakeRig, hood: Path) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(rotation=180, own_vehicle_mask=str(hood))
    rig.listen('segmentation/mask')

    mask = pixels_of(rig.answer('segmentation/mask', rig.send(rig.image(FRONT))))

    hidden = np.asarray(cv2.imread(str(hood), cv2.IMREAD_GRAYSCALE)) > 0
    np.testing.assert_array_equal(mask == 255, hidden)


def test_mask_that_cannot_be_read_fails_the_configuration(make_rig: MakeRig) -> None:
    rig = make_rig(
        cameras=BOTH, autostart=False, camera__left__own_vehicle_mask='/nowhere/hood.png'
    )

    rig.node.trigger_configure()

    assert rig.node.state == 'unconfigured'
    error = rig.node.health.report().last_error
    assert "Camera 'left': The own-vehicle mask '/nowhere/hood.png' cannot be read" in error


def test_mask_of_another_size_is_an_error_of_every_frame(make_rig: MakeRig, hood: Path) -> None:
    cameras = Cameras(make_rig(cameras=BOTH, camera__left__own_vehicle_mask=str(hood)))

    cameras.send('left')

    assert cameras.until_dropped('left') == {'bad_image': 1}
    error = cameras.by_name['left'].health.report().failing
    assert 'is 80 x 60 pixels' in error
    assert 'the image is 64 x 48' in error


def test_engine_on_a_gpu_is_built_for_upright_images(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.engines.serving import open_for_serving as serve  # noqa: PLC0415

    sizes: list[tuple[int, int] | None] = []

    def spy(*arguments: Any, options: Any, **named: Any) -> Any:
        sizes.append(options.image_size)
        return serve(*arguments, options=options, **named)

    monkeypatch.setattr('seg_node.ros.cameras.model_runner.open_for_serving', spy)

    make_rig(gpu__image_size='80x60')
    make_rig(gpu__image_size='80x60', rotation=90)

    assert sizes == [(60, 80), (80, 60)]


def test_cameras_take_what_is_set_for_all_unless_they_have_their_own(make_rig: MakeRig) -> None:
    rig = make_rig(
        cameras=BOTH, autostart=False, rotation=90, deadline=0.5, camera__left__rotation=0
    )
    front, left = (camera.settings for camera in rig.node.cameras)

    assert (front.rotation, front.deadline) == (90, 0.5)
    assert (left.rotation, left.deadline) == (0, 0.5)


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        ({'cameras': ['front', 'front']}, r"names \['front'\] twice"),
        ({'cameras': ['', 'left']}, 'expected names of letters, digits and _'),
        ({'cameras': 'front/left'}, 'expected names of letters, digits and _'),
        ({'image_topic': 'no topic'}, "'image_topic' is 'no topic'; expected a topic"),
        ({'cameras': BOTH, 'image_topic': '/a'}, r'set camera\.<name>\.image_topic'),
        ({'rotation': 45}, "'rotation' is 45; expected 0, 90, 180 or 270"),
        ({'cameras': BOTH, 'camera__left__rotation': 45}, r"'camera\.left\.rotation' is 45"),
        ({'cameras': BOTH, 'camera__left__deadline': -1.0}, r'expected 0 to 60 s'),
    ],
)
def test_node_does_not_start_with_wrong_cameras(
    parameters: dict[str, object], words: str, make_rig: MakeRig
) -> None:
    with pytest.raises(ParameterError, match=words):
        make_rig(**parameters)


def test_own_parameters_are_locked_and_checked_like_all_others(cameras: Cameras) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415

    def answer(name: str, value: object) -> tuple[bool, str]:
        (result,) = cameras.rig.node.set_parameters([Parameter(name, value=value)])
        return result.successful, result.reason

    assert answer('camera.left.deadline', 0.25) == (True, '')
    assert cameras.by_name['left'].settings.deadline == 0.25
    done, why = answer('camera.left.rotation', 90)
    assert not done
    assert "'camera.left.rotation' is read when the node is configured" in why
    done, why = answer('camera.left.deadline', 'soon')
    assert not done
    assert 'a text; expected a number' in why


def test_setting_of_all_cameras_cannot_change_under_those_with_a_name(cameras: Cameras) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415

    (changed,) = cameras.rig.node.set_parameters([Parameter('deadline', value=0.25)])
    (same,) = cameras.rig.node.set_parameters([Parameter('deadline', value=0.0)])

    assert not changed.successful
    assert "Set 'camera.front.deadline', 'camera.left.deadline'" in changed.reason
    assert cameras.rig.node.parameters.deadline == 0.0
    assert same.successful


def test_single_camera_takes_a_setting_without_a_prefix(rig: Rig) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415

    (result,) = rig.node.set_parameters([Parameter('deadline', value=0.25)])

    assert result.successful
    assert rig.node.cameras[0].settings.deadline == 0.25


def test_parameter_of_a_camera_that_is_not_there_is_named(
    make_rig: MakeRig, capfd: pytest.CaptureFixture[str]
) -> None:
    make_rig(cameras=BOTH, autostart=False, camera__lefd__rotation=90)

    logged = capfd.readouterr().err
    assert "Ignored: Unknown parameter 'camera.lefd.rotation'" in logged
