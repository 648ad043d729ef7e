# SPDX-License-Identifier: Apache-2.0
"""Transitions, asked for by a manager over services."""

from __future__ import annotations

from dataclasses import replace
import json
import shutil
from threading import Event
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.taxonomy import Taxonomy
from tiny import scene, TAXONOMY, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]


def change(rig: Rig, label: str) -> bool:
    """Ask for a transition; return whether it succeeded."""
    from lifecycle_msgs.msg import Transition  # noqa: PLC0415
    from lifecycle_msgs.srv import ChangeState  # noqa: PLC0415

    known = {
        'configure': Transition.TRANSITION_CONFIGURE,
        'activate': Transition.TRANSITION_ACTIVATE,
        'deactivate': Transition.TRANSITION_DEACTIVATE,
        'cleanup': Transition.TRANSITION_CLEANUP,
    }
    request = ChangeState.Request(transition=Transition(id=known[label]))
    return bool(rig.call(ChangeState, 'seg_node/change_state', request).success)


def state(rig: Rig) -> str:
    """Return the state that ROS knows."""
    from lifecycle_msgs.srv import GetState  # noqa: PLC0415

    answer = rig.call(GetState, 'seg_node/get_state', GetState.Request())
    return str(answer.current_state.label)


def outputs_of(rig: Rig) -> set[str]:
    """Return the node's output topics without its namespace."""
    names = (one.topic_name for one in rig.node.publishers)
    begin = f'{rig.namespace}/segmentation'
    return {name.removeprefix(f'{rig.namespace}/') for name in names if name.startswith(begin)}


def waiting(rig: Rig) -> int:
    """Return how many things of the node an executor would look after."""
    node = rig.node
    return sum(len(list(some)) for some in (node.subscriptions, node.waitables, node.publishers))


def masks_come_out(rig: Rig) -> None:
    """Send a frame and wait for its mask."""
    rig.answer(MASK, rig.send(rig.image(IMAGE)))


