# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself."""

from __future__ import annotations

import json
from pathlib import Path
import re
import time
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.ros.vitals.figures import clock_trouble
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]
TIMEOUT_S = 30.0


def said(rig: Rig) -> tuple[int, str, dict[str, str]]:
    """Return level, summary and values of the present diagnostics."""
    status = rig.node.diagnosis.message().status[0]
    values = {pair.key: pair.value for pair in status.values}
    return int.from_bytes(status.level, 'little'), status.message, values


def image_of(rig: Rig, age: float = 0.0) -> Any:
    """Return an image that is so old by the node's clock [s]."""
    from rclpy.duration import Duration  # noqa: PLC0415

    image = rig.image(IMAGE)
    image.header.stamp = (rig.node.get_clock().now() - Duration(seconds=age)).to_msg()
    return image


def test_diagnostics_are_published_in_every_state(make_rig: Callable[..., Rig]) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig = make_rig(autostart=False, diagnostics_period=0.1)
    heard: list[Any] = []
    rig.client.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 5)

    rig.until(lambda: heard, 'diagnostics arrive')

    status = heard[0].status[0]
    assert status.name.endswith('seg_node')
    assert 'unconfigured' in status.message


def test_diagnostics_name_engine_and_counts(rig: Rig) -> None:
    rig.listen(MASK)
    rig.answer(MASK, rig.send(image_of(rig)))
    rig.answer(MASK, rig.send(image_of(rig)))
    rig.until_processed(2)

    level, summary, values = said(rig)

    assert level == 0
    assert 'masks per second' in summary
    assert values['state'] == 'active'
    assert values['engine'] == 'onnxruntime'
    assert values['engine_reason'] == 'asked for by name'
    assert values['processed'] == '2'
    assert values['silence'] == ''
    assert values['watched'] == 'True'
    assert values['image_topic'] == f'{rig.namespace}/image'


def test_diagnostics_say_that_nobody_listens(rig: Rig) -> None:
    rig.send(rig.image(IMAGE))
    rig.until_dropped('unwatched')

    level, summary, values = said(rig)

    assert level == 1
    assert 'Nobody subscribes' in summary
    assert values['watched'] == 'False'
    assert values['dropped_unwatched'] == '1'


def test_diagnostics_say_that_no_camera_is_there(rig: Rig) -> None:
    rig.client.destroy_publisher(rig.camera)
    name = f'{rig.namespace}/image'
    rig.until(lambda: not rig.node.count_publishers(name), 'the camera is gone')

    _, summary, _ = said(rig)

    assert summary.startswith(f'There is no publisher on {name!r}.')


def test_diagnostics_are_an_error_while_frames_fail(rig: Rig) -> None:
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.until_dropped('bad_image')

    level, summary, values = said(rig)

    assert level == 2
    assert 'klingon8' in summary
    assert values['dropped_bad_image'] == '1'


def test_error_of_the_last_frame_is_over_once_nobody_waits_for_another(rig: Rig) -> None:
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.until_dropped('bad_image')
    assert said(rig)[0] == 2

    rig.stop_listening(MASK)
    rig.until(lambda: not rig.outputs.wanted(), 'the node sees that nobody listens')

    level, summary, values = said(rig)
    assert level == 1
    assert 'Nobody subscribes' in summary
    assert 'klingon8' in values['last_error']


