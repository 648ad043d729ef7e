# SPDX-License-Identifier: Apache-2.0
"""Quality of service of the endpoints; ``qos_overrides`` parameters change each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from seg_node.interface.topics import QUALITIES

if TYPE_CHECKING:
    from seg_node.interface import Quality

__all__ = ['OVERRIDABLE', 'camera', 'latched', 'overridable', 'result']

OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
    QoSPolicyKind.DEADLINE,
    QoSPolicyKind.LIFESPAN,
)
"""What ``qos_overrides`` can change."""


def camera() -> QoSProfile:
    """Return what the node asks of a camera."""
    return _profile(QUALITIES['in'])


def result() -> QoSProfile:
    """Return what the node offers for its outputs."""
    return _profile(QUALITIES['out'])


def latched() -> QoSProfile:
    """Return what the node offers where late subscribers need the last message too."""
    return _profile(QUALITIES['latched'])


def _profile(quality: Quality) -> QoSProfile:
    reliability, durability = ReliabilityPolicy, DurabilityPolicy
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=quality.depth,
        reliability=reliability.RELIABLE if quality.reliable else reliability.BEST_EFFORT,
        durability=durability.TRANSIENT_LOCAL if quality.latched else durability.VOLATILE,
    )


def overridable() -> QoSOverridingOptions:
    """Declare the policies of an endpoint as read-only parameters; durations are nanoseconds.

    A subscription has no lifespan; rclpy leaves it out there.
    """
    return QoSOverridingOptions(OVERRIDABLE)
