# SPDX-License-Identifier: Apache-2.0
"""What the node publishes for a frame."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.bundle import open_bundle
from seg_node.engines.registry import open_engine
from seg_node.imaging import colorize, overlay
from seg_node.pipeline import Outputs, Segmenter
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ros.rig import Rig
    from seg_node.pipeline import Segmentation

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SIZE = (93, 121)
IMAGES = (
    *('mask', 'confidence', 'entropy', 'drivable_area', 'movable', 'color', 'overlay'),
    *('groups/mask', 'decimated/mask', 'decimated/confidence'),
)
PLANES = ('lava', 'green_road', 'water')


@pytest.fixture
def offline(bundle_folder: Path) -> Iterator[Segmenter]:
    """The same model without ROS."""
    with Segmenter(open_engine('onnxruntime', open_bundle(bundle_folder))) as segmenter:
        yield segmenter


def expected(image: Any, result: Segmentation) -> dict[str, Any]:
    """Return the pixels of every image topic."""
    return {
        'mask': result.labels,
        'confidence': result.confidence,
        'entropy': result.entropy,
        'drivable_area': result.drivable_area,
        'movable': np.zeros_like(result.labels),  # no class of the bundle is an object
        'groups/mask': np.array([0, 1, 1], np.uint8)[result.labels],
        'color': colorize(result.labels, TAXONOMY),
        'overlay': overlay(image, result.labels, TAXONOMY, 0.5),
        **{f'confidence/{name}': result.planes[index] for index, name in enumerate(PLANES)},
    }


def test_every_image_is_that_of_the_offline_segmenter(rig: Rig, offline: Segmenter) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    image, _ = scene(SIZE)
    want = expected(image, offline(image, Outputs(classes=(0, 1, 2))))
    for name in want:
        rig.listen(f'segmentation/{name}')

    sent = rig.send(rig.image(image))

    for name, pixels in want.items():
        answer = rig.answer(f'segmentation/{name}', sent)
        np.testing.assert_array_equal(pixels_of(answer), pixels, err_msg=name)
        assert answer.encoding == ('rgb8' if name in {'color', 'overlay'} else 'mono8')


def test_every_message_carries_the_header_of_its_image(rig: Rig) -> None:
    heard = {name: rig.listen(f'segmentation/{name}') for name in IMAGES}
    images = [scene(SIZE, seed)[0] for seed in range(3)]

    sent = []
    for image in images:
        sent.append(rig.send(rig.image(image)))
        for name in IMAGES:
            rig.answer(f'segmentation/{name}', sent[-1])

    for name in IMAGES:
        assert [one.header for one in heard[name]] == [one.header for one in sent], name


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8'])
def test_same_colours_give_the_same_mask_in_every_order_of_channels(
    encoding: str, rig: Rig, offline: Segmenter
) -> None:
    """Online as offline: the network of the bundle tells red from blue."""
    from ros.rig import pixels_of  # noqa: PLC0415

    image, _ = scene(SIZE)
    pixels = image if encoding.startswith('rgb') else image[:, :, ::-1]
    if encoding.endswith('a8'):
        pixels = np.dstack([pixels, np.full(SIZE, 7, np.uint8)])
    rig.listen('segmentation/mask')

    answer = rig.answer('segmentation/mask', rig.send(rig.image(pixels, encoding)))

    labels = offline(image).labels
    assert len(np.unique(labels)) > 1
    np.testing.assert_array_equal(pixels_of(answer), labels)


def test_png_holds_the_mask(rig: Rig, offline: Segmenter) -> None:
    from ros.rig import CompressedImage  # noqa: PLC0415

    image, _ = scene(SIZE)
    rig.listen('segmentation/mask/compressed', CompressedImage)

    answer = rig.answer('segmentation/mask/compressed', rig.send(rig.image(image)))

    labels = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(labels, offline(image).labels)
    assert answer.format.startswith('mono8; png')


def test_classes_reach_a_late_listener(rig: Rig) -> None:
    from std_msgs.msg import String  # noqa: PLC0415

    heard = rig.listen('segmentation/classes', String, latched=True)
    rig.until(lambda: heard, 'the class table arrives')

    table = json.loads(heard[0].data)
    assert table['unlabelled'] == 255
    assert table['bundle'] == 'tiny'
    assert table['classes'][1] == {
        'id': 1,
        'name': 'green road',
        'topic': 'segmentation/confidence/green_road',
        'color': [0, 255, 0],
        'drivable': True,
        'synthetic_only': False,
    }


def test_label_info_lists_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    from seg_node.ros.outputs.messages import label_info_message  # noqa: PLC0415

    module = ModuleType('vision_msgs.msg')
    module.LabelInfo = lambda: SimpleNamespace(header=SimpleNamespace())  # type: ignore[attr-defined]
    module.VisionClass = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'vision_msgs', ModuleType('vision_msgs'))
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', module)

    message = label_info_message(TAXONOMY, 'now')

    assert message is not None
    assert message.header.stamp == 'now'
    classes = [(one.class_id, one.class_name) for one in message.class_map]
    assert classes == [(0, 'lava'), (1, 'green road'), (2, 'water')]


def test_label_info_is_left_out_where_its_message_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from seg_node.ros.outputs.messages import label_info_message  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, 'vision_msgs', ModuleType('vision_msgs'))
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', ModuleType('vision_msgs.msg'))

    assert label_info_message(TAXONOMY, 'now') is None


def test_camera_info_is_the_cameras_own_with_the_images_header(rig: Rig) -> None:
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    rig.listen('segmentation/camera_info', CameraInfo)
    info = CameraInfo(height=SIZE[0], width=SIZE[1], distortion_model='plumb_bob')
    rig.send(info, infos)
    rig.until(lambda: rig.node.cameras[0].newest_info is not None, 'the node has the camera info')

    sent = rig.send(rig.image(scene(SIZE)[0]))

    answer = rig.answer('segmentation/camera_info', sent)
    assert answer.distortion_model == 'plumb_bob'
    assert rig.health.report().processed == 0  # no inference for it


def test_camera_info_of_another_size_is_not_relayed(rig: Rig) -> None:
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    heard = rig.listen('segmentation/camera_info', CameraInfo)
    rig.listen('segmentation/mask')
    rig.send(CameraInfo(height=5, width=7), infos)
    rig.until(lambda: rig.node.cameras[0].newest_info is not None, 'the node has the camera info')

    rig.answer('segmentation/mask', rig.send(rig.image(scene(SIZE)[0])))

    assert heard == []


def test_status_says_what_was_done_with_the_frame(rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen('segmentation/status', DiagnosticArray)

    answer = rig.answer('segmentation/status', rig.send(rig.image(scene(SIZE)[0])))

    values = {pair.key: pair.value for pair in answer.status[0].values}
    assert values['engine'] == 'onnxruntime'
    assert values['crf'] == 'off'
    assert 0.0 <= float(values['uncertain_fraction']) <= 1.0
    assert float(values['infer_ms']) > 0.0
    assert float(values['age_s']) > 0.0
    assert float(values['arrival_to_publish_ms']) >= float(values['infer_ms'])
    assert 'tiny' in values['bundle']
