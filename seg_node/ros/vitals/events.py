# SPDX-License-Identifier: Apache-2.0
"""What the middleware reports by itself: endpoints whose quality of service does not match."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rclpy.qos import qos_policy_name_from_kind

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node

    from .health import Health

__all__ = [
    'PublisherEventCallbacks',
    'SubscriptionEventCallbacks',
    'publisher_events',
    'subscription_events',
]


def subscription_events(node: Node, health: Health, topic: str) -> SubscriptionEventCallbacks:
    """Count and log publishers that a subscription cannot hear.

    Args:
        node: For the log.
        health: Where it is counted.
        topic: Absolute name.
    """
    return SubscriptionEventCallbacks(
        incompatible_qos=_reporter(
            node, health, topic, 'a publisher offers less than the node asks for'
        )
    )


def publisher_events(node: Node, health: Health, topic: str) -> PublisherEventCallbacks:
    """Count and log subscribers that a publisher cannot reach; nothing else is listened to."""
    return PublisherEventCallbacks(
        incompatible_qos=_reporter(
            node, health, topic, 'a subscriber asks for more than the node offers'
        ),
        use_default_callbacks=False,
    )


def _reporter(node: Node, health: Health, topic: str, words: str) -> Callable[[Any], None]:
    def report(event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        health.mismatch(topic, policy, event.total_count)
        node.get_logger().warning(
            f'Quality of service on {topic!r}: {words} ({policy}), so nothing is exchanged with '
            'it. /diagnostics says more.'
        )

    return report
