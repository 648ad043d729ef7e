# SPDX-License-Identifier: Apache-2.0
"""A labelled bag and the node agree on every topic."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from bags import read_bag
from replay.labelled import CAMERA, frames_of, labelled, write_drive
from seg_node.replay.outputs import BagOutputs, CHOICES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.rig import Rig

pytestmark = [
    pytest.mark.needs_ros,
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

PLANES = tuple(f'confidence/{name}' for name in ('lava', 'green_road', 'water'))
EVERYTHING = BagOutputs((*CHOICES, *PLANES))
PART = '/segmentation/'
# The node has them only where vision_msgs is installed.
OPTIONAL = {'label_info', 'groups/label_info', 'decimated/label_info'}
TABLES = ('classes', 'groups/classes')


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """An active node that offers everything."""
    return make_rig(mask_rle__enabled=True)


def published(rig: Rig) -> dict[str, tuple[str, Any]]:
    """Return type and quality of service of each output of the node, by name."""
    found = {}
    for name, kinds in rig.client.get_topic_names_and_types():
        if PART in name and rig.node.count_publishers(name):
            (info,) = rig.client.get_publishers_info_by_topic(name)
            found[name.partition(PART)[2]] = (kinds[0], info.qos_profile)
    return found


def test_topics_types_and_qualities_are_those_of_the_node(rig: Rig, tmp_path: Path) -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy  # noqa: PLC0415
    from rosbags.rosbag2 import Reader  # noqa: PLC0415

    _, out = labelled(write_drive(tmp_path / 'drive', infos=((0, 1.0),)), tmp_path, EVERYTHING)
    rig.until(
        lambda: len(published(rig)) >= len(EVERYTHING.names) + len(TABLES), 'all outputs are seen'
    )
    wanted = published(rig)

    with Reader(out) as reader:
        found = {one.topic.partition(PART)[2]: one for one in reader.connections}
    assert set(found) - OPTIONAL == set(wanted) - OPTIONAL
    for name, (kind, profile) in wanted.items():
        extension: Any = found[name].ext
        (quality,) = extension.offered_qos_profiles
        late = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        assert found[name].msgtype == kind, name
        assert (quality.durability.name == 'TRANSIENT_LOCAL') == late, name
        assert profile.reliability == ReliabilityPolicy.RELIABLE
        assert quality.reliability.name == 'RELIABLE', name


def test_messages_are_those_of_the_node(rig: Rig, tmp_path: Path) -> None:
    """All fields of all images; of the status everything that no clock decides."""
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: PLC0415
    from std_msgs.msg import String  # noqa: PLC0415

    bag = write_drive(tmp_path / 'drive', infos=((0, 1.0),))
    _, out = labelled(bag, tmp_path / 'out', EVERYTHING)
    kinds = {
        'mask/compressed': CompressedImage,
        'status': DiagnosticArray,
        'camera_info': CameraInfo,
        'decimated/camera_info': CameraInfo,
    }
    for name in EVERYTHING.names:
        rig.listen(f'segmentation/{name}', kinds.get(name, Image))
    tables = {name: rig.listen(f'segmentation/{name}', String, latched=True) for name in TABLES}
    rig.until(lambda: all(tables.values()), 'the classes')
    send_info(rig)

    found = read_bag(out)
    for index, (_, _, recorded, image) in enumerate(frames_of(bag, [CAMERA])):
        stamp = recorded.header.stamp
        message = rig.image(image)
        message.header.frame_id = recorded.header.frame_id
        message.header.stamp.sec, message.header.stamp.nanosec = stamp.sec, stamp.nanosec
        rig.send(message)
        for name in EVERYTHING.names:
            answer = rig.answer(f'segmentation/{name}', message)
            _, written = found[f'/front/segmentation/{name}'][index]
            compare(name, answer, written)
    for name, heard in tables.items():
        assert found[f'/front/segmentation/{name}'][0][1].data == heard[0].data


def send_info(rig: Rig) -> None:
    """Send the camera info of the drive, and wait until the node has it."""
    from sensor_msgs.msg import CameraInfo  # noqa: PLC0415

    publisher = rig.client.create_publisher(CameraInfo, 'camera_info', 1)
    info = CameraInfo(height=93, width=121)
    info.k[0] = 1.0
    rig.send(info, publisher)
    rig.until(lambda: rig.node.cameras[0].newest_info, 'the camera info')


def compare(name: str, answer: Any, written: Any) -> None:
    """Compare a message of the node with the one in the bag, field by field."""
    fields = [one for one in answer.get_fields_and_field_types() if one != 'header']
    assert header_of(answer) == header_of(written)
    if name == 'status':
        (mine,), (other,) = answer.status, written.status
        assert (mine.level[0], mine.message, mine.hardware_id) == (
            other.level,
            other.message,
            other.hardware_id,
        )
        assert mine.name == other.name
        assert timeless(mine) == timeless(other)
        return
    for one in fields:
        got, expected = getattr(written, one), getattr(answer, one)
        if one == 'roi':
            got, expected = got.do_rectify, expected.do_rectify
        np.testing.assert_array_equal(got, expected, err_msg=f'{name}.{one}')


def header_of(message: Any) -> tuple[int, int, str]:
    header = message.header
    return header.stamp.sec, header.stamp.nanosec, header.frame_id


def timeless(status: Any) -> dict[str, str]:
    """Return the values that are no times."""
    return {
        one.key: one.value
        for one in status.values
        if not one.key.endswith('_ms') and one.key != 'age_s'
    }
