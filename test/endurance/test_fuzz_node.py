# SPDX-License-Identifier: Apache-2.0
"""Hostile messages through a whole node: every output carries the header of an input.

Messages go one after the other, so that each is looked at and none is superseded: most straight
into the subscription's callback, which is fast, a share over DDS, which also tries what rclpy and
the middleware make of them.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import count
import os
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from endurance.hostile import case
from endurance.memory import rss_anon
from seg_node.interface.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from endurance.hostile import Case
    from ros.rig import Rig

    MakeRig = Callable[..., Rig]
    Deliver = Callable[[Any], None]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SEED = 8
QUICK = 1000
QUICK_DDS = 300
QUICK_DAMAGED = 300
QUICK_BUSY = 300
FULL = 100_000
FULL_DDS = 10_000
PATIENCE_S = 10.0
PAUSE_S = 0.001
GROWTH_MB = 16.0
MASK = 'segmentation/mask'
NEED_MORE = (
    'segmentation/camera_info',
    'segmentation/decimated/camera_info',
    'segmentation/groups/mask',
)
"""Calibration, or a bundle with groups."""
EVERYTHING: dict[str, object] = {
    'crf.enabled': True,
    'crf.min_uncertain_fraction': 0.0,
    'crf.threads': 1,
    'drivable.hysteresis': 0.5,
    'drivable.max_hole': 0.01,
    'drivable.reachable': True,
    'mask_rle.enabled': True,
    'rotation': 90,
    'smoothing.method': 'flow',
}


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the tiny bundle."""
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    return str(tiny_bundle(tmp_path_factory.mktemp('bundles') / 'tiny').path)


@pytest.fixture(params=['raw', 'compressed'])
def rig(request: pytest.FixtureRequest, bundle: str) -> Iterator[Rig]:
    """Give an active node for one kind of message; its outputs are heard."""
    made = start(bundle, image_transport=request.param)
    yield made
    made.close()


@pytest.fixture
def busy_rig(bundle: str) -> Iterator[Rig]:
    """Give an active node with everything switched on and every output heard."""
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: PLC0415

    made = start(bundle, **EVERYTHING)
    kinds = {f'sensor_msgs/{one.__name__}': one for one in (CameraInfo, CompressedImage, Image)}
    for topic in TOPICS:
        if topic.direction == 'out' and topic.kind in kinds and topic.name != MASK:
            made.listen(topic.name.replace('<class>', 'lava'), kinds[topic.kind])
    yield made
    made.close()


def start(bundle: str, **parameters: object) -> Rig:
    """Start a node; mask and status are heard."""
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    from ros.rig import Rig  # noqa: PLC0415  # needs ROS

    made = Rig({'bundle': bundle, 'engine': 'onnxruntime', 'threads': 1, **parameters})
    made.listen(MASK)
    made.listen('segmentation/status', DiagnosticArray)
    return made


def ros_message(one: Case) -> Any:
    """Return a case as a message of rclpy."""
    from sensor_msgs.msg import CompressedImage, Image  # noqa: PLC0415

    fields = one.message
    message = CompressedImage() if one.compressed else Image()
    for name in type(fields).__slots__:
        if name != 'data':
            setattr(message, name, getattr(fields, name))
    message.data.frombytes(fields.data)
    message.header.frame_id = one.header.frame_id
    message.header.stamp.sec = one.header.sec
    message.header.stamp.nanosec = one.header.nanosec
    return message


def is_compressed(rig: Rig) -> bool:
    """Tell what the node takes."""
    return bool(rig.node.parameters.image_transport == 'compressed')


def subscription(rig: Rig) -> Any:
    """Return the node's subscription to the camera."""
    name = f'{rig.namespace}/image' + '/compressed' * is_compressed(rig)
    return next(one for one in rig.node.subscriptions if one.topic_name == name)


def straight(rig: Rig) -> Deliver:
    """Return a way to hand over messages without DDS."""
    return subscription(rig).callback  # type: ignore[no-any-return]


def over_dds(rig: Rig) -> Deliver:
    """Return a way to send messages, reliably, so that all arrive."""
    return publisher(rig).publish  # type: ignore[no-any-return]


def publisher(rig: Rig) -> Any:
    """Return a camera that the node knows."""
    from rclpy.qos import QoSProfile  # noqa: PLC0415
    from sensor_msgs.msg import CompressedImage, Image  # noqa: PLC0415

    kind = CompressedImage if is_compressed(rig) else Image
    topic = subscription(rig).topic_name
    made = rig.client.create_publisher(kind, topic, QoSProfile(depth=1))
    rig.until(made.get_subscription_count, 'the node subscribes')
    return made


def send_all(rig: Rig, deliver: Deliver, first: int, number_of: int) -> Counter[str]:
    """Send cases one by one; check what became of each; return how often there was what."""
    seen: Counter[str] = Counter()
    coded = is_compressed(rig)
    for number in range(first, first + number_of):
        one = case(SEED, number, coded=coded)
        message = ros_message(one)
        before = account(rig)
        deliver(message)
        got = outcome(rig, before, one)
        assert one.verdict in {got, 'either'}, f'{number}: {one.trick} is {got}'
        if got == 'good':
            check_answers(rig, message, number)
        seen[got] += 1
    return seen


