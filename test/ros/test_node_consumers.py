# SPDX-License-Identifier: Apache-2.0
"""Masks that are made for consumers: small ones, coarse ones, runs, and their calibrations."""

from __future__ import annotations

from importlib import import_module
import json
import struct
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.interface import AUTOWARE_LABELS
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SIZE = (93, 121)
FACTOR = 3


def calibrated(rig: Rig, **fields: Any) -> Any:
    """Let the node know a camera info of this size."""
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    k = [90.0, 0.0, 60.0, 0.0, 93.0, 45.0, 0.0, 0.0, 1.0]
    p = [84.0, 0.0, 57.0, -9.0, 0.0, 87.0, 42.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info = CameraInfo(height=SIZE[0], width=SIZE[1], k=k, p=p, **fields)
    rig.send(info, infos)
    camera = rig.node.cameras[0]
    rig.until(lambda: camera.newest_info is not None, 'the node has the camera info')
    return info


@pytest.fixture
def small_rig(make_rig: Callable[..., Rig]) -> Rig:
    """A node whose decimated images have every third pixel."""
    return make_rig(decimated__factor=FACTOR, decimated__rule='nearest')


def test_decimated_images_and_calibration_belong_together(small_rig: Rig) -> None:
    """Nav2 reads the confidence at the index of the label and takes the step for the width."""
    from ros.rig import CameraInfo, pixels_of  # noqa: PLC0415

    names = ('mask', 'confidence', 'decimated/mask', 'decimated/confidence')
    for name in names:
        small_rig.listen(f'segmentation/{name}')
    small_rig.listen('segmentation/decimated/camera_info', CameraInfo)
    calibrated(small_rig)

    sent = small_rig.send(small_rig.image(scene(SIZE)[0]))

    found = {name: small_rig.answer(f'segmentation/{name}', sent) for name in names}
    info = small_rig.answer('segmentation/decimated/camera_info', sent)
    height, width = SIZE[0] // FACTOR, SIZE[1] // FACTOR
    for name in ('mask', 'confidence'):
        small, large = found[f'decimated/{name}'], found[name]
        assert (small.height, small.width, small.step) == (height, width, width)
        every = pixels_of(large)[: height * FACTOR : FACTOR, : width * FACTOR : FACTOR]
        np.testing.assert_array_equal(pixels_of(small), every)
        assert small.header == info.header == sent.header
    assert (info.height, info.width) == (height, width)
    assert (info.k[0], info.k[2], info.k[4], info.k[5]) == (30.0, 20.0, 31.0, 15.0)
    assert (info.p[0], info.p[2], info.p[3], info.p[6]) == (28.0, 19.0, -3.0, 14.0)


def test_subscriber_that_asks_for_best_effort_hears_the_same(small_rig: Rig) -> None:
    """Nav2 and Autoware subscribe so, RViz and nvblox reliably."""
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.rig import CAMERA_QOS  # noqa: PLC0415

    topic = 'segmentation/decimated/mask'
    heard: list[Image] = []
    small_rig.client.create_subscription(Image, topic, heard.append, CAMERA_QOS)
    small_rig.listen(topic)

    sent = small_rig.send(small_rig.image(scene(SIZE)[0]))

    answer = small_rig.answer(topic, sent)
    small_rig.until(lambda: heard, 'the best-effort subscriber hears it')
    assert heard[0] == answer


def test_factor_and_rule_change_while_the_node_runs(small_rig: Rig) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415

    small_rig.listen('segmentation/decimated/mask')
    values = {'decimated.factor': 5, 'decimated.rule': 'obstacle'}
    small_rig.node.set_parameters_atomically(
        [Parameter(name, value=one) for name, one in values.items()]
    )

    sent = small_rig.send(small_rig.image(scene(SIZE)[0]))

    answer = small_rig.answer('segmentation/decimated/mask', sent)
    assert (answer.height, answer.width) == (SIZE[0] // 5, SIZE[1] // 5)


def test_calibration_alone_takes_no_inference(small_rig: Rig) -> None:
    from ros.rig import CameraInfo  # noqa: PLC0415

    small_rig.listen('segmentation/decimated/camera_info', CameraInfo)
    calibrated(small_rig)

    sent = small_rig.send(small_rig.image(scene(SIZE)[0]))

    small_rig.answer('segmentation/decimated/camera_info', sent)
    assert small_rig.node.cameras[0].health.report().processed == 0


def test_region_of_interest_says_which_image_a_calibration_is_for(rig: Rig) -> None:
    """The whole sensor is larger than the image; region and image are of one size."""
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    rig.listen('segmentation/camera_info', CameraInfo)
    info = CameraInfo(height=480, width=640)
    info.roi.height, info.roi.width, info.roi.x_offset = *SIZE, 7
    rig.send(info, infos)
    rig.until(lambda: rig.node.cameras[0].newest_info is not None, 'the node has the camera info')

    sent = rig.send(rig.image(scene(SIZE)[0]))

    answer = rig.answer('segmentation/camera_info', sent)
    assert (answer.width, answer.roi.width, answer.roi.x_offset) == (640, SIZE[1], 7)


def test_mask_and_its_calibration_have_one_stamp_and_one_size(rig: Rig) -> None:
    """Nvblox pairs colour, mask and both calibrations by exactly equal stamps."""
    from ros.rig import CameraInfo  # noqa: PLC0415

    rig.listen('segmentation/movable')
    rig.listen('segmentation/camera_info', CameraInfo)
    calibrated(rig, distortion_model='plumb_bob')

    sent = rig.send(rig.image(scene(SIZE)[0]))

    mask = rig.answer('segmentation/movable', sent)
    info = rig.answer('segmentation/camera_info', sent)
    assert mask.header == info.header == sent.header
    assert (mask.height, mask.width) == (info.height, info.width) == SIZE


def test_groups_are_told_to_late_listeners(rig: Rig) -> None:
    from std_msgs.msg import String  # noqa: PLC0415

    heard = rig.listen('segmentation/groups/classes', String, latched=True)
    rig.until(lambda: heard, 'the table of groups arrives')

    table = json.loads(heard[0].data)
    assert table['taxonomy'] == 'tiny3 groups'
    assert table['classes'] == [
        {'id': 0, 'name': 'hot', 'color': [255, 0, 0], 'drivable': False, 'members': ['lava']},
        {
            'id': 1,
            'name': 'cold',
            'color': [0, 255, 0],
            'drivable': False,
            'members': ['green road', 'water'],
        },
    ]


def test_runs_are_the_mask_in_the_labels_of_autoware(make_rig: Callable[..., Rig]) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(mask_rle__enabled=True, mask_rle__labels='water=CURBSTONE')
    rig.listen('segmentation/mask')
    rig.listen('segmentation/mask_rle')

    sent = rig.send(rig.image(scene(SIZE)[0]))

    runs = rig.answer('segmentation/mask_rle', sent)
    assert (runs.encoding, runs.height, runs.width) == ('mono8', *SIZE)
    assert runs.header == sent.header
    decoded: list[int] = []
    for label, run in struct.iter_unpack('<Bi', runs.data.tobytes()):
        decoded += [label] * run
    ids = {'lava': 'UNKNOWN', 'green road': 'ROAD', 'water': 'CURBSTONE'}
    table = [AUTOWARE_LABELS.index(ids[name]) for name in TAXONOMY.names]
    mask = pixels_of(rig.answer('segmentation/mask', sent))
    assert decoded == [table[label] for label in mask.reshape(-1)]


def test_runs_are_off_unless_they_are_asked_for(rig: Rig) -> None:
    names = [name for name, _ in rig.node.get_topic_names_and_types()]

    assert not [name for name in names if name.endswith('mask_rle')]


def test_label_of_a_class_that_is_not_there_fails_the_configuration(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(mask_rle__enabled=True, mask_rle__labels='sea=ROAD', autostart=False)

    rig.node.trigger_configure()

    assert rig.node.state == 'unconfigured'
    assert "'sea'" in rig.node.health.report().last_error


def test_masks_for_consumers_are_made_only_while_somebody_listens(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def watch(place: str, name: str) -> None:
        module = import_module(place)
        original = getattr(module, name)

        def watched(*arguments: Any) -> Any:
            made.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, name, watched)

    for name in ('_decimated_pair', '_looked_up', 'run_lengths'):
        watch('seg_node.interface.images', name)
    watch('seg_node.ros.outputs.publishers', 'decimated_info')
    rig = make_rig(mask_rle__enabled=True)
    calibrated(rig)
    rig.listen('segmentation/mask')
    rig.answer('segmentation/mask', rig.send(rig.image(scene(SIZE)[0])))
    assert made == []

    for name in ('decimated/mask', 'groups/mask', 'mask_rle'):
        rig.listen(f'segmentation/{name}')
    sent = rig.send(rig.image(scene(SIZE)[0]))
    for name in ('decimated/mask', 'groups/mask', 'mask_rle'):
        rig.answer(f'segmentation/{name}', sent)
    # groups and runs look labels up; nobody listens to the small calibration
    assert sorted(made) == ['_decimated_pair', '_looked_up', '_looked_up', 'run_lengths']
