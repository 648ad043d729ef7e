# SPDX-License-Identifier: Apache-2.0
"""Several cameras on one node: whose masks, whose turn, whose counts; over real DDS."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import enumerate as enumerate_threads
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from ros.several import BOTH, Cameras, FRONT, IMAGES, LEFT
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig
    from seg_node.pipeline import Segmenter

    MakeRig = Callable[..., Rig]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

ROOT = Path(__file__).parents[2]


def test_each_camera_gets_masks_of_its_own_images(cameras: Cameras, offline: Segmenter) -> None:
    sent = {name: cameras.send(name) for name in BOTH}

    for name, message in sent.items():
        expected = offline(IMAGES[name]).labels
        np.testing.assert_array_equal(cameras.mask(name, message), expected)
    assert [len(heard) for heard in cameras.masks.values()] == [1, 1]


def test_all_topics_have_the_namespace_of_their_camera(cameras: Cameras) -> None:
    node = cameras.rig.node
    names = node.get_publisher_names_and_types_by_node(node.get_name(), node.get_namespace())
    outputs = {name.removeprefix(f'{node.get_namespace()}/') for name, _ in names}
    outputs = {name for name in outputs if 'segmentation' in name}

    front, left = ({name for name in outputs if name.startswith(f'{one}/')} for one in BOTH)

    assert outputs == front | left
    assert {name.replace('front/', 'left/', 1) for name in front} == left
    assert 'front/segmentation/confidence/water' in front


def test_counts_are_those_of_one_camera(cameras: Cameras) -> None:
    go_on = cameras.hold()
    cameras.send('left')
    cameras.send('left')
    last = cameras.send('left')
    go_on()
    cameras.mask('left', last)

    front, left = (cameras.by_name[name].health for name in BOTH)
    cameras.rig.until(lambda: left.report().processed == 1, 'the last is counted')
    assert cameras.dropped('left') == {'superseded': 2}
    assert cameras.dropped('front') == {}
    assert [one.report().received for one in (front, left)] == [1, 3]
    assert front.report().processed == 1


def test_camera_that_was_served_longest_ago_is_next(cameras: Cameras) -> None:
    """Front was served last, so left goes first although its image came later."""
    run = cameras.rig.runner.run
    order: list[str] = []

    def spy(jobs: Any, parameters: Any) -> Any:
        order.extend(job.camera for job in jobs)
        return run(jobs, parameters)

    cameras.rig.runner.run = spy
    go_on = cameras.hold()
    front = cameras.send('front')
    left = cameras.send('left')
    go_on()
    cameras.mask('front', front)
    cameras.mask('left', left)

    assert order == ['front', 'left', 'front']


def test_six_cameras_that_are_too_fast_degrade_evenly(make_rig: MakeRig) -> None:
    names = ['a', 'b', 'c', 'd', 'e', 'f']
    cameras = Cameras(make_rig(cameras=names))
    rig = cameras.rig
    infer = rig.runner.engine._infer

    def slow(*arguments: Any) -> Any:
        time.sleep(0.01)
        return infer(*arguments)

    rig.runner.engine._infer = slow
    message = rig.image(FRONT)

    def send_all() -> bool:
        for publisher in cameras.publishers.values():
            publisher.publish(message)
        return sum(served().values()) >= 120

    def served() -> dict[str, int]:
        return {name: one.health.report().processed for name, one in cameras.by_name.items()}

    rig.until(send_all, '120 masks')

    assert min(served().values()) >= 0.9 * max(served().values()), served()
    assert all(cameras.dropped(name)['superseded'] > 0 for name in names)


def test_failure_of_one_camera_is_not_that_of_the_other(cameras: Cameras) -> None:
    message = cameras.rig.image(FRONT, step=1)
    cameras.rig.send(message, cameras.publishers['front'])
    cameras.until_dropped('front')
    cameras.mask('left', cameras.send('left'))

    assert cameras.dropped('front') == {'bad_image': 1}
    assert cameras.by_name['front'].health.report().failing.startswith('bad_image')
    assert cameras.by_name['left'].health.report().failing == ''


def test_failures_are_logged_for_each_camera_and_reason(
    cameras: Cameras, capfd: pytest.CaptureFixture[str]
) -> None:
    run = cameras.rig.runner.run
    for name in BOTH:
        for _ in range(2):
            cameras.send_message(name, cameras.rig.image(FRONT, step=1))
            cameras.until_dropped(name)
        cameras.rig.runner.run = lambda *_, **__: 1 / 0
        cameras.send(name)
        cameras.until_dropped(name, 3)
        cameras.rig.runner.run = run

    logged = capfd.readouterr().err
    for name in BOTH:
        assert logged.count(f"of camera '{name}' was dropped (bad_image)") == 1
        assert logged.count(f"of camera '{name}' was dropped (internal_error)") == 1


def test_camera_that_nobody_watches_costs_nothing(cameras: Cameras) -> None:
    cameras.rig.stop_listening('front/segmentation/mask')

    cameras.send('front')
    cameras.mask('left', cameras.send('left'))

    assert cameras.until_dropped('front') == {'unwatched': 1}


def test_frame_that_waited_longer_than_its_deadline_is_late(make_rig: MakeRig) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415

    cameras = Cameras(make_rig(cameras=BOTH, camera__left__deadline=0.001))
    go_on = cameras.hold()
    cameras.send('left')
    front = cameras.send('front')
    go_on()
    cameras.mask('front', front)

    assert cameras.until_dropped('left') == {'late': 1}
    assert cameras.masks['left'] == []
    cameras.rig.node.set_parameters([Parameter('camera.left.deadline', value=0.0)])
    go_on = cameras.hold()
    left = cameras.send('left')
    go_on()
    cameras.mask('left', left)


def test_remapping_moves_image_and_camera_info_of_one_camera(make_rig: MakeRig) -> None:
    rig = make_rig(cameras=BOTH, arguments=('-r', 'front/image:=drivers/cam0/image_raw'))
    front, left = (camera.topics for camera in rig.node.cameras)

    assert front is not None
    assert left is not None
    assert front.image == f'{rig.namespace}/drivers/cam0/image_raw'
    assert front.camera_info == f'{rig.namespace}/drivers/cam0/camera_info'
    assert left.image == f'{rig.namespace}/left/image'
    assert left.camera_info == f'{rig.namespace}/left/camera_info'


def test_topic_of_a_camera_can_stand_in_a_file(make_rig: MakeRig) -> None:
    """Where no remapping can: a file of parameters."""
    rig = make_rig(cameras=BOTH, camera__front__image_topic='/drivers/cam0/image_raw')
    front, left = (camera.topics for camera in rig.node.cameras)

    assert front is not None
    assert left is not None
    assert (front.image, front.camera_info) == (
        '/drivers/cam0/image_raw',
        '/drivers/cam0/camera_info',
    )
    assert left.image == f'{rig.namespace}/left/image'


def test_example_of_the_documentation_works(make_rig: MakeRig, hood: Path) -> None:
    text = (ROOT / 'docs' / 'node.md').read_text(encoding='utf-8')
    example = text.split('```yaml\n')[1].split('```')[0]
    path = hood.with_name('example.yaml')
    path.write_text(example.replace('/etc/vehicle/front_bonnet.png', str(hood)), encoding='utf-8')

    rig = make_rig(arguments=('--params-file', str(path)))

    settings = {camera.name: camera.settings for camera in rig.node.cameras}
    assert list(settings) == ['front', 'left', 'rear']
    assert [one.deadline for one in settings.values()] == [0.2, 0.2, 0.5]
    assert [one.rotation for one in settings.values()] == [0, 90, 0]
    topics = [camera.topics.image for camera in rig.node.cameras if camera.topics]
    assert topics == [
        '/drivers/cam0/image_raw',
        '/drivers/cam1/image_raw',
        '/drivers/cam2/image_raw/compressed',
    ]


def test_each_camera_relays_its_own_camera_info(cameras: Cameras) -> None:
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    rig = cameras.rig
    for number, (name, image) in enumerate(IMAGES.items()):
        info = CameraInfo(height=image.shape[0], width=image.shape[1], d=[float(number)])
        publisher = rig.client.create_publisher(CameraInfo, f'{name}/camera_info', CAMERA_QOS)
        rig.listen(f'{name}/segmentation/camera_info', CameraInfo)
        rig.until(publisher.get_subscription_count, 'the node listens')
        publisher.publish(info)
        rig.until(partial(cameras.has_info, name), 'the info is here')
        message = cameras.send(name)

        relayed = rig.answer(f'{name}/segmentation/camera_info', message)
        assert list(relayed.d) == [float(number)]


def test_transport_can_differ_from_camera_to_camera(make_rig: MakeRig, offline: Segmenter) -> None:
    from ros.rig import CAMERA_QOS, CompressedImage  # noqa: PLC0415

    rig = make_rig(cameras=BOTH, camera__left__image_transport='compressed')
    cameras = Cameras(rig)
    publisher = rig.client.create_publisher(CompressedImage, 'left/image/compressed', CAMERA_QOS)
    message = CompressedImage(format='png', header=rig.image(LEFT).header)
    message.data.frombytes(cv2.imencode('.png', LEFT[:, :, ::-1])[1].tobytes())

    rig.send(message, publisher)
    front = cameras.send('front')

    np.testing.assert_array_equal(cameras.mask('left', message), offline(LEFT).labels)
    np.testing.assert_array_equal(cameras.mask('front', front), offline(FRONT).labels)


def test_subscription_that_fails_leaves_no_worker_and_no_other_subscription(
    cameras: Cameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = cameras.rig
    rig.node.trigger_deactivate()

    def fail() -> None:
        msg = 'No such topic.'
        raise EngineError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(cameras.by_name['left'], 'subscribe', fail)
        rig.node.trigger_activate()

    assert rig.node.state == 'inactive'
    assert [thread.name for thread in enumerate_threads()].count('seg_node worker') == 0
    assert cameras.by_name['front'].topics is None
    rig.node.trigger_activate()
    cameras.mask('left', cameras.send('left'))
