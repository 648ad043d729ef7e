# SPDX-License-Identifier: Apache-2.0
"""Who else is on a topic, and whether that fits: what the ROS graph knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.qos import qos_check_compatible, QoSCompatibility

from .silence import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from rclpy.topic_endpoint_info import TopicEndpointInfo

__all__ = ['publishers_on', 'quality_words', 'subscribers_on', 'topics_of_kind']

UNKNOWN = '_UNKNOWN_'  # rmw calls a node so until its name has come, and one without ROS for ever
ANONYMOUS = 'a node without a name'


def publishers_on(node: Node, topic: str, asked: QoSProfile) -> tuple[Endpoint, ...]:
    """Return who publishes on a topic, compared with what a subscription asks for.

    Args:
        node: Knows the graph.
        topic: Absolute name, with remappings.
        asked: Quality of service of the subscription.
    """
    found = node.get_publishers_info_by_topic(topic)
    return tuple(_endpoint(one, _misfit(one.qos_profile, asked)) for one in found)


def subscribers_on(node: Node, topic: str, offered: QoSProfile) -> tuple[Endpoint, ...]:
    """Return who subscribes to a topic, compared with what a publisher offers."""
    found = node.get_subscriptions_info_by_topic(topic)
    return tuple(_endpoint(one, _misfit(offered, one.qos_profile)) for one in found)


def topics_of_kind(node: Node, kind: str, besides: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the topics with a publisher of a message type.

    Args:
        node: Knows the graph.
        kind: Message type, for example ``'sensor_msgs/msg/Image'``.
        besides: Topics that are not meant, such as the node's own outputs.
    """
    own = set(besides)
    return tuple(
        name
        for name, kinds in sorted(node.get_topic_names_and_types())
        if kind in kinds and name not in own and node.count_publishers(name)
    )


def quality_words(profile: QoSProfile) -> str:
    """Return reliability and durability of a profile, for example ``'RELIABLE/VOLATILE'``."""
    return f'{profile.reliability.name}/{profile.durability.name}'


def _endpoint(info: TopicEndpointInfo, misfit: str) -> Endpoint:
    name = f'{info.node_namespace.rstrip("/")}/{info.node_name}'
    known = ANONYMOUS if UNKNOWN in name else name
    return Endpoint(known, info.topic_type, quality_words(info.qos_profile), misfit)


def _misfit(offered: QoSProfile, asked: QoSProfile) -> str:
    """Return why two profiles do not match, as the middleware says it; empty if they may."""
    verdict, reason = qos_check_compatible(offered, asked)
    if verdict != QoSCompatibility.ERROR:
        return ''
    faults = [one.strip() for one in reason.split(';') if one.strip().startswith('ERROR')]
    return '; '.join(one.removeprefix('ERROR:').strip().rstrip('.') for one in faults).lower()
