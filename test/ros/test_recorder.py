# SPDX-License-Identifier: Apache-2.0
"""The recorder of the demo, as a process of its own, fed over real DDS by a stand-in node."""

from __future__ import annotations

import json
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.imaging.digest import pixel_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from ros.child import Child

pytestmark = pytest.mark.needs_ros

PICTURES = ('mask', 'confidence', 'entropy', 'drivable_area')
SIZE = (6, 10)
PADDING = 2
FIRST_STAMP_S = 1_700_000_000


class StandIn:
    """Publishes what a seg_node publishes, when the test says so."""

    def __init__(self) -> None:
        """Advertise the outputs of ``/front/seg_node``, which is inactive."""
        from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415  # needs ROS
        from lifecycle_msgs.srv import GetState  # noqa: PLC0415  # needs ROS
        from sensor_msgs.msg import Image  # noqa: PLC0415  # needs ROS

        from ros.child import Friend  # noqa: PLC0415  # needs ROS

        self.node = Friend('stand_in')
        self.state_id = 2
        base = '/front/segmentation'
        self.pictures = {
            name: self.node.create_publisher(Image, f'{base}/{name}', 10) for name in PICTURES
        }
        self.status = self.node.create_publisher(DiagnosticArray, f'{base}/status', 10)
        self.diagnostics = self.node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.node.create_service(GetState, '/front/seg_node/get_state', self._answer)

    def _answer(self, _request: Any, response: Any) -> Any:
        response.current_state.id = self.state_id
        return response

    def publish(self, name: str, pixels: npt.NDArray[np.uint8], seconds: int) -> None:
        """Publish a picture whose rows are padded."""
        from sensor_msgs.msg import Image  # noqa: PLC0415  # needs ROS

        rows = np.pad(pixels, ((0, 0), (0, PADDING)), constant_values=77)
        message = Image(height=SIZE[0], width=SIZE[1], step=rows.shape[1], encoding='mono8')
        message.header.stamp.sec = seconds
        message.header.stamp.nanosec = 7
        message.header.frame_id = 'left_eye'
        message.data.frombytes(rows.tobytes())
        self.pictures[name].publish(message)

    def report(self, publisher: Any, seconds: int, **values: str) -> None:
        """Publish one status."""
        from diagnostic_msgs.msg import (  # noqa: PLC0415  # needs ROS
            DiagnosticArray,
            DiagnosticStatus,
            KeyValue,
        )

        pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
        status = DiagnosticStatus(level=b'\1', name='seg_node', message='well', values=pairs)
        message = DiagnosticArray(status=[status])
        message.header.stamp.sec = seconds
        publisher.publish(message)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A node to be recorded."""
    node = StandIn()
    yield node
    node.node.close()


@pytest.fixture
def recorder(stand_in: StandIn, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    """A recorder that writes to ``tmp_path``; a parameter gives it more arguments."""
    from ros.child import Child  # noqa: PLC0415  # needs ROS

    arguments = ('--out', str(tmp_path), '--node', '/front/seg_node')
    arguments += tuple(getattr(request, 'param', ()))
    child = Child('seg_node.ros.drives.recorder', *arguments, domain=stand_in.node.domain)
    yield child
    child.close()


def make_ready(stand_in: StandIn, recorder: Child) -> None:
    """Activate the node and wait until both sides have found each other."""
    stand_in.state_id = 3
    stand_in.node.until(lambda: 'ready' in recorder.names(), 'the recorder is ready')
    everything = [*stand_in.pictures.values(), stand_in.status, stand_in.diagnostics]
    stand_in.node.until(
        lambda: all(one.get_subscription_count() for one in everything), 'all are matched'
    )


def recorded(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / 'records.jsonl').read_text(encoding='utf-8').splitlines()
    return [json.loads(line) for line in lines]


def test_recorder_stores_each_picture_by_its_stamp_without_row_padding(
    stand_in: StandIn, recorder: Child, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    planes = {
        (name, FIRST_STAMP_S + index): rng.integers(0, 256, SIZE, np.uint8)
        for name in PICTURES
        for index in range(2)
    }
    make_ready(stand_in, recorder)
    began = time.time_ns()

    for (name, seconds), pixels in planes.items():
        stand_in.publish(name, pixels, seconds)
    stand_in.node.until(lambda: recorder.names().count('record') == len(planes), 'all are there')
    recorder.say()
    status, _ = recorder.end()

    assert status == 0
    assert recorder.names()[-1] == 'stopped'
    records = {(r['topic'], r['stamp_ns']): r for r in recorded(tmp_path)}
    assert len(records) == len(planes)
    for (name, seconds), pixels in planes.items():
        record = records[name, seconds * 10**9 + 7]
        assert np.array_equal(np.load(tmp_path / record['file']), pixels)
        assert record['frame_id'] == 'left_eye'
        assert began < record['received_ns'] < time.time_ns()


@pytest.mark.parametrize('recorder', [('--digests', '--pictures', 'mask')], indirect=True)
def test_recorder_stores_checksums_of_one_picture_alone_where_asked(
    stand_in: StandIn, recorder: Child, tmp_path: Path
) -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(SIZE)
    stand_in.state_id = 3
    stand_in.node.until(lambda: 'ready' in recorder.names(), 'the recorder is ready')
    listened = {name: one.get_subscription_count() for name, one in stand_in.pictures.items()}

    stand_in.publish('mask', pixels, FIRST_STAMP_S)
    stand_in.node.until(lambda: 'record' in recorder.names(), 'the mask is there')
    recorder.say()
    recorder.end()

    assert {name for name, count in listened.items() if count} == {'mask'}
    (record,) = recorded(tmp_path)
    assert record['digest'] == pixel_digest(pixels)
    assert [path.name for path in tmp_path.iterdir()] == ['records.jsonl']


def test_recorder_is_ready_when_the_node_is_active_and_stores_its_words(
    stand_in: StandIn, recorder: Child, tmp_path: Path
) -> None:
    stand_in.node.until(stand_in.status.get_subscription_count, 'the recorder has subscribed')
    stand_in.node.rest(0.4)
    while_inactive = recorder.names()
    make_ready(stand_in, recorder)

    stand_in.report(stand_in.status, 5, crf='off', fit_ms='2.5')
    stand_in.report(stand_in.diagnostics, 6, received='1')
    stand_in.node.until(lambda: recorder.names().count('record') == 2, 'both are there')
    recorder.say()
    recorder.end()

    assert while_inactive == []
    records = {r['topic']: r for r in recorded(tmp_path)}
    entry = {'level': 1, 'name': 'seg_node', 'message': 'well'}
    assert records['status']['stamp_ns'] == 5 * 10**9
    assert records['status']['entries'] == [{**entry, 'values': {'crf': 'off', 'fit_ms': '2.5'}}]
    assert records['diagnostics']['entries'] == [{**entry, 'values': {'received': '1'}}]
    told = next(e for e in recorder.events if e.get('topic') == 'diagnostics')
    assert told['entries'] == records['diagnostics']['entries']


def test_recorder_writes_everything_and_ends_when_its_parent_is_gone(
    stand_in: StandIn, recorder: Child, tmp_path: Path
) -> None:
    make_ready(stand_in, recorder)
    stand_in.publish('mask', np.zeros(SIZE, np.uint8), FIRST_STAMP_S)
    stand_in.node.until(lambda: 'record' in recorder.names(), 'the mask is there')

    recorder.abandon()
    status, _ = recorder.end()

    assert status == 0
    assert len(recorded(tmp_path)) == 1
