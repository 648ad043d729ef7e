# SPDX-License-Identifier: Apache-2.0
"""``qos_overrides`` on every endpoint of the node."""

from __future__ import annotations

import os
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.errors import ParameterError
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

AREA = 'segmentation/drivable_area'
NOT_OURS = ('/rosout', '/parameter_events', '/transition_event', '/clock')
"""Endpoints that rclpy makes by itself."""
POLICIES = {
    'history': 'keep_all',
    'depth': 7,
    'reliability': 'best_effort',
    'durability': 'transient_local',
    'deadline': 250_000_000,
    'lifespan': 500_000_000,
}
"""Values that no endpoint of ours has by itself, in the order in which rclpy applies them."""
CAMERAS = [[''], ['front', 'left']]


def endpoints(rig: Rig) -> dict[str, Any]:
    """Return our publishers and subscriptions by the beginning of their parameters."""
    kinds: dict[str, Any] = {
        'publisher': rig.node.publishers,
        'subscription': rig.node.subscriptions,
    }
    return {
        f'qos_overrides.{one.topic_name}.{kind}': one
        for kind, those in kinds.items()
        for one in those
        if not one.topic_name.endswith(NOT_OURS)
    }


def policies_of(name: str) -> dict[str, Any]:
    """Return what can be overridden at an endpoint."""
    return {
        policy: value
        for policy, value in POLICIES.items()
        if policy != 'lifespan' or name.endswith('publisher')
    }


def value_of(profile: Any, policy: str) -> Any:
    """Return a policy of a profile as its parameter is written."""
    value = getattr(profile, policy)
    if policy in {'deadline', 'lifespan'}:
        return value.nanoseconds
    return value if policy == 'depth' else value.name.lower()


@pytest.mark.parametrize('cameras', CAMERAS, ids=['one', 'two'])
def test_every_policy_of_every_endpoint_is_a_parameter(
    cameras: list[str], make_rig: Callable[..., Rig]
) -> None:
    rig = make_rig(cameras=cameras)

    found = endpoints(rig)

    images = [name for name in found if name.endswith('/image.subscription')]
    assert len(images) == len(cameras)
    assert len(found) > 15 * len(cameras)
    missing = [
        f'{name}.{policy}'
        for name in found
        for policy in policies_of(name)
        if not rig.node.has_parameter(f'{name}.{policy}')
    ]
    assert not missing


@pytest.mark.filterwarnings('ignore:Deprecated in favor:DeprecationWarning')  # rclpy's own
@pytest.mark.parametrize('cameras', CAMERAS, ids=['one', 'two'])
def test_overridden_policies_are_those_of_the_endpoint(
    cameras: list[str], make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name in endpoints(make_rig(cameras=cameras)) if '/diagnostics' not in name]
    from ros import rig as module  # noqa: PLC0415  # needs ROS

    number = next(module.NUMBERS)
    monkeypatch.setattr(module, 'NUMBERS', iter([number]))
    here = f'/t{os.getpid()}_{number}'
    there = names[0].split('/')[1]
    asked = {
        f'{name.replace("/" + there, here)}.{policy}': value
        for name in names
        for policy, value in policies_of(name).items()
    }

    rig = make_rig(cameras=cameras, **asked)

    found = {name: one for name, one in endpoints(rig).items() if '/diagnostics' not in name}
    wrong = {
        (name, policy): value_of(one.qos_profile, policy)
        for name, one in found.items()
        for policy, value in policies_of(name).items()
        if value_of(one.qos_profile, policy) != value
    }
    assert len(found) == len(names)
    assert not wrong


def test_overridden_policies_are_what_others_see(make_rig: Callable[..., Rig]) -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy  # noqa: PLC0415

    begin = 'qos_overrides./diagnostics.publisher.'
    rig = make_rig(
        autostart=False,
        **{begin + 'reliability': 'best_effort', begin + 'durability': 'transient_local'},
    )

    (found,) = rig.node.get_publishers_info_by_topic('/diagnostics')

    assert found.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert found.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_subscriber_that_asks_for_a_deadline_is_served_once_the_output_offers_one(
    make_rig: Callable[..., Rig],
) -> None:
    """By default the deadline is infinite, which DDS calls incompatible with any other."""
    from rclpy.duration import Duration  # noqa: PLC0415
    from rclpy.qos import QoSProfile  # noqa: PLC0415
    from sensor_msgs.msg import Image  # noqa: PLC0415

    rig = make_rig(autostart=False)
    number = int(rig.namespace.rpartition('_')[2]) + 1
    topic = f'/t{os.getpid()}_{number}/{AREA}'
    rig = make_rig(**{f'qos_overrides.{topic}.publisher.deadline': 200_000_000})
    heard: list[Image] = []
    asked = QoSProfile(depth=1, deadline=Duration(seconds=0.5))
    rig.client.create_subscription(Image, AREA, heard.append, asked)
    rig.until(rig.outputs.wanted, 'the node sees the listener')

    rig.send(rig.image(scene((60, 80))[0]))

    rig.until(lambda: heard, 'an area')
    assert np.frombuffer(heard[0].data, np.uint8).size == 60 * 80


@pytest.mark.parametrize(
    ('policy', 'value', 'words'),
    [
        ('reliability', 'relable', "'relable'; expected one of best_available, best_effort"),
        ('history', 'keep', "'keep'; expected one of keep_all, keep_last"),
        ('durability', 1, '1; expected one of best_available'),
        ('depth', -1, 'is -1; expected messages, a whole number from 0 on'),
        ('deadline', 0.2, 'is 0.2; expected nanoseconds'),
        ('relability', 'reliable', "Unknown policy 'relability'; expected one of deadline, depth"),
    ],
)
def test_node_does_not_start_with_an_override_that_means_nothing(
    policy: str, value: object, words: str, make_rig: Callable[..., Rig]
) -> None:
    name = f'qos_overrides./somewhere/image.subscription.{policy}'

    with pytest.raises(ParameterError) as caught:
        make_rig(**{name: value})

    assert name in str(caught.value)
    assert words in str(caught.value)


def test_override_of_an_endpoint_that_is_not_there_is_named_in_a_warning(
    make_rig: Callable[..., Rig], capfd: pytest.CaptureFixture[str]
) -> None:
    name = 'qos_overrides./nowhere.subscription.depth'

    rig = make_rig(**{name: 5})

    warning = f"Ignored: parameter '{name}'; no endpoint of the node reads it."
    assert capfd.readouterr().err.count(warning) == 1
    assert rig.node.state == 'active'


def test_overrides_of_endpoints_that_are_there_are_not_warned_of(
    make_rig: Callable[..., Rig], capfd: pytest.CaptureFixture[str]
) -> None:
    make_rig(**{'qos_overrides./diagnostics.publisher.depth': 5})

    assert 'no endpoint' not in capfd.readouterr().err
