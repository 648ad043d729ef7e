# SPDX-License-Identifier: Apache-2.0
"""What ``qos_overrides`` parameters may say; rclpy takes some mistakes for nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.errors import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['QOS_PREFIX', 'override_faults']

QOS_PREFIX = 'qos_overrides.'
COMMON = ('best_available', 'system_default')
WORDS = {
    'history': ('keep_all', 'keep_last', 'system_default'),
    'reliability': ('best_effort', 'reliable', *COMMON),
    'durability': ('transient_local', 'volatile', *COMMON),
}
NUMBERS = {'depth': 'messages', 'deadline': 'nanoseconds', 'lifespan': 'nanoseconds'}
NOT_OURS = ('/parameter_events.', '/rosout.', '/clock.')


def override_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with the overrides among these values, one sentence per fault.

    Args:
        values: Of the command line and files, by parameter name.
    """
    ours = (
        (name, value)
        for name, value in values.items()
        if name.startswith(QOS_PREFIX) and not name.removeprefix(QOS_PREFIX).startswith(NOT_OURS)
    )
    return [fault for name, value in ours if (fault := _fault(name, value))]


def _fault(name: str, value: object) -> str:
    policy = name.rpartition('.')[2]
    what = f'Parameter {name!r}'
    if policy in WORDS:
        allowed = WORDS[policy]
        return '' if value in allowed else one_of(f'value of parameter {name!r}:', value, allowed)
    if policy in NUMBERS:
        fits = type(value) is int and value >= 0
        unit = NUMBERS[policy]
        return '' if fits else f'{what} is {value!r}; expected {unit}, a whole number from 0 on.'
    return f'{what}: {one_of("policy", policy, (*WORDS, *NUMBERS))}'
