# SPDX-License-Identifier: Apache-2.0
"""Quality of service of the endpoints; ``qos_overrides`` parameters change each of them."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

__all__ = ['camera', 'latched', 'overridable', 'result']


def camera() -> QoSProfile:
    """Best effort matches a publisher of either reliability; the newest frame is all we want."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def result() -> QoSProfile:
    """Reliable matches a subscriber of either reliability."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
    )


def latched() -> QoSProfile:
    """Whoever subscribes late gets the last message too."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def overridable() -> QoSOverridingOptions:
    """Declare history, depth and reliability of an endpoint as read-only parameters."""
    return QoSOverridingOptions.with_default_policies()
