# SPDX-License-Identifier: Apache-2.0
"""Several cameras on one node, over real DDS."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.errors import ParameterError
from seg_node.pipeline import Mounting, open_segmenter, Outputs, Segmenter
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from ros.rig import Rig

    MakeRig = Callable[..., Rig]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 10.0
FRONT, LEFT = scene((60, 80), seed=1)[0], scene((48, 64), seed=2)[0]
IMAGES = {'front': FRONT, 'left': LEFT}
BOTH = ['front', 'left']
NAMES = ('mask', 'confidence', 'entropy', 'drivable_area', 'confidence/water')


class Cameras:
    """A node with two cameras, their publishers, and listeners of their masks."""

    def __init__(self, rig: Rig) -> None:
        """Listen to the mask of each."""
        from sensor_msgs.msg import Image  # noqa: PLC0415  # needs ROS

        from ros.rig import CAMERA_QOS  # noqa: PLC0415

        self.rig = rig
        self.by_name = {camera.name: camera for camera in rig.node.cameras}
        self.publishers = {
            name: rig.client.create_publisher(Image, f'{name}/image', CAMERA_QOS)
            for name in self.by_name
        }
        self.masks = {name: rig.listen(f'{name}/segmentation/mask') for name in self.by_name}

    def send(self, name: str, image: npt.NDArray[np.uint8] | None = None) -> Any:
        """Publish an image and wait until the node has it."""
        return self.send_message(name, self.rig.image(IMAGES[name] if image is None else image))

    def send_message(self, name: str, message: Any) -> Any:
        """Publish a message and wait until the node has it."""
        health = self.by_name[name].health
        before = health.report().received
        self.rig.send(message, self.publishers[name])
        self.rig.until(lambda: health.report().received > before, f'{name} is received')
        return message

    def mask(self, name: str, message: Any) -> npt.NDArray[np.uint8]:
        """Return the mask of an image."""
        from ros.rig import pixels_of  # noqa: PLC0415

        return pixels_of(self.rig.answer(f'{name}/segmentation/mask', message))

    def dropped(self, name: str) -> dict[str, int]:
        """Return what was dropped of a camera, by reason."""
        return dict(self.by_name[name].health.report().dropped)

    def until_dropped(self, name: str, count: int = 1) -> dict[str, int]:
        """Wait until so many frames of a camera were dropped; return how many, by reason."""
        self.rig.until(lambda: sum(self.dropped(name).values()) >= count, f'{name} is dropped')
        return self.dropped(name)

    def has_info(self, name: str) -> bool:
        """Say whether the node has the calibration of a camera."""
        return self.by_name[name].newest_info is not None

    def hold(self) -> Callable[[], None]:
        """Let the engine stop at its next image; return a function that lets it go on."""
        begun, may_go_on = Event(), Event()
        infer = self.rig.runner.engine._infer

        def slow(*arguments: Any) -> Any:
            begun.set()
            may_go_on.wait(TIMEOUT_S)
            return infer(*arguments)

        self.rig.runner.engine._infer = slow
        self.send('front')
        assert begun.wait(TIMEOUT_S)
        return may_go_on.set


@pytest.fixture
def cameras(make_rig: MakeRig) -> Cameras:
    """Front and left, active."""
    return Cameras(make_rig(cameras=BOTH))


@pytest.fixture
def offline(bundle_folder: Path) -> Iterator[Segmenter]:
    """The same model without ROS."""
    with open_segmenter(bundle_folder, 'onnxruntime') as segmenter:
        yield segmenter


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


# Mounting


@pytest.fixture
def hood(tmp_path: Path) -> Path:
    """A mask that fits the front camera."""
    pixels = np.zeros(FRONT.shape[:2], np.uint8)
    pixels[50:, 10:60] = 255
    path = tmp_path / 'hood.png'
    cv2.imwrite(str(path), pixels)
    return path


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


# Batches


@pytest.fixture
def batching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine say that it gains from batches."""
    from seg_node.engines.onnx_engine import OnnxEngine  # noqa: PLC0415

    monkeypatch.setattr(OnnxEngine, 'takes_batches', True)


