# SPDX-License-Identifier: Apache-2.0
"""What happens to a camera and its network in a day; after each, masks again within two seconds.

One node lives through all of it, so that what one fault leaves behind shows in the next test.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from endurance.conftest import MakeStage
    from endurance.stage import Stage

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SIZE = (90, 120)
CONNECTS = 50
GROWTH_MB = 8.0


@pytest.fixture(scope='module')
def running(make_stage: MakeStage) -> Stage:
    """Return a stage with a node that is active, and a camera."""
    stage = make_stage()
    stage.start_node()
    stage.start_camera(name='first', rate=30, size=SIZE)
    stage.until_active()
    stage.until_masks(10.0)
    return stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """Give the same, and check its counts after the test."""
    yield running
    running.check_counts()
    assert running.node.running


def test_killed_camera_is_replaced_by_another(stage: Stage) -> None:
    stage.camera.signal(signal.SIGKILL)
    stage.start_camera(name='second', rate=30, size=SIZE)

    stage.until_masks(10.0, camera='second')

    first = next(mask for mask in stage.consumer.heard.masks if mask.camera == 'second')
    assert first.came - stage.camera.ask()['began'] < 2.0


def test_second_camera_on_the_topic_does_no_harm(stage: Stage) -> None:
    own = stage.camera
    intruder = stage.start_camera(name='intruder', rate=20, size=(48, 64), encoding='mono8')
    stage.camera = own
    stage.until(lambda: intruder.ask()['sent'] > 5, 'the second camera sends')

    stage.until_masks(camera='intruder', count=1)
    stage.until_masks(camera='second', count=1)
    intruder.close()

    stage.until_masks(camera='second')


@pytest.mark.parametrize(
    'change',
    [
        {'size': (180, 240)},
        {'encoding': 'bgr8'},
        {'encoding': 'nv12'},
        {'size': (60, 500)},
        {'encoding': 'yuv422_yuy2', 'size': (720, 1280), 'rate': 10.0},
        {'encoding': 'mono8', 'size': (1, 1), 'rate': 100.0},
        {'encoding': 'bgra8', 'size': SIZE, 'rate': 30.0},
    ],
    ids=str,
)
def test_camera_changes_while_it_runs(change: dict[str, object], stage: Stage) -> None:
    from endurance.stage import AGAIN_S  # noqa: PLC0415  # needs ROS

    stage.camera.set(**change)

    wanted = {name: one for name, one in change.items() if name == 'size'}
    stage.until_masks(AGAIN_S, 3, **wanted)


@pytest.mark.parametrize('jump', [-3600.0, 86_400.0, 0.0])
def test_clock_of_the_camera_jumps(jump: float, stage: Stage) -> None:
    stage.camera.set(jump=jump)

    stage.until_masks()


@pytest.mark.parametrize('name', ['deactivated', 'disabled'])
def test_node_that_rested_accounts_for_every_frame(name: str, stage: Stage) -> None:
    from endurance.disturbances import DISTURBANCES  # noqa: PLC0415  # needs ROS

    for _ in range(5):
        DISTURBANCES[name](stage)


def test_subscribers_come_and_go(stage: Stage) -> None:
    from endurance.faults import churn  # noqa: PLC0415  # needs ROS

    before = stage.node.hold()

    churn(stage, CONNECTS)

    stage.until_masks()
    after = stage.node.hold()
    assert (after.files, after.threads) == (before.files, before.threads)


def test_storm_of_parameters_leaves_the_last_valid_ones(stage: Stage) -> None:
    from endurance.faults import parameter_storm, present_values  # noqa: PLC0415  # needs ROS

    expected = parameter_storm(stage, 60, seed=1)

    stage.until_masks()
    assert present_values(stage, tuple(expected)) == expected


@pytest.mark.slow
def test_a_thousand_subscribers_and_parameters_leave_nothing_behind(stage: Stage) -> None:
    from endurance.faults import churn, parameter_storm  # noqa: PLC0415  # needs ROS

    churn(stage, 50)
    before = stage.node.hold()

    for seed in range(10):
        churn(stage, 100)
        parameter_storm(stage, 100, seed)
        stage.until_masks()

    after = stage.node.hold()
    assert (after.files, after.threads) == (before.files, before.threads)
    assert after.rss_anon < before.rss_anon + GROWTH_MB
