# SPDX-License-Identifier: Apache-2.0
"""What each consumer subscribes to and asks for, as its source says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.interface import topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .site import Site

__all__ = ['NEEDS', 'Need', 'subscriptions']


@dataclass(frozen=True, slots=True)
class Need:
    """One subscription of a consumer.

    Attributes:
        topic: Relative name of the node's topic.
        kind: Message type.
        reliable: Whether it asks for reliable delivery.
        latched: Whether it asks for the last message before it subscribed.
    """

    topic: str
    kind: str = 'sensor_msgs/Image'
    reliable: bool = False
    latched: bool = False

    @property
    def words(self) -> str:
        """What it asks for."""
        return f'{"reliable" if self.reliable else "best effort"}{", latched" * self.latched}'


INFO = 'sensor_msgs/CameraInfo'
LABELS = 'vision_msgs/LabelInfo'
NEEDS: dict[str, tuple[Need, ...]] = {
    'nav2': (
        Need(topics.DECIMATED_MASK),
        Need(topics.DECIMATED_CONFIDENCE),
        Need(topics.DECIMATED_LABEL_INFO, LABELS, reliable=True, latched=True),
    ),
    'autoware': (Need(topics.MASK_RLE), Need(topics.CAMERA_INFO, INFO)),
    'nvblox': (
        Need(topics.MOVABLE, reliable=True),
        Need(topics.CAMERA_INFO, INFO, reliable=True),
    ),
    'foxglove': (
        Need(topics.OVERLAY, reliable=True),
        Need(topics.COLOR, reliable=True),
        Need(topics.DRIVABLE_AREA, reliable=True),
        Need(topics.ENTROPY, reliable=True),
        Need(topics.STATUS, 'diagnostic_msgs/DiagnosticArray', reliable=True),
        Need(topics.DIAGNOSTICS, 'diagnostic_msgs/DiagnosticArray', reliable=True),
    ),
    'rviz': (
        Need(topics.OVERLAY, reliable=True),
        Need(topics.COLOR, reliable=True),
        Need(topics.DRIVABLE_AREA, reliable=True),
    ),
}
"""Topics of the node, by consumer. Sources: semantic_segmentation_layer (SensorDataQoS; latched
LabelInfo), segmentation_pointcloud_fusion (best effort), nvblox_ros (SYSTEM_DEFAULT, which is
reliable). RViz and Foxglove let the user choose; the stricter choice stands here."""


def subscriptions(consumer: str, site: Site) -> Iterator[str]:
    """Yield a line for each topic that a consumer reads: name, type, and what it asks for.

    Args:
        consumer: A key of ``NEEDS``.
        site: Where the node runs.
    """
    once = {  # all cameras share /diagnostics
        f'{site.topic(camera, need.topic)} ({need.kind}, {need.words})': None
        for camera in site.cameras
        for need in NEEDS[consumer]
    }
    yield from once
    if consumer == 'nav2':
        for camera in site.cameras:
            clouds = site.topic(camera, site.clouds)
            yield f'{clouds} (sensor_msgs/PointCloud2, best effort), not from seg_node'