def test_node_waits_for_a_manager_without_autostart(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(autostart=False)

    assert state(rig) == 'unconfigured'
    assert change(rig, 'configure')
    assert rig.camera.get_subscription_count() == 0
    assert change(rig, 'activate')
    assert state(rig) == 'active'
    rig.listen(MASK)
    masks_come_out(rig)


def test_node_goes_down_and_up_again_twice(rig: Rig) -> None:
    rig.listen(MASK)
    masks_come_out(rig)
    many = waiting(rig)
    listeners = rig.node._listeners
    assert listeners is not None
    handlers = listeners._handlers
    heard = len(handlers)

    for _ in range(2):
        assert all(change(rig, step) for step in ('deactivate', 'cleanup'))
        assert state(rig) == 'unconfigured'
        assert not handlers
        rig.until(lambda: not rig.camera.get_subscription_count(), 'the camera is left')
        assert rig.runner is None
        assert all(change(rig, step) for step in ('configure', 'activate'))
        rig.until(rig.outputs.wanted, 'the node sees its listener again')
        masks_come_out(rig)
        assert waiting(rig) == many
        assert len(handlers) == heard > 10


def test_active_node_can_be_destroyed_as_it_is(rig: Rig) -> None:
    rig.listen(MASK)
    masks_come_out(rig)
    rig._closing.set_result(None)
    rig._thread.join()

    rig.node.destroy_node()

    assert not list(rig.node.publishers)
    assert not list(rig.node.subscriptions)


@pytest.mark.parametrize('step', ['configure', 'activate', 'cleanup'])
def test_transition_that_an_active_node_cannot_make_does_no_harm(step: str, rig: Rig) -> None:
    rig.listen(MASK)

    assert not change(rig, step)

    assert state(rig) == 'active'
    masks_come_out(rig)


def test_each_transition_asked_for_twice_does_no_harm(rig: Rig) -> None:
    rig.listen(MASK)
    masks_come_out(rig)
    ends = {'deactivate': 'inactive', 'cleanup': 'unconfigured', 'configure': 'inactive'}

    for step, goal in ends.items():
        assert change(rig, step)
        assert not change(rig, step)
        assert state(rig) == rig.node.state == goal

    assert change(rig, 'activate')
    rig.until(rig.outputs.wanted, 'the node sees its listener again')
    masks_come_out(rig)
    assert rig.node.health.report().last_error == ''


def test_inactive_node_publishes_nothing(rig: Rig) -> None:
    heard = rig.listen(MASK)
    masks_come_out(rig)

    assert change(rig, 'deactivate')
    rig.until(lambda: not rig.camera.get_subscription_count(), 'the camera is left')
    rig.camera.publish(rig.image(IMAGE))
    assert change(rig, 'activate')
    masks_come_out(rig)

    assert len(heard) == 2


def test_damaged_bundle_fails_configure_with_its_reason(
    bundle_folder: Path, tmp_path: Path, make_rig: Callable[..., Rig]
) -> None:
    damaged = tmp_path / 'damaged'
    shutil.copytree(bundle_folder, damaged)
    with (damaged / 'model.onnx').open('ab') as stream:
        stream.write(b'!')
    rig = make_rig(autostart=False, bundle=str(damaged))

    assert not change(rig, 'configure')

    assert state(rig) == 'unconfigured'
    assert "'model.onnx' of bundle" in rig.node.health.report().last_error


def test_defect_in_a_transition_is_reported_and_can_be_tried_again(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.ros import node as module  # noqa: PLC0415

    rig = make_rig(autostart=False)
    monkeypatch.setattr(module, 'ModelRunner', lambda *_: 1 / 0)

    assert not change(rig, 'configure')

    assert state(rig) == rig.node.state == 'unconfigured'
    assert 'ZeroDivisionError' in rig.node.health.report().last_error
    monkeypatch.undo()
    assert change(rig, 'configure')
    assert rig.node.health.report().failing == ''
    assert 'ZeroDivisionError' in rig.node.health.report().last_error


def test_another_bundle_needs_no_restart(
    tmp_path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rclpy.parameter import Parameter  # noqa: PLC0415
    from std_msgs.msg import String  # noqa: PLC0415

    names = ('sky', 'rails', 'Mud 2')
    classes = tuple(
        replace(one, name=name) for one, name in zip(TAXONOMY.classes, names, strict=True)
    )
    monkeypatch.setattr('tiny.TAXONOMY', Taxonomy('other3', classes))
    other = tiny_bundle(tmp_path / 'other', (64, 96), name='other')
    tables = rig.listen('segmentation/classes', String, latched=True)
    rig.until(lambda: tables, 'the classes of the first bundle')
    assert all(change(rig, step) for step in ('deactivate', 'cleanup'))
    assert not outputs_of(rig)

    rig.node.set_parameters([Parameter('bundle', value=str(other.path))])

    assert all(change(rig, step) for step in ('configure', 'activate'))
    assert rig.runner.bundle.manifest.name == 'other'
    rig.until(lambda: len(tables) == 2, 'the classes of the second bundle')
    said = [[one['name'] for one in json.loads(table.data)['classes']] for table in tables]
    assert said == [list(TAXONOMY.names), list(names)]
    planes = {name for name in outputs_of(rig) if '/confidence/' in name}
    assert planes == {f'segmentation/confidence/{name}' for name in ('sky', 'rails', 'mud_2')}
    rig.listen(MASK)
    masks_come_out(rig)


def test_class_names_that_make_the_same_topic_fail_configure(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.interface.topics.topic_token', lambda _: 'same')
    rig = make_rig(autostart=False)

    assert not change(rig, 'configure')

    assert 'become the same topic name' in rig.node.health.report().last_error
    assert rig.runner is None
    assert not outputs_of(rig)


def test_labels_of_runs_that_do_not_fit_leave_no_topic_behind(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(autostart=False, mask_rle__enabled=True, mask_rle__labels='nothing=WALL')

    assert not change(rig, 'configure')

    assert not outputs_of(rig)


def test_topic_that_cannot_be_made_takes_those_before_it_with_it(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(autostart=False)
    make = rig.node.create_publisher

    def failing(kind: type, topic: str, *given: Any, **named: Any) -> Any:
        if topic.endswith('segmentation/classes'):
            msg = 'no more topics'
            raise RuntimeError(msg)
        return make(kind, topic, *given, **named)

    monkeypatch.setattr(rig.node, 'create_publisher', failing)

    assert not change(rig, 'configure')

    assert 'no more topics' in rig.node.health.report().last_error
    assert not outputs_of(rig)


def test_clean_up_is_refused_while_the_model_is_in_use_and_changes_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.ros.cameras.model_runner.CLOSE_TIMEOUT_S', 0.1)
    rig.listen(MASK)
    assert change(rig, 'deactivate')

    with rig.runner._lock:
        assert not change(rig, 'cleanup')

    assert 'still at work' in rig.node.health.report().last_error
    assert state(rig) == rig.node.state == 'inactive'
    assert MASK in outputs_of(rig)
    assert change(rig, 'activate')
    masks_come_out(rig)


@pytest.fixture
def hung(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Rig, Event]]:
    """A node whose inference hangs until the event is set, and that does not wait long for it."""
    monkeypatch.setattr('seg_node.ros.node.STOP_TIMEOUT_S', 0.1)
    monkeypatch.setattr('seg_node.ros.node.RELEASE_TIMEOUT_S', 0.1)
    begun, may_go_on = Event(), Event()
    infer = rig.runner.engine._infer

    def hang(batch: Any) -> Any:
        begun.set()
        may_go_on.wait(30.0)
        return infer(batch)

    rig.runner.engine._infer = hang
    rig.listen(MASK)
    rig.send(rig.image(IMAGE))
    assert begun.wait(30.0)
    yield rig, may_go_on
    may_go_on.set()


def test_hanging_inference_does_not_block_a_deactivation_for_ever(
    hung: tuple[Rig, Event],
) -> None:
    rig, _ = hung

    assert not change(rig, 'deactivate')

    assert 'has not ended within 0.1 s' in rig.node.health.report().last_error
    assert state(rig) == rig.node.state == 'finalized'


def test_worker_that_hangs_is_not_forgotten_and_keeps_its_topics(
    hung: tuple[Rig, Event],
) -> None:
    rig, may_go_on = hung
    rig.send(rig.image(IMAGE))
    rig.until_received(2)
    assert not change(rig, 'deactivate')

    assert not rig.node.stop(0.0)

    assert rig.dropped('inactive') == 1
    assert MASK in outputs_of(rig)
    may_go_on.set()
    assert rig.node.stop(30.0)
    rig.until_processed(1)
    assert rig.node.free_model(0.0)
    assert rig.runner is None


def test_calibration_is_forgotten_with_the_subscription(rig: Rig) -> None:
    from ros.rig import CAMERA_QOS, CameraInfo  # noqa: PLC0415

    camera = rig.node.cameras[0]
    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    rig.send(CameraInfo(width=3), infos)
    rig.until(lambda: camera.newest_info is not None, 'the node has the camera info')

    assert change(rig, 'deactivate')

    assert camera.newest_info is None


def test_camera_whose_second_subscription_fails_leaves_no_first_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change(rig, 'deactivate')
    subscribe = rig.node.create_subscription

    def failing(kind: Any, topic: str, *given: Any, **named: Any) -> Any:
        if topic.endswith('camera_info'):
            msg = 'no more topics'
            raise RuntimeError(msg)
        return subscribe(kind, topic, *given, **named)

    monkeypatch.setattr(rig.node, 'create_subscription', failing)

    assert not change(rig, 'activate')

    assert 'no more topics' in rig.node.health.report().last_error
    names = {one.topic_name for one in rig.node.subscriptions}
    assert f'{rig.namespace}/image' not in names