def account(rig: Rig) -> tuple[int, int]:
    """Return how many frames were processed and how many dropped as bad."""
    return rig.health.report().processed, rig.dropped('bad_image')


def outcome(rig: Rig, before: tuple[int, int], one: Case) -> str:
    """Wait until the node has counted a frame; return ``'good'`` or ``'bad'``."""
    deadline = time.monotonic() + PATIENCE_S
    while (now := account(rig)) == before:
        assert time.monotonic() < deadline, f'{one.number}: {one.trick} was not counted'
        time.sleep(0.0002)
    processed, bad = now[0] - before[0], now[1] - before[1]
    assert (processed, bad) in {(1, 0), (0, 1)}, one.number
    return 'good' if processed else 'bad'


def check_answers(rig: Rig, message: Any, number: int) -> None:
    """Wait for mask and status of a message; both carry its header, and nothing else came."""
    for topic in (MASK, 'segmentation/status'):
        heard = rig.heard[topic]
        rig.until(partial(bool, heard), f'{topic} of {number}')
        assert [one.header for one in heard] == [message.header], number
        heard.clear()


@pytest.mark.parametrize('way', [straight, over_dds], ids=lambda way: way.__name__)
def test_hostile_messages_become_masks_or_are_counted(
    way: Callable[[Rig], Deliver], rig: Rig
) -> None:
    sent = QUICK if way is straight else QUICK_DDS

    seen = send_all(rig, way(rig), 0, sent)

    assert min(seen['good'], seen['bad']) > sent // 8
    report_is_balanced(rig, sent)


def test_damaged_packets_do_not_end_the_node(rig: Rig) -> None:
    """What arrives need not be a message; rclpy refuses such bytes, or makes one of them."""
    from rclpy.serialization import serialize_message  # noqa: PLC0415

    deliver, rng = over_dds(rig), np.random.default_rng(SEED)
    coded = is_compressed(rig)
    for number in range(QUICK_DAMAGED):
        packet = bytearray(serialize_message(ros_message(case(SEED, number, coded=coded))))
        if rng.integers(2):
            del packet[rng.integers(len(packet)) :]
        for at in rng.integers(0, min(len(packet), 80), size=rng.integers(5)) if packet else ():
            packet[at] = rng.integers(256)
        deliver(bytes(packet))
        time.sleep(PAUSE_S)

    good = next(one for one in (case(SEED, n, coded=coded) for n in count()) if is_plain(one))
    rig.answer(MASK, rig.send(ros_message(good), publisher(rig)))

    assert rig.dropped('internal_error') == 0


def is_plain(one: Case) -> bool:
    """Tell whether it has to be decoded, and has a usual header."""
    return one.verdict == 'good' and one.header.frame_id == 'front'


def test_every_output_and_option_bears_hostile_messages(busy_rig: Rig) -> None:
    """Images of one pixel, one row or one column reach everything that works on a mask."""
    seen = send_all(busy_rig, straight(busy_rig), QUICK, QUICK_BUSY)

    assert min(seen['good'], seen['bad']) > QUICK_BUSY // 8
    report_is_balanced(busy_rig, QUICK_BUSY)
    busy_rig.heard.pop('segmentation/status')
    silent = [topic for topic, heard in busy_rig.heard.items() if not heard]
    assert set(silent) <= {MASK, *NEED_MORE}
    sent = set(headers(QUICK, QUICK_BUSY))
    for heard in busy_rig.heard.values():
        assert {header_of(one) for one in heard} <= sent


def headers(first: int, number_of: int) -> list[tuple[int, int, str]]:
    """Return the headers of cases."""
    made = (case(SEED, number, coded=False).header for number in range(first, first + number_of))
    return [(one.sec, one.nanosec, one.frame_id) for one in made]


def header_of(message: Any) -> tuple[int, int, str]:
    """Return the header of a message."""
    header = message.header
    return header.stamp.sec, header.stamp.nanosec, header.frame_id


def report_is_balanced(rig: Rig, sent: int) -> None:
    """Check that the node has counted every frame once, and none as a defect of its own."""
    processed, bad = account(rig)
    assert processed + bad == sent
    assert rig.dropped('internal_error') == 0


@pytest.mark.slow
def test_hundred_thousand_hostile_messages_leave_the_memory_flat(rig: Rig) -> None:
    early, share = FULL // 10, FULL_DDS // 2
    send_all(rig, straight(rig), 0, early)
    before = rss_anon(os.getpid())

    send_all(rig, straight(rig), early, FULL // 2 - early)
    send_all(rig, over_dds(rig), FULL, share)

    assert rss_anon(os.getpid()) - before < GROWTH_MB
    report_is_balanced(rig, FULL // 2 + share)
