# SPDX-License-Identifier: Apache-2.0
"""A running node offers every topic that generated files name, with the quality they ask for."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest
import yaml

from seg_node.bundle import open_bundle
from seg_node.integrations import generate, Site
from seg_node.integrations.needs import NEEDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

CAMERAS = ('front', 'left')
OPTIONAL = 'label_info'  # the node has it only where vision_msgs is installed


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A node with two cameras, started with what is generated for Nav2 and Autoware."""
    site = Site(open_bundle('default').manifest, CAMERAS)
    values: dict[str, Any] = {}
    for consumer in ('nav2', 'autoware'):
        data = yaml.safe_load(generate(consumer, site)[f'{consumer}_seg_node.yaml'])
        for group, value in data['/**']['ros__parameters'].items():
            nested = value.items() if isinstance(value, dict) else ()
            values |= {f'{group}__{name}': one for name, one in nested} or {group: value}
    assert set(values) > {'cameras', 'decimated__factor', 'mask_rle__enabled'}
    return make_rig(**values)


def test_every_topic_that_a_consumer_needs_is_offered(rig: Rig, bundle_folder: Path) -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy  # noqa: PLC0415

    site = Site(open_bundle(bundle_folder).manifest, CAMERAS, rig.namespace)
    for consumer, needs in NEEDS.items():
        for camera in CAMERAS:
            for need in needs:
                if need.topic.endswith(OPTIONAL):
                    continue
                topic = site.topic(camera, need.topic)
                rig.until(lambda name=topic: rig.client.count_publishers(name), topic)  # type: ignore[misc]
                (info,) = rig.client.get_publishers_info_by_topic(topic)
                assert info.topic_type == need.kind.replace('/', '/msg/'), (consumer, topic)
                quality = info.qos_profile
                reliable = quality.reliability == ReliabilityPolicy.RELIABLE
                latched = quality.durability == DurabilityPolicy.TRANSIENT_LOCAL
                assert reliable >= need.reliable, (consumer, topic)
                assert latched >= need.latched, (consumer, topic)
