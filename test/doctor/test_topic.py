# SPDX-License-Identifier: Apache-2.0
"""What is said about a camera topic, from what a watcher saw and from a real one."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.doctor.topic import judge, watch_topic
from seg_node.processes import free_domain
from seg_node.ros.transport.shared_memory import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seg_node.doctor import Finding

    Messages = list[dict[str, Any]]

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
START = 1_800_000_000.0
# Sends small grey images, of which every fourth lies about its step.
CAMERA = """
import time, rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('camera', namespace='front')
publisher = node.create_publisher(Image, 'image', 5)
message = Image(height=48, width=64, encoding='mono8', step=64)
message.data.frombytes(bytes(48 * 64))
message.header.frame_id = 'front_optical'
print('ready', flush=True)
try:
    for number in range(10000):
        message.step = 63 if number % 4 == 0 else 64
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        time.sleep(0.03)
except Exception:
    pass  # the signal that ends the test has come
"""


def camera(name: str = '/front/camera', **changes: Any) -> dict[str, Any]:
    """Return a publisher on another machine, about whose memory nothing can be known."""
    qos = {'reliability': 'BEST_EFFORT', 'durability': 'VOLATILE'}
    return {'node': name, 'type': IMAGE, 'gid': [1, 15, 7, 7, *[0] * 12], **qos, **changes}


def images(count: int = 30, rate: float = 30.0) -> Messages:
    """Return what is noted of images that arrive as they should, 10 ms after their stamps."""
    return [
        {
            'now': START + number / rate + 0.01,
            'stamp': START + number / rate,
            'frame_id': 'front',
            'length': 1280 * 720 * 3,
            'height': 720,
            'width': 1280,
            'encoding': 'rgb8',
            'step': 3840,
        }
        for number in range(count)
    ]


def seen(messages: Messages | None = None, **changes: Any) -> dict[str, Any]:
    """Return what a watcher tells of a good camera, with changes."""
    good = {
        'types': [IMAGE],
        'publishers': [camera()],
        'subscribers': [camera('/seg_node')],
        'host': [9, 9],
        'messages': images() if messages is None else messages,
        'faults': {},
    }
    return {**good, **changes}


def changed(change: Callable[[Messages], object]) -> dict[str, Any]:
    """Return what is seen when something is done to the messages."""
    messages = images()
    change(messages)
    return seen(messages)


def found(what: dict[str, Any]) -> dict[str, Finding]:
    """Return the findings by name."""
    return {one.name: one for one in judge(what, 1.0)}


def test_good_camera_has_no_warning() -> None:
    findings = found(seen())

    assert {one.level for one in findings.values()} <= {'ok', 'note'}
    assert findings['arrival'].found == '30 images, 30.0 Hz, longest pause 0.03 s'
    assert findings['age'].found == '10 ms on arrival (median)'


def test_topic_without_publishers_fails_and_says_where_to_look() -> None:
    (finding,) = judge(seen([], publishers=[], types=[]), 1.0)

    assert (finding.level, finding.name) == ('fail', 'publishers')
    assert 'ROS_DOMAIN_ID' in finding.remedy


WRONG: dict[str, tuple[str, str, Callable[[Messages], object]]] = {
    'size changes': ('size', 'warn', lambda all_: all_[9].update(width=640)),
    'encoding changes': ('encoding', 'warn', lambda all_: all_[9].update(encoding='bgr8')),
    'step changes': ('step', 'warn', lambda all_: all_[9].update(step=4000)),
    'no frame': ('frame_id', 'warn', lambda all_: [one.update(frame_id='') for one in all_]),
    'no stamp': ('stamps', 'fail', lambda all_: all_[3].update(stamp=0.0)),
    'stamp goes back': ('stamps', 'warn', lambda all_: all_[3].update(stamp=START - 5)),
    'stamp twice': ('stamps', 'warn', lambda all_: all_[4].update(stamp=all_[3]['stamp'])),
    'old': ('age', 'warn', lambda all_: [one.update(now=one['now'] + 3) for one in all_]),
    'ahead': ('age', 'warn', lambda all_: [one.update(now=one['now'] - 3) for one in all_]),
    'gap': ('arrival', 'warn', lambda all_: all_.__delitem__(slice(10, 16))),
    'silence': ('arrival', 'fail', lambda all_: all_.clear()),
    'too few': ('arrival', 'warn', lambda all_: all_.__delitem__(slice(2, None))),
}


@pytest.mark.parametrize('case', WRONG)
def test_fault_of_messages_is_found_alone(case: str) -> None:
    name, level, change = WRONG[case]

    findings = found(changed(change))

    assert findings[name].level == level
    assert findings[name].remedy
    others = {one.level for one in findings.values() if one.name != name}
    assert others <= {'ok', 'note'}


def test_two_publishers_are_named_and_warned_of() -> None:
    finding = found(seen(publishers=[camera(), camera('/rear/camera')]))['publishers']

    assert finding.level == 'warn'
    assert '/front/camera (BEST_EFFORT, VOLATILE), /rear/camera' in finding.found


@pytest.mark.parametrize(('megabytes', 'level'), [(0.5, 'fail'), (5.0, 'fail'), (17.6, 'ok')])
def test_segment_of_a_publisher_must_hold_two_of_its_images(
    megabytes: float, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images are of 2.8 MB; the process is found by its number, 0x0203, in the GID."""
    segment = Segment(Path('segment'), int(1e6 * megabytes), stale=False, owner=0)
    monkeypatch.setattr(
        'seg_node.doctor.topic.segment_of', {0x0203: segment, 0x0302: None}.__getitem__
    )
    here = camera(gid=[1, 15, 7, 7, 0x03, 0x02, *[0] * 10])
    node = camera('/seg_node', gid=[1, 15, 7, 7, 0x02, 0x03, *[0] * 10])

    findings = found(seen(publishers=[here], subscribers=[node], host=[7, 7]))
    silent = found(seen([], publishers=[here], subscribers=[node], host=[7, 7]))

    assert findings['segment of /front/camera'].level == level
    assert silent['segment of /front/camera'].level == level  # as for 1920 x 1080
    assert findings['segment of /seg_node'].level == 'note'


