# SPDX-License-Identifier: Apache-2.0
"""Parameters on the running node."""

from __future__ import annotations

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
STATUS = 'segmentation/status'
IMAGE = scene((60, 80))[0]


def set_parameters(rig: Rig, **values: Any) -> Any:
    """Set several parameters as one, by service as ``ros2 param`` does; return the result."""
    from rcl_interfaces.srv import SetParametersAtomically  # noqa: PLC0415
    from rclpy.parameter import Parameter  # noqa: PLC0415

    request = SetParametersAtomically.Request(
        parameters=[
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
    )
    name = 'seg_node/set_parameters_atomically'
    return rig.call(SetParametersAtomically, name, request).result


def drivable_share(rig: Rig) -> float:
    """Send the same frame once more and return how much of it is drivable."""
    from ros.rig import pixels_of  # noqa: PLC0415

    answer = rig.answer(AREA, rig.send(rig.image(IMAGE)))
    return float(np.mean(pixels_of(answer) == 255))


def test_threshold_takes_effect_with_the_next_frame(rig: Rig) -> None:
    rig.listen(AREA)
    before = drivable_share(rig)

    result = set_parameters(rig, drivable__max_entropy=0.0)

    assert result.successful
    assert before > 0.1
    assert drivable_share(rig) < before


def test_set_is_refused_as_a_whole(rig: Rig) -> None:
    result = set_parameters(rig, overlay_alpha=0.9, crf__preset='classical')

    assert not result.successful
    assert "'classical'; expected one of auto" in result.reason
    assert rig.node.parameters.overlay_alpha == 0.5


def test_type_that_does_not_fit_is_refused_in_plain_words(rig: Rig) -> None:
    result = set_parameters(rig, max_age='soon')

    assert "Parameter 'max_age' is 'soon', a text; expected a number" in result.reason
    assert not result.successful


def test_value_out_of_bounds_is_refused_with_the_bounds(rig: Rig) -> None:
    result = set_parameters(rig, max_age=99.0)

    assert not result.successful
    assert '99.0' in result.reason
    assert '60' in result.reason


def test_whole_number_is_taken_for_a_real_one(rig: Rig) -> None:
    result = set_parameters(rig, max_age=2)

    assert result.successful
    assert rig.node.parameters.max_age == 2.0


def test_model_cannot_change_while_it_runs(rig: Rig) -> None:
    result = set_parameters(rig, bundle='procedural')

    assert not result.successful
    assert "'bundle' is read when the node is configured" in result.reason
    assert 'clean up first' in result.reason


def test_autostart_cannot_change_after_the_start(rig: Rig) -> None:
    result = set_parameters(rig, autostart=False)

    assert not result.successful
    assert 'read-only' in result.reason


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('threads', 100, "'threads' is 100; expected 1 to 64"),
        ('engine', 'cuda', "'engine': 'cuda'; expected one of auto"),
        ('max_age', 'soon', 'expected a number'),
        ('autostart', 1, 'expected a boolean'),
    ],
)
def test_node_does_not_start_with_a_wrong_value(
    name: str, value: object, words: str, make_rig: Callable[..., Rig]
) -> None:
    with pytest.raises(ParameterError) as caught:
        make_rig(**{name: value})

    assert words in str(caught.value)


def test_change_arrives_where_ros_has_no_post_set_callback(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rclpy.node import Node  # noqa: PLC0415

    monkeypatch.delattr(Node, 'add_post_set_parameters_callback')  # as in Humble
    rig = make_rig()
    rig.listen(AREA)
    before = drivable_share(rig)

    set_parameters(rig, drivable__max_entropy=0.0)

    assert drivable_share(rig) < before


def test_descriptors_show_words_unit_and_bounds(rig: Rig) -> None:
    max_age = rig.node.describe_parameter('max_age')
    threads = rig.node.describe_parameter('threads')
    engine = rig.node.describe_parameter('engine')

    assert max_age.description.endswith('[s]')
    assert max_age.floating_point_range[0].to_value == 60.0
    assert threads.integer_range[0].from_value == 1
    assert 'onnxruntime' in engine.additional_constraints
    assert rig.node.describe_parameter('autostart').read_only


def crf_decision(rig: Rig) -> str:
    """Send a frame and return what its status says about the CRF."""
    answer = rig.answer(STATUS, rig.send(rig.image(IMAGE)))
    return next(str(pair.value) for pair in answer.status[0].values if pair.key == 'crf')


@pytest.mark.needs_crf
def test_crf_follows_its_parameters_from_frame_to_frame(rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(STATUS, DiagnosticArray)
    decisions = [crf_decision(rig)]

    for values in (
        {'crf__enabled': True, 'crf__preset': 'classic', 'crf__min_uncertain_fraction': 0.0},
        {'crf__entropy_threshold': 1.0, 'crf__min_uncertain_fraction': 0.5},
        {'crf__min_uncertain_fraction': 0.0, 'latency_budget': 1e-6},
    ):
        assert set_parameters(rig, **values).successful
        decisions.append(crf_decision(rig))

    assert decisions == ['off', 'ran', 'certain', 'no_time']


@pytest.mark.parametrize('topic', ['image', 'segmentation/mask', 'segmentation/classes'])
def test_quality_of_service_can_be_overridden(topic: str, make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    kind = 'subscription' if topic == 'image' else 'publisher'
    name = f'qos_overrides.{rig.namespace}/{topic}.{kind}.reliability'

    assert rig.node.get_parameter(name).value == (
        'best_effort' if topic == 'image' else 'reliable'
    )


def test_overridden_quality_of_service_is_used(make_rig: Callable[..., Rig]) -> None:
    from rclpy.qos import ReliabilityPolicy  # noqa: PLC0415

    name = 'qos_overrides./diagnostics.publisher.reliability'
    rig = make_rig(autostart=False, **{name: 'best_effort'})

    found = rig.node.get_publishers_info_by_topic('/diagnostics')

    assert [one.qos_profile.reliability for one in found] == [ReliabilityPolicy.BEST_EFFORT]
