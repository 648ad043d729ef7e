# SPDX-License-Identifier: Apache-2.0
"""Good, bad, late and changing frames."""

from __future__ import annotations

from threading import Event, Timer
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
SIZE = (60, 80)
IMAGE = scene(SIZE)[0]

GOOD: dict[str, tuple[str, npt.NDArray[Any]]] = {
    'rgb8': ('rgb8', IMAGE),
    'bgr8': ('bgr8', IMAGE[:, :, ::-1]),
    'rgba8': ('rgba8', np.dstack([IMAGE, IMAGE[:, :, 0]])),
    'mono8': ('mono8', IMAGE[:, :, 0]),
    'mono16': ('mono16', IMAGE[:, :, 0].astype(np.uint16) * 257),
    'bayer_rggb8': ('bayer_rggb8', IMAGE[:, :, 0]),
    'yuv422': ('yuv422_yuy2', np.dstack([IMAGE[:, :, 0], np.full(SIZE, 128, np.uint8)])),
    'padded rows': ('rgb8', IMAGE),
}
BAD: dict[str, dict[str, Any]] = {
    'step too small': {'step': 7},
    'data too short': {'data': [0] * 10},
    'no data': {'data': []},
    'data too long': {'data': [0] * (IMAGE.nbytes + 1000)},
    'zero height': {'height': 0},
    'zero width': {'width': 0},
    'absurd size': {'height': 2**31, 'width': 2**31},
    'unknown encoding': {'encoding': 'klingon8'},
    'no encoding': {'encoding': ''},
}


@pytest.mark.parametrize('name', GOOD)
def test_encoding_gives_a_mask_of_the_images_size(name: str, rig: Rig) -> None:
    encoding, pixels = GOOD[name]
    fields: dict[str, Any] = {}
    if name == 'padded rows':
        pixels = np.hstack([IMAGE, np.zeros((SIZE[0], 4, 3), np.uint8)])
        fields = {'width': SIZE[1]}
    rig.listen(MASK)

    answer = rig.answer(MASK, rig.send(rig.image(pixels, encoding, **fields)))

    assert (answer.height, answer.width) == SIZE


def test_bad_frames_are_counted_and_the_next_good_one_is_processed(rig: Rig) -> None:
    rig.listen(MASK)

    for number, (name, fault) in enumerate(BAD.items(), start=1):
        rig.send(rig.image(IMAGE, **fault))
        rig.until_dropped('bad_image', number)
        assert rig.health.report().failing.startswith('bad_image: '), name

        good = rig.send(rig.image(IMAGE))
        assert rig.answer(MASK, good).height == SIZE[0]
        rig.until_processed(number)
        assert rig.health.report().failing == '', name

    assert len(rig.heard[MASK]) == len(BAD)


def test_nan_in_a_float_image_does_not_stop_the_node(rig: Rig) -> None:
    rig.listen(MASK)
    pixels = np.full(SIZE, np.nan, np.float32)

    rig.send(rig.image(pixels, '32FC1'))

    good = rig.send(rig.image(IMAGE))
    assert rig.answer(MASK, good).header == good.header


def jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    """Return an RGB image as JPEG."""
    return bytes(cv2.imencode('.jpg', image[:, :, ::-1])[1].tobytes())


def test_compressed_images_are_taken_from_the_topic_beside(make_rig: Callable[..., Rig]) -> None:
    from ros.rig import CAMERA_QOS, CompressedImage  # noqa: PLC0415

    rig = make_rig(image_transport='compressed')
    camera = rig.client.create_publisher(CompressedImage, 'image/compressed', CAMERA_QOS)
    rig.listen(MASK)
    good, bad = CompressedImage(format='jpeg'), CompressedImage(format='jpeg')
    good.data.frombytes(jpeg(IMAGE))
    bad.data.frombytes(jpeg(IMAGE)[:200])
    good.header.frame_id, bad.header.frame_id = 'good', 'bad'

    rig.send(bad, camera)
    rig.until_dropped('bad_image')
    rig.send(good, camera)

    assert rig.answer(MASK, good).width == SIZE[1]
    assert len(rig.heard[MASK]) == 1


def test_size_may_change_from_frame_to_frame(rig: Rig) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig.listen(MASK)

    for size in [(60, 80), (45, 79), (1, 1), (2, 80), (60, 80)]:
        image = IMAGE[: size[0], : size[1]]
        answer = rig.answer(MASK, rig.send(rig.image(image)))
        assert pixels_of(answer).shape == size


def test_unread_frames_are_dropped_and_counted(rig: Rig) -> None:
    heard = rig.listen(MASK)
    begun, may_go_on = Event(), Event()
    infer = rig.runner.engine._infer

    def slow(batch: Any) -> Any:
        begun.set()
        may_go_on.wait(10.0)
        return infer(batch)

    rig.runner.engine._infer = slow
    first = rig.send(rig.image(IMAGE))
    assert begun.wait(10.0)
    later = []
    for number in range(2, 7):
        later.append(rig.send(rig.image(IMAGE)))
        rig.until_received(number)
    may_go_on.set()

    rig.answer(MASK, later[-1])
    rig.until_processed(2)
    assert [one.header for one in heard] == [first.header, later[-1].header]
    assert rig.dropped('superseded') == 4
    report = rig.health.report()
    assert report.received == report.processed + sum(report.dropped.values())