def test_defect_of_the_diagnostics_does_not_end_the_node(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    asked: list[object] = []
    monkeypatch.setattr(
        'seg_node.ros.vitals.diagnosis.situation_of', lambda *_: asked.append(1 / 0)
    )
    monkeypatch.setattr(
        'seg_node.ros.vitals.lookout.QuietAlarm.look', lambda *_: asked.append(1 / 0)
    )
    rig = make_rig(diagnostics_period=0.1)
    rig.client.create_subscription(DiagnosticArray, '/diagnostics', asked.append, 5)
    rig.listen(MASK)

    for _ in range(3):
        rig.answer(MASK, rig.send(rig.image(IMAGE)))
        time.sleep(0.3)

    assert asked == []
    rig.answer(MASK, rig.send(rig.image(IMAGE)))


@pytest.fixture
def two_cameras(make_rig: Callable[..., Rig]) -> Rig:
    """An active node with the cameras front and left; the rig's camera is the front one."""
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.rig import CAMERA_QOS  # noqa: PLC0415

    rig = make_rig(cameras=['front', 'left'])
    rig.camera = rig.client.create_publisher(Image, 'front/image', CAMERA_QOS)
    return rig


def test_each_of_several_cameras_has_a_status_beside_that_of_the_node(two_cameras: Rig) -> None:
    rig = two_cameras
    rig.listen('front/segmentation/mask')
    rig.send(image_of(rig))
    rig.until_processed(1)

    whole, front, left = rig.node.diagnosis.message().status

    name = f'{rig.namespace[1:]}/seg_node'
    assert [one.name for one in (whole, front, left)] == [name, f'{name}: front', f'{name}: left']
    assert [one.level for one in (whole, front, left)] == [b'\x01', b'\x00', b'\x01']
    assert whole.message == '1 of 2 cameras are well; look at left'
    assert f"There is no publisher on '{rig.namespace}/left/image'" in left.message
    values = {pair.key: pair.value for pair in front.values}
    assert values['processed'] == '1'
    assert values['image_topic'] == f'{rig.namespace}/front/image'
    assert 'engine' not in values
    assert {pair.key: pair.value for pair in whole.values}['cameras'] == 'front, left'


def test_status_of_a_frame_names_its_camera(two_cameras: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    two_cameras.listen('front/segmentation/status', DiagnosticArray)

    answer = two_cameras.answer(
        'front/segmentation/status', two_cameras.send(two_cameras.image(IMAGE))
    )

    assert answer.status[0].name == 'seg_node: front frame'


def test_snapshot_has_a_folder_for_each_camera_that_sent_an_image(
    two_cameras: Rig, tmp_path: Path
) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415
    from std_srvs.srv import Trigger  # noqa: PLC0415

    rig = two_cameras
    rig.node.set_parameters([Parameter('snapshot_dir', value=str(tmp_path))])
    rig.send(rig.image(IMAGE))
    rig.until_received(1)

    folder = Path(rig.call(Trigger, 'seg_node/save_snapshot', Trigger.Request()).message)

    facts = json.loads((folder / 'snapshot.json').read_text(encoding='utf-8'))
    assert list(facts['cameras']) == ['front']
    assert facts['cameras']['front']['message']['frame_id'] == 'front'
    assert [one['name'][-4:] for one in facts['diagnostics']] == ['node', 'ront', 'left']
    assert (folder / 'front' / 'mask.png').exists()
    assert not (folder / 'left').exists()


def test_diagnostics_have_age_and_percentiles_of_each_stage(rig: Rig) -> None:
    rig.listen(MASK)
    for count in range(1, 4):
        rig.send(image_of(rig))
        rig.until_processed(count)

    _, _, values = said(rig)

    assert 0.0 < float(values['age_s']) < TIMEOUT_S
    stages = ('wait', 'decode', 'fit', 'infer', 'finish', 'publish', 'arrival_to_publish')
    for stage in (*stages, 'stamp_to_publish'):
        p50, p95, p99 = (float(values[f'{stage}_p{percent}_ms']) for percent in (50, 95, 99))
        assert 0.0 <= p50 <= p95 <= p99
    assert float(values['stamp_to_publish_p50_ms']) >= float(values['arrival_to_publish_p50_ms'])


def test_image_without_a_stamp_has_no_age(rig: Rig) -> None:
    rig.listen(MASK)
    image = rig.image(IMAGE)
    image.header.stamp.sec = image.header.stamp.nanosec = 0
    rig.answer(MASK, rig.send(image))
    rig.until_processed(1)

    level, summary, values = said(rig)

    assert 'age_s' not in values
    assert 'stamp_to_publish_p50_ms' not in values
    assert (level, 'stamps' in summary) == (0, False)


@pytest.mark.parametrize(('age', 'words'), [(3600.0, '3600 s behind'), (-60.0, '60 s ahead of')])
def test_stamps_far_from_the_clock_of_the_node_are_a_warning(
    age: float, words: str, rig: Rig
) -> None:
    rig.listen(MASK)
    rig.answer(MASK, rig.send(image_of(rig, age)))
    rig.until_processed(1)

    level, summary, values = said(rig)
    assert level == 1
    assert f"masks per second; stamps are {words} this node's clock: " in summary
    assert values['silence'] == ''

    rig.answer(MASK, rig.send(image_of(rig)))
    rig.until_processed(2)

    level, summary, _ = said(rig)
    assert (level, summary.endswith('masks per second')) == (0, True)


@pytest.mark.parametrize(
    ('age', 'max_age', 'expected'),
    [
        (None, 0.0, ''),
        (5.0, 0.0, ''),
        (-5.0, 0.0, ''),
        (5.5, 0.0, 'behind'),
        (-5.5, 0.0, 'ahead of'),
        (59.0, 60.0, ''),
        (-5.5, 60.0, 'ahead of'),
    ],
)
def test_age_that_max_age_allows_is_no_trouble_and_the_future_always_is(
    age: float | None, max_age: float, expected: str
) -> None:
    words = clock_trouble(age, max_age)

    assert bool(words) == bool(expected)
    assert expected in words


def test_page_has_the_sentence_on_stamps() -> None:
    page = Path(__file__).parents[2] / 'docs' / 'diagnostics.md'

    assert clock_trouble(3600.0, 0.0) in page.read_text(encoding='utf-8').splitlines()


def explained(key: str) -> bool:
    """Say whether the page has a key, literally or by its pattern."""
    page = Path(__file__).parents[2] / 'docs' / 'diagnostics.md'
    prose = re.sub('(?ms)^```.*?^```', '', page.read_text(encoding='utf-8'))
    known = set(re.findall('`([^`]+)`', prose))
    stages = re.fullmatch(r'(?:last_(.+)|(.+)_p(?:50|95|99))_ms', key)
    if stages is not None:
        return bool({stages[1], stages[2]} & known)
    return key in known or key.startswith('dropped_')


def test_every_key_is_explained_on_the_page(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(crf__enabled=True, crf__min_uncertain_fraction=0.0)
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    rig.until_processed(1)

    _, _, values = said(rig)

    assert [key for key in values if not explained(key)] == []
    assert {'crf_cost_ms', 'crf_backend', 'watchdog', 'infer_p99_ms'} <= set(values)
