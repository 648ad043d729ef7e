# SPDX-License-Identifier: Apache-2.0
"""A labelled bag holds what the node would have published."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from bags import read_bag
from replay.labelled import (
    CAMERA,
    labelled,
    NANO,
    SCENES,
    STAMPS,
    write_drive,
)
from seg_node.bundle import open_bundle
from seg_node.errors import BagError, ParameterError
from seg_node.imaging import colorize, overlay
from seg_node.replay.options import ReplayOptions
from seg_node.replay.outputs import BagOutputs, CHOICES, choose_outputs
from seg_node.taxonomy import load_taxonomy
from tiny import TAXONOMY, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

EVERYTHING = BagOutputs((*CHOICES, 'confidence/green_road'))


def pixels(message: Any) -> Any:
    """Return the pixels of an image, and check that its rows are not padded."""
    channels = {'mono8': 1, 'rgb8': 3}[message.encoding]
    assert message.step == message.width * channels
    shape = (message.height, message.width) + ((3,) if channels == 3 else ())
    return message.data.reshape(shape)


def test_every_output_is_that_of_the_segmenter_with_the_header_of_its_image(
    tmp_path: Path,
) -> None:
    bag = write_drive(tmp_path / 'drive')

    results, out = labelled(bag, tmp_path / 'out', EVERYTHING)

    found = read_bag(out)
    for index, result in enumerate(results):
        image = SCENES[index]
        want = {
            'mask': result.labels,
            'confidence': result.confidence,
            'entropy': result.entropy,
            'drivable_area': result.drivable_area,
            'movable': np.zeros_like(result.labels),  # no class of the bundle is an object
            'groups/mask': np.array([0, 1, 1], np.uint8)[result.labels],
            'decimated/mask': result.labels,  # small enough as it is
            'decimated/confidence': result.confidence,
            'color': colorize(result.labels, TAXONOMY),
            'overlay': overlay(image, result.labels, TAXONOMY, 0.5),
            'confidence/green_road': result.planes[1],
        }
        for name, expected in want.items():
            time, message = found[f'/front/segmentation/{name}'][index]
            assert time == STAMPS[index] + 5_000_000  # when the image was recorded
            stamp = message.header.stamp
            assert stamp.sec * NANO + stamp.nanosec == STAMPS[index]
            assert message.header.frame_id == 'camera'
            np.testing.assert_array_equal(pixels(message), expected, err_msg=name)
        _, coded = found['/front/segmentation/mask/compressed'][index]
        assert coded.format == 'mono8; png compressed mono8'
        decoded = cv2.imdecode(coded.data, cv2.IMREAD_UNCHANGED)
        assert decoded is not None
        assert np.array_equal(decoded, result.labels)


def test_only_what_was_chosen_is_there_and_the_latched_ones_once(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('mask',)))

    found = read_bag(out)
    counts = {name.removeprefix('/front/segmentation/'): len(found[name]) for name in found}
    assert counts == {'mask': len(SCENES), 'classes': 1, 'label_info': 1}
    table = json.loads(found['/front/segmentation/classes'][0][1].data)
    assert [one['name'] for one in table['classes']] == list(TAXONOMY.names)
    info = found['/front/segmentation/label_info'][0][1]
    assert [(one.class_id, one.class_name) for one in info.class_map] == list(
        enumerate(TAXONOMY.names)
    )


def test_tables_of_other_masks_are_there_with_these_masks(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('groups/mask', 'decimated/confidence')))

    found = {name.removeprefix('/front/segmentation/'): one for name, one in read_bag(out).items()}
    assert set(found) == {
        *('groups/mask', 'decimated/confidence', 'classes', 'label_info'),
        *('groups/classes', 'groups/label_info', 'decimated/label_info'),
    }
    _, info = found['groups/label_info'][0]
    assert [(one.class_id, one.class_name) for one in info.class_map] == [(0, 'hot'), (1, 'cold')]
    _, small = found['decimated/label_info'][0]
    assert [one.class_name for one in small.class_map] == list(TAXONOMY.names)


def test_groups_that_the_classes_do_not_have_are_refused() -> None:
    with pytest.raises(ParameterError, match="'groups/mask'"):
        choose_outputs(('groups/mask',), load_taxonomy('drivable2'))


def test_latched_topics_come_first_and_are_offered_to_late_subscribers(tmp_path: Path) -> None:
    from rosbags.interfaces import QosDurability, QosReliability  # noqa: PLC0415  # not everywhere
    from rosbags.rosbag2 import Reader  # noqa: PLC0415

    _, out = labelled(write_drive(tmp_path / 'drive'), tmp_path / 'out', BagOutputs(('mask',)))

    with Reader(out) as reader:
        profiles: dict[str, Any] = {one.topic: one.ext for one in reader.connections}
        order = [connection.topic for connection, _, _ in reader.messages()]
    assert set(order[:2]) == {'/front/segmentation/classes', '/front/segmentation/label_info'}
    for topic, extension in profiles.items():
        (quality,) = extension.offered_qos_profiles
        late = quality.durability == QosDurability.TRANSIENT_LOCAL
        assert late == (not topic.endswith('mask'))
        assert (quality.reliability, quality.depth) == (QosReliability.RELIABLE, 1)


def test_status_tells_what_ran_and_what_was_decided(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')

    results, out = labelled(bag, tmp_path / 'out', BagOutputs(('status',)), crf=True)

    assert {one.crf for one in results} == {'ran'}
    for _, message in read_bag(out)['/front/segmentation/status']:
        (status,) = message.status
        values = {one.key: one.value for one in status.values}
        assert (status.name, status.message, status.level) == ('seg_node: frame', 'crf ran', 0)
        assert values['crf'] == 'ran'
        assert values['engine'] == 'onnxruntime'
        assert float(values['age_s']) == pytest.approx(
            0.005 + float(values['total_ms']) / 1e3, 1e-3
        )
        assert float(values['infer_ms']) > 0


def test_decisions_can_be_followed_from_the_bag(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415  # needs rosbags

    bag = write_drive(tmp_path / 'drive')
    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('status',)), crf=True)

    decisions = read_decisions(out)

    assert [decisions(CAMERA, stamp) for stamp in STAMPS] == ['ran'] * len(STAMPS)


def test_camera_info_is_relayed_with_the_header_of_the_image(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive', infos=((0, 1.0), (1, 2.0)))

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('camera_info',)))

    infos = read_bag(out)['/front/segmentation/camera_info']
    assert [message.k[0] for _, message in infos] == [1.0, 2.0, 2.0]
    for stamp, (_, message) in zip(STAMPS, infos, strict=True):
        assert message.header.stamp.sec * NANO + message.header.stamp.nanosec == stamp
        assert message.header.frame_id == 'camera'


def test_camera_info_of_another_size_is_left_out_as_by_the_node(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive', infos=((0, 1.0),), info_size=(7, 7))

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('camera_info',)))

    assert '/front/segmentation/camera_info' not in read_bag(out)


def test_inputs_are_copied_byte_for_byte(tmp_path: Path) -> None:
    from rosbags.rosbag2 import Reader  # noqa: PLC0415  # not everywhere

    bag = write_drive(tmp_path / 'drive', infos=((0, 1.0), (2, 3.0)), more=True)

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('mask',), with_inputs=True))

    with Reader(bag) as before, Reader(out) as after:
        original = {
            one.topic: (one.msgtype, one.msgdef, one.digest, one.ext) for one in before.connections
        }
        copied = {
            one.topic: (one.msgtype, one.msgdef, one.digest, one.ext) for one in after.connections
        }
        wanted = [(c.topic, time, bytes(data)) for c, time, data in before.messages()]
        every = [(c.topic, time, bytes(data)) for c, time, data in after.messages()]
    assert set(original) == {CAMERA, '/front/camera_info', '/chatter'}
    assert {topic: copied[topic] for topic in original} == original
    assert [one for one in every if one[0] in original] == wanted
    times = [time for _, time, _ in every]
    assert times == sorted(times)


def test_result_of_an_interrupted_run_is_replaced(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')
    left = tmp_path / 'out' / 'labelled' / 'drive'
    left.mkdir(parents=True)
    (left / 'drive.mcap').write_bytes(b'half')

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('mask',)))

    assert len(read_bag(out)['/front/segmentation/mask']) == len(SCENES)


@pytest.mark.parametrize('name', ['..', '.', '', '../..'])
def test_bag_without_a_name_of_its_own_removes_nothing(tmp_path: Path, name: str) -> None:
    from seg_node.replay.labelled_bag import open_sink  # noqa: PLC0415  # needs rosbags
    from seg_node.replay.sink import SinkContext  # noqa: PLC0415

    bag, out = write_drive(tmp_path / 'drive'), tmp_path / 'out'
    kept = out / 'labelled' / 'kept'
    kept.mkdir(parents=True)
    manifest = open_bundle(tiny_bundle(tmp_path / 'bundle').path).manifest
    options = ReplayOptions(labelled=BagOutputs(('mask',)))

    with pytest.raises(ParameterError, match='no place for a labelled bag'):
        open_sink(SinkContext(bag, name, (CAMERA,), out, manifest, options))

    assert kept.is_dir()


def test_error_of_the_writing_thread_reaches_the_replay(tmp_path: Path) -> None:
    bag = write_drive(tmp_path / 'drive')

    with pytest.raises(RuntimeError, match='asked for and not computed'):
        labelled(bag, tmp_path / 'out', BagOutputs(('mask', 'entropy')), forget_entropy=True)


def test_bag_of_ros_1_is_not_copied(tmp_path: Path) -> None:
    from seg_node.recordings.following import Copier  # noqa: PLC0415  # needs rosbags

    class Old:
        """Stands for a recording of ROS 1."""

        path = tmp_path / 'old.bag'
        files = (path,)

    old: Any = Old()
    nobody: Any = None
    with pytest.raises(BagError, match=r'is of ROS 1.*rosbags-convert'):
        Copier(old, nobody, ())


@pytest.mark.parametrize('name', ['masks', 'confidence/sky', 'diagnostics', 'segmentation/mask'])
def test_unknown_outputs_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ParameterError, match=r'confidence/<class>, .*mask, .*status'):
        choose_outputs(('mask', name), TAXONOMY)


def test_cameras_that_lie_side_by_side_do_not_share_their_outputs(tmp_path: Path) -> None:
    cameras = ('/left', '/right')
    bag = write_drive(tmp_path / 'drive', cameras=cameras)

    _, out = labelled(bag, tmp_path / 'out', BagOutputs(('mask',)), cameras=cameras)

    found = read_bag(out)
    for camera in cameras:
        assert len(found[f'{camera}/segmentation/mask']) == len(SCENES)
        assert len(found[f'{camera}/segmentation/classes']) == 1


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_form_of_the_bag_is_the_one_that_was_asked_for(tmp_path: Path, storage: str) -> None:
    wishes = replace(BagOutputs(('mask',)), storage=storage, distro='humble', zstd=True)

    _, out = labelled(write_drive(tmp_path / 'drive'), tmp_path / 'out', wishes)

    text = (out / 'metadata.yaml').read_text(encoding='utf-8')
    assert f'storage_identifier: {storage}' in text
    assert 'version: 5' in text
    assert len(read_bag(out)['/front/segmentation/mask']) == len(SCENES)