def test_frame_that_waits_when_the_node_is_deactivated_is_counted(rig: Rig) -> None:
    from lifecycle_msgs.msg import Transition  # noqa: PLC0415
    from lifecycle_msgs.srv import ChangeState  # noqa: PLC0415

    rig.listen(MASK)
    begun, may_go_on = Event(), Event()
    infer = rig.runner.engine._infer

    def slow(*arguments: Any) -> Any:
        begun.set()
        may_go_on.wait(10.0)
        return infer(*arguments)

    rig.runner.engine._infer = slow
    rig.send(rig.image(IMAGE))
    assert begun.wait(10.0)
    rig.send(rig.image(IMAGE))
    rig.until_received(2)
    Timer(0.2, may_go_on.set).start()

    step = Transition(id=Transition.TRANSITION_DEACTIVATE)
    rig.call(ChangeState, 'seg_node/change_state', ChangeState.Request(transition=step))

    report = rig.health.report()
    assert (report.processed, report.dropped) == (1, {'inactive': 1})


def test_old_frames_are_dropped_when_max_age_says_so(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(max_age=5.0)
    rig.listen(MASK)

    old = rig.send(rig.image(IMAGE))  # stamped in 1970
    rig.until_dropped('stale')
    fresh = rig.image(IMAGE)
    fresh.header.stamp.sec = int(time.time())
    rig.send(fresh)

    rig.answer(MASK, fresh)
    assert old.header not in [one.header for one in rig.heard[MASK]]


def test_age_is_judged_by_simulated_time(make_rig: Callable[..., Rig]) -> None:
    from rosgraph_msgs.msg import Clock  # noqa: PLC0415

    rig = make_rig(max_age=5.0, use_sim_time=True)
    rig.listen(MASK)
    clock = rig.client.create_publisher(Clock, '/clock', 1)
    now = Clock()
    now.clock.sec = 100
    rig.send(now, clock)
    rig.until(lambda: rig.node.get_clock().now().nanoseconds == 100 * 10**9, 'it is 100 s')
    old, fresh = rig.image(IMAGE), rig.image(IMAGE)
    old.header.stamp.sec, fresh.header.stamp.sec = 90, 99

    rig.send(old)
    rig.until_dropped('stale')
    rig.send(fresh)

    rig.answer(MASK, fresh)
    assert len(rig.heard[MASK]) == 1


@pytest.mark.parametrize('stamp', [(-5, 0), (-(2**31), 2**32 - 1), (2**31 - 1, 2**32 - 1)])
def test_absurd_stamps_are_carried_like_any_other(stamp: tuple[int, int], rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(MASK)
    rig.listen('segmentation/status', DiagnosticArray)
    image = rig.image(IMAGE)
    image.header.stamp.sec, image.header.stamp.nanosec = stamp

    rig.send(image)

    rig.answer(MASK, image)
    rig.answer('segmentation/status', image)
    report = rig.health.report()
    assert (report.processed, report.dropped) == (1, {})


def test_failing_engine_is_counted_and_the_next_frame_is_processed(rig: Rig) -> None:
    from seg_node.errors import EngineError  # noqa: PLC0415

    rig.listen(MASK)
    infer = rig.runner.engine._infer

    def failing(_batch: Any) -> Any:
        msg = 'out of memory'
        raise EngineError(msg)

    rig.runner.engine._infer = failing
    rig.send(rig.image(IMAGE))
    rig.until_dropped('engine_error')
    rig.runner.engine._infer = infer

    good = rig.send(rig.image(IMAGE))
    rig.answer(MASK, good)
    assert 'out of memory' in rig.health.report().last_error


def test_defect_in_the_node_is_counted_and_does_not_end_the_worker(rig: Rig) -> None:
    rig.listen(MASK)
    run = rig.runner.run
    rig.runner.run = lambda *_, **__: 1 / 0
    rig.send(rig.image(IMAGE))
    rig.until_dropped('internal_error')
    rig.runner.run = run

    good = rig.send(rig.image(IMAGE))

    rig.answer(MASK, good)
    assert 'ZeroDivisionError' in rig.health.report().last_error


def test_frame_whose_status_cannot_be_sent_is_counted_once(
    rig: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(MASK)
    rig.listen('segmentation/status', DiagnosticArray)
    failed = Event()

    def fail(_status: object) -> None:
        failed.set()
        msg = 'no room for a status'
        raise RuntimeError(msg)

    rig.outputs.publish_status = fail
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    assert failed.wait(30.0)
    del rig.outputs.publish_status
    rig.answer('segmentation/status', rig.send(rig.image(IMAGE)))

    report = rig.health.report()
    assert (report.processed, report.dropped) == (2, {})
    assert 'no room for a status' in capfd.readouterr().err