@pytest.mark.parametrize(
    ('name', 'megabytes', 'level'),
    [
        ('/seg_node', 0.5, 'warn'),
        ('/front/seg_node', 1.7, 'warn'),
        ('/seg_node', 1.9, 'ok'),
        ('/viewer', 0.5, 'note'),
        ('/viewer', 1.9, 'ok'),
    ],
)
def test_segment_of_a_subscriber_that_is_our_node_must_hold_two_of_its_masks(
    name: str, megabytes: float, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mask of 1280 x 720 has 0.92 MB; what others send nobody knows."""
    segment = Segment(Path('segment'), int(1e6 * megabytes), stale=False, owner=0)
    monkeypatch.setattr('seg_node.doctor.topic.segment_of', {0x0302: segment}.__getitem__)
    node = camera(name, gid=[1, 15, 9, 9, 0x02, 0x03, *[0] * 10])

    finding = found(seen(subscribers=[node]))[f'segment of {name}']

    assert finding.level == level
    assert ('masks of 0.9 MB' in finding.found) == (level == 'warn')
    assert bool(finding.remedy) == (level == 'warn')


@pytest.mark.parametrize(('megabytes', 'level'), [(3.0, 'warn'), (5.0, 'ok')])
def test_masks_of_images_that_did_not_come_or_are_compressed_count_as_1080p(
    megabytes: float, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Segment(Path('segment'), int(1e6 * megabytes), stale=False, owner=0)
    monkeypatch.setattr('seg_node.doctor.topic.segment_of', {0x0302: segment}.__getitem__)
    node = camera('/seg_node', gid=[1, 15, 9, 9, 0x02, 0x03, *[0] * 10])
    packed = {'now': START, 'stamp': START, 'frame_id': 'a', 'length': 9, 'format': 'jpeg'}

    for messages in ([], [packed]):
        findings = found(seen(messages, types=[COMPRESSED], subscribers=[node]))
        assert findings['segment of /seg_node'].level == level


def test_nothing_of_fast_dds_is_said_of_another_middleware(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its GIDs have other contents, from which no process can be told."""
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_zenoh_cpp')

    findings = found(seen())
    silent = found(seen([]))['arrival']

    assert not [name for name in findings if name.startswith('segment')]
    assert 'docs/middleware.md' in silent.remedy
    assert 'docs/transport.md' not in silent.remedy


@pytest.mark.parametrize(
    ('types', 'level'),
    [([COMPRESSED], 'ok'), (['std_msgs/msg/String'], 'fail'), ([COMPRESSED, IMAGE], 'fail')],
)
def test_type_is_judged(types: list[str], level: str) -> None:
    assert found(seen([], types=types))['type'].level == level


def test_compressed_images_have_a_format_and_no_step() -> None:
    messages = [
        {'now': one['now'], 'stamp': one['stamp'], 'frame_id': 'a', 'length': 9, 'format': 'jpeg'}
        for one in images()
    ]

    findings = found(seen(messages, types=[COMPRESSED]))

    assert findings['format'].found == "'jpeg'"
    assert 'step' not in findings


def test_what_the_node_refuses_is_a_failure() -> None:
    finding = found(seen(faults={'Image has a step of 63 bytes.': 4}))['decoding']

    assert finding.level == 'fail'
    assert finding.found == '4 of 30: Image has a step of 63 bytes.'


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> str:
    """A domain of our own, which this shell is said to be in."""
    number = str(free_domain(os.getpid() + 31))
    monkeypatch.setenv('ROS_DOMAIN_ID', number)
    return number


@pytest.fixture
def front_camera(domain: str) -> Iterator[None]:
    """A camera process."""
    environment = {**os.environ, 'ROS_DOMAIN_ID': domain}
    process = subprocess.Popen(
        [sys.executable, '-c', CAMERA], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    yield
    process.terminate()
    process.wait(10.0)
    process.stdout.close()


@pytest.mark.needs_ros
@pytest.mark.usefixtures('front_camera')
def test_running_camera_is_seen_with_its_segment_and_its_faults() -> None:
    findings = {one.name: one for one in watch_topic('/front/image', 1.5)}

    assert findings['publishers'].found == '/front/camera (RELIABLE, VOLATILE)'
    assert findings['segment of /front/camera'].found.endswith(' MB')
    assert findings['decoding'].level == 'fail'
    assert 'a step of 63 needs 48 rows, 3024 bytes' in findings['decoding'].found
    assert findings['step'].level == 'warn'
    assert findings['frame_id'].found == 'front_optical'
    assert findings['age'].level == 'ok'


@pytest.mark.needs_ros
@pytest.mark.usefixtures('domain')
def test_topic_that_nobody_publishes_is_told_after_a_while() -> None:
    (finding,) = watch_topic('/nobody/image', 0.1)

    assert finding.found == 'none found'
