# SPDX-License-Identifier: Apache-2.0
"""What may happen in the middle of a soak; each returns how long masks took to come again [s]."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from std_srvs.srv import SetBool, Trigger

from endurance.faults import churn, NODE, parameter_storm

if TYPE_CHECKING:
    from collections.abc import Callable

    from endurance.stage import Stage

__all__ = ['DISTURBANCES']

SMALL = (180, 320)


def camera_killed(stage: Stage) -> float:
    """Kill the camera and start another one like it; its own start does not count."""
    rate, size = stage.camera.rate, stage.consumer.heard.masks[-1].size
    stage.camera.signal(signal.SIGKILL)
    stage.start_camera(name=f'camera{len(stage.processes)}', rate=rate, size=size)
    stage.camera.rate = rate
    stage.until(lambda: stage.camera.ask()['began'], 'the other camera sends')
    return stage.until_masks()


def image_changed(stage: Stage) -> float:
    """Change size, encoding and rate, and change them back."""
    size, rate = stage.consumer.heard.masks[-1].size, stage.camera.rate
    stage.camera.set(size=SMALL, encoding='bgr8', rate=rate / 2)
    took = stage.until_masks(size=SMALL)
    stage.camera.set(size=size, encoding='rgb8', rate=rate)
    return max(took, stage.until_masks(size=size))


def clock_jumped(stage: Stage) -> float:
    """Let the camera's clock jump an hour back, and to its place again."""
    stage.camera.set(jump=-3600.0)
    took = stage.until_masks()
    stage.camera.set(jump=0.0)
    return max(took, stage.until_masks())


def subscribers_came_and_went(stage: Stage) -> float:
    """Subscribe and unsubscribe fifty times."""
    churn(stage, 50)
    return stage.until_masks()


def parameters_stormed(stage: Stage) -> float:
    """Set parameters fifty times, valid and not."""
    parameter_storm(stage, 50, seed=len(stage.consumer.heard.masks))
    return stage.until_masks()


def deactivated(stage: Stage) -> float:
    """Deactivate the node and activate it."""
    for step in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=step))
        assert stage.consumer.call(ChangeState, f'{NODE}/change_state', request).success
    return stage.until_masks()


def disabled(stage: Stage) -> float:
    """Disable the node and enable it."""
    for data in (False, True):
        assert stage.consumer.call(SetBool, f'{NODE}/enable', SetBool.Request(data=data)).success
    return stage.until_masks()


def snapshot_taken(stage: Stage) -> float:
    """Save a snapshot."""
    answer = stage.consumer.call(Trigger, f'{NODE}/save_snapshot', Trigger.Request())
    assert answer.success, answer.message
    return stage.until_masks()


DISTURBANCES: dict[str, Callable[[Stage], float]] = {
    one.__name__.replace('_', ' '): one
    for one in (
        camera_killed,
        image_changed,
        clock_jumped,
        subscribers_came_and_went,
        parameters_stormed,
        deactivated,
        disabled,
        snapshot_taken,
    )
}
