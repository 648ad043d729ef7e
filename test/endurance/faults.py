# SPDX-License-Identifier: Apache-2.0
"""Faults that are made of many small steps, for tests and for the soak."""

from __future__ import annotations

from functools import partial
from typing import Any, TYPE_CHECKING

import numpy as np
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from endurance.stage import Stage

__all__ = ['NODE', 'churn', 'parameter_storm', 'present_values']

NODE = '/seg_node'
OUTPUTS = ('mask', 'confidence', 'entropy', 'drivable_area', 'color', 'overlay')
AT_ONCE = 5
FIELDS = {
    bool: ('bool_value', ParameterType.PARAMETER_BOOL),
    int: ('integer_value', ParameterType.PARAMETER_INTEGER),
    float: ('double_value', ParameterType.PARAMETER_DOUBLE),
    str: ('string_value', ParameterType.PARAMETER_STRING),
}
VALID: dict[str, tuple[object, ...]] = {
    'latency_budget': (0.0, 1.0),
    'drivable.min_probability': (0.0, 0.3, 1.0),
    'drivable.max_entropy': (0.0, 0.5, 1.0),
    'crf.hysteresis': (0.0, 0.2),
    'overlay_alpha': (0.0, 0.5, 1.0),
}
INVALID: dict[str, tuple[object, ...]] = {
    'max_age': (-1.0, 1e9, float('nan'), float('inf'), 'soon', True),
    'drivable.max_entropy': (2.0, -0.1, ''),
    'crf.preset': ('größer', 7),
    'bundle': ('/nowhere',),
    'threads': (2, 0, 2**62),
    'diagnostics_period': (0.5,),
}


def churn(stage: Stage, connects: int) -> None:
    """Subscribe and unsubscribe, a few at a time, on all outputs in turn."""
    node, qos = stage.consumer.node, QoSProfile(depth=1)

    def subscribe(number: int) -> Any:
        topic = f'segmentation/{OUTPUTS[number % len(OUTPUTS)]}'
        return node.create_subscription(Image, topic, lambda _: None, qos)

    for first in range(0, connects, AT_ONCE):
        made = [
            stage.consumer.do(partial(subscribe, number))
            for number in range(first, min(first + AT_ONCE, connects))
        ]
        for one in made:
            stage.consumer.do(partial(node.destroy_subscription, one))


def parameter_storm(stage: Stage, requests: int, seed: int) -> dict[str, object]:
    """Set parameters, valid and not, one by one and atomically; check each answer.

    Returns:
        The values that have to be there now.
    """
    rng = np.random.default_rng(seed)
    expected: dict[str, object] = {}
    for _ in range(requests):
        wanted = {name: _pick(rng, VALID[name]) for name in _some(rng, VALID)}
        wrong = {name: _pick(rng, INVALID[name]) for name in _some(rng, INVALID)}
        kind = rng.integers(3)
        if kind == 0:
            _atomically(stage, wanted, successful=True)
            expected |= wanted
        elif kind == 1:
            _atomically(stage, wanted | wrong, successful=False)
        else:
            _one_by_one(stage, wanted, wrong)
            expected |= {name: one for name, one in wanted.items() if name not in wrong}
    return expected


def _some(rng: np.random.Generator, table: Mapping[str, object]) -> list[str]:
    return [str(one) for one in rng.choice(list(table), rng.integers(1, 4), replace=False)]


def _pick(rng: np.random.Generator, values: Sequence[object]) -> object:
    return values[int(rng.integers(len(values)))]


def _atomically(stage: Stage, values: Mapping[str, object], *, successful: bool) -> None:
    request = SetParametersAtomically.Request(parameters=_parameters(values))
    name = f'{NODE}/set_parameters_atomically'
    result = stage.consumer.call(SetParametersAtomically, name, request).result
    assert result.successful == successful, (values, result.reason)
    assert successful or result.reason, values


def _one_by_one(stage: Stage, wanted: Mapping[str, object], wrong: Mapping[str, object]) -> None:
    values = {**wanted, **wrong}
    request = SetParameters.Request(parameters=_parameters(values))
    answer = stage.consumer.call(SetParameters, f'{NODE}/set_parameters', request)
    for name, result in zip(values, answer.results, strict=True):
        assert result.successful == (name not in wrong), (name, values[name], result.reason)


def present_values(stage: Stage, names: Sequence[str]) -> dict[str, object]:
    """Return the node's parameters."""
    request = GetParameters.Request(names=list(names))
    values = stage.consumer.call(GetParameters, f'{NODE}/get_parameters', request).values
    fields = {kind: field for field, kind in FIELDS.values()}
    return {
        name: getattr(value, fields[value.type]) for name, value in zip(names, values, strict=True)
    }


def _parameters(values: Mapping[str, object]) -> list[Parameter]:
    made = []
    for name, value in values.items():
        field, kind = FIELDS[type(value)]
        content: dict[str, Any] = {'type': kind, field: value}
        made.append(Parameter(name=name, value=ParameterValue(**content)))
    return made