def runs_of(cameras: Cameras) -> list[int]:
    """Return a list that collects how many images each run of the engine gets."""
    counts: list[int] = []
    engine = cameras.rig.runner.engine
    segment = engine.segment

    def counted(images: Any, wanted: Any) -> Any:
        counts.append(len(images))
        return segment(images, wanted)

    engine.segment = counted
    return counts


def send_at_once(cameras: Cameras) -> dict[str, Any]:
    """Send an image of each camera with the same stamp, while the engine is busy."""
    go_on = cameras.hold()
    sent = {}
    moment = 1000 + sum(len(heard) for heard in cameras.masks.values())
    for name in BOTH:
        message = cameras.rig.image(FRONT)
        message.header.stamp.nanosec = 0
        message.header.stamp.sec = moment
        message.header.frame_id = name
        sent[name] = cameras.send_message(name, message)
    go_on()
    return sent


@pytest.mark.usefixtures('batching')
def test_images_of_one_moment_share_a_run_where_the_engine_gains(
    make_rig: MakeRig, offline: Segmenter
) -> None:
    """From the second time on: an engine prepares for each number of images."""
    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    counts = runs_of(cameras)

    for _ in range(2):
        for name, message in send_at_once(cameras).items():
            np.testing.assert_array_equal(cameras.mask(name, message), offline(FRONT).labels)

    assert counts == [1, 1, 1, 1, 2]
    assert 'go through the engine together' in cameras.rig.runner.described()['batch']


def test_images_go_one_by_one_where_the_engine_gains_nothing(make_rig: MakeRig) -> None:
    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    counts = runs_of(cameras)

    sent = send_at_once(cameras)

    for name, message in sent.items():
        cameras.mask(name, message)
    assert counts == [1, 1, 1]
    status = cameras.rig.node.diagnosis.message().status[0]
    assert {pair.key: pair.value for pair in status.values}['batch'].startswith(
        'no: the engine onnxruntime takes one image after the other'
    )


@pytest.mark.usefixtures('batching')
def test_image_that_does_not_fit_its_mask_spoils_no_common_run(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    path = tmp_path / 'small.png'
    cv2.imwrite(str(path), np.eye(4, dtype=np.uint8))
    cameras = Cameras(
        make_rig(cameras=BOTH, batch_slop=0.05, camera__left__own_vehicle_mask=str(path))
    )

    for count in (1, 2):
        cameras.mask('front', send_at_once(cameras)['front'])
        assert cameras.until_dropped('left', count) == {'bad_image': count}

    assert cameras.dropped('front') == {}


@pytest.mark.usefixtures('batching')
def test_failure_of_a_common_run_is_one_of_every_camera_in_it(make_rig: MakeRig) -> None:
    from seg_node.errors import EngineError  # noqa: PLC0415

    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    segment = cameras.rig.runner.engine.segment

    def failing(images: Any, wanted: Any) -> Any:
        if len(images) > 1:
            msg = 'two are too many'
            raise EngineError(msg)
        return segment(images, wanted)

    for name, message in send_at_once(cameras).items():
        cameras.mask(name, message)
    cameras.rig.runner.engine.segment = failing

    send_at_once(cameras)

    for name in BOTH:
        assert cameras.until_dropped(name) == {'engine_error': 1}
    cameras.mask('left', cameras.send('left'))


# Parameters


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


def test_parameter_of_a_camera_that_is_not_there_is_named(
    make_rig: MakeRig, capfd: pytest.CaptureFixture[str]
) -> None:
    make_rig(cameras=BOTH, autostart=False, camera__lefd__rotation=90)

    logged = capfd.readouterr().err
    assert "Ignored: Unknown parameter 'camera.lefd.rotation'" in logged
