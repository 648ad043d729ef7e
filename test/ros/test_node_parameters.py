# SPDX-License-Identifier: Apache-2.0
"""Parameters on the running node."""

from __future__ import annotations

from functools import partial
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
    rig.until(lambda: rig.node.parameters.drivable_max_entropy == 0.0, 'it is taken over')

    assert drivable_share(rig) < before


def test_half_a_set_is_not_seen_where_ros_has_no_post_set_callback(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker asks while rclpy, in another thread, writes one value after the other."""
    from rclpy.node import Node  # noqa: PLC0415
    from rclpy.parameter import Parameter  # noqa: PLC0415

    monkeypatch.delattr(Node, 'add_post_set_parameters_callback')  # as in Humble
    rig = make_rig(autostart=False)
    before = rig.node.parameters

    name = 'drivable.min_probability'
    monkeypatch.setitem(rig.node._parameters, name, Parameter(name, value=0.9))

    assert rig.node.parameters is before


def test_descriptors_show_words_unit_and_bounds(rig: Rig) -> None:
    max_age = rig.node.describe_parameter('max_age')
    threads = rig.node.describe_parameter('threads')
    engine = rig.node.describe_parameter('engine')

    assert max_age.description.endswith('[s]')
    assert max_age.floating_point_range[0].to_value == 60.0
    assert threads.integer_range[0].from_value == 1
    assert 'onnxruntime' in engine.additional_constraints
    assert rig.node.describe_parameter('autostart').read_only


def test_every_descriptor_says_what_the_table_says(rig: Rig) -> None:
    from seg_node.ros.parameters.table import PARAMETERS  # noqa: PLC0415

    for spec in PARAMETERS:
        shown = rig.node.describe_parameter(spec.name)
        ranges = [*shown.integer_range, *shown.floating_point_range]
        assert shown.description == spec.words + (f' [{spec.unit}]' if spec.unit else '')
        assert [(one.from_value, one.to_value) for one in ranges] == (
            [spec.bounds] if spec.bounds else []
        ), spec.name
        assert all(choice in shown.additional_constraints for choice in spec.choices)
        assert shown.read_only == (spec.change == 'start')


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


def class_topics_of(rig: Rig) -> list[str]:
    """Return the classes that have a confidence topic, as the graph has them."""
    begin = f'{rig.namespace}/segmentation/confidence/'
    names = (name for name, _ in rig.client.get_topic_names_and_types())
    return sorted(name.removeprefix(begin) for name in names if name.startswith(begin))


def has_class_topics(rig: Rig, expected: list[str]) -> bool:
    return class_topics_of(rig) == expected


def test_class_confidence_topics_come_and_go_between_frames(rig: Rig) -> None:
    every = ['green_road', 'lava', 'water']
    rig.until(lambda: class_topics_of(rig) == every, 'topics of all classes')

    for value, expected in (
        (['water', 'lava'], ['lava', 'water']),
        ('none', []),
        (['green road'], ['green_road']),
        (['all'], every),
    ):
        assert set_parameters(rig, outputs__class_confidence=value).successful
        rig.until(partial(has_class_topics, rig, expected), f'{expected}')


def test_class_confidence_is_published_for_a_class_that_is_chosen_later(
    make_rig: Callable[..., Rig],
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(outputs__class_confidence=['lava'])
    assert set_parameters(rig, outputs__class_confidence=['green road']).successful
    topic = 'segmentation/confidence/green_road'
    rig.listen(topic)

    answer = rig.answer(topic, rig.send(rig.image(IMAGE)))

    assert pixels_of(answer).max() > 200


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        (
            'outputs__class_confidence',
            ['road'],
            "class of taxonomy 'tiny3' 'road'; expected one of green road, lava, water",
        ),
        (
            'outputs__class_confidence',
            ['all', 'lava'],
            "expected names of classes, or one of ['all']",
        ),
        ('outputs__class_confidence', 3, 'expected a list of texts'),
        (
            'drivable__classes',
            ['road'],
            "class of taxonomy 'tiny3' 'road'; expected one of green road, lava, water",
        ),
    ],
)
def test_class_that_the_bundle_lacks_is_refused(
    rig: Rig, name: str, value: object, words: str
) -> None:
    result = set_parameters(rig, **{name: value})

    assert not result.successful
    assert words in result.reason


@pytest.mark.parametrize('name', ['outputs__class_confidence', 'drivable__classes'])
def test_class_that_the_bundle_lacks_fails_the_configuration(
    name: str, make_rig: Callable[..., Rig]
) -> None:
    rig = make_rig(autostart=False, **{name: ['road']})

    rig.node.trigger_configure()

    assert rig.node.state == 'unconfigured'
    assert "'road'; expected one of green road, lava, water" in rig.node.health.report().last_error


def test_drivable_classes_take_effect_with_the_next_frame(rig: Rig) -> None:
    rig.listen(AREA)
    before = drivable_share(rig)

    assert set_parameters(rig, drivable__classes=['lava', 'green road', 'water']).successful

    assert drivable_share(rig) > before + 0.3


def test_frame_sees_one_set_however_often_sets_change(rig: Rig) -> None:
    """Both limits change together; a frame must never see the one without the other."""
    seen: list[Any] = []
    run = rig.runner.run

    def observed(jobs: object, parameters: object) -> object:
        seen.append(parameters)
        return run(jobs, parameters)

    rig.runner.run = observed
    rig.listen(AREA)
    accepted = set()

    for number in range(60):
        share = (number % 20) / 20
        limits = {'drivable__min_probability': share, 'drivable__max_entropy': share}
        if number % 3 == 0:
            limits['drivable__max_entropy'] = 1.0 + share + 0.01  # refused as a whole
        result = set_parameters(rig, **limits)
        assert result.successful == (number % 3 != 0)
        if result.successful:
            accepted.add(share)
        rig.camera.publish(rig.image(IMAGE))

    rig.until(lambda: len(seen) > 10, 'some frames')
    pairs = {(one.drivable_min_probability, one.drivable_max_entropy) for one in seen}
    assert pairs - {(0.0, 0.5)} <= {(share, share) for share in accepted}
    assert len(pairs) > 3


def test_smoothing_and_filters_follow_their_parameters(rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(STATUS, DiagnosticArray)
    rig.listen(AREA)

    def stages() -> set[str]:
        answer = rig.answer(STATUS, rig.send(rig.image(IMAGE)))
        return {str(pair.key) for pair in answer.status[0].values}

    before = stages()
    assert set_parameters(
        rig,
        smoothing__method='flow',
        drivable__hysteresis=0.2,
        drivable__max_hole=0.001,
        drivable__reachable=True,
    ).successful

    assert 'smooth_ms' in stages() - before
