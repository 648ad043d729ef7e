# SPDX-License-Identifier: Apache-2.0
"""What is around a camera of the node at this moment: who sends, who listens, what hinders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.interface.topics import COMPRESSED_SUFFIX

from .endpoints import publishers_on, quality_words, subscribers_on, topics_of_kind
from .silence import IMAGE_KINDS, Situation

if TYPE_CHECKING:
    from seg_node.ros.cameras.camera import Camera
    from seg_node.ros.node import SegNode

    from .health import HealthReport
    from .silence import Endpoint

__all__ = ['situation_of']


def situation_of(node: SegNode, camera: Camera, report: HealthReport) -> Situation:
    """Return what decides whether a camera's masks come out.

    It asks the graph only for what the answer needs: about a tenth of a millisecond while masks
    come out.

    Args:
        node: The whole.
        camera: One of its cameras.
        report: What was counted about the camera, with the error of a transition if there is one.
    """
    topic = camera.topics.image if camera.topics else ''
    compressed = camera.topics is not None and camera.topics.compressed
    kind = IMAGE_KINDS[compressed]
    publishers = () if camera.asked is None else publishers_on(node, topic, camera.asked)
    watched = bool(camera.outputs and camera.outputs.wanted())
    return Situation(
        state=node.state,
        node=node.get_fully_qualified_name(),
        enabled=node.enabled,
        watched=watched,
        topic=topic,
        kind=kind,
        quality='none' if camera.asked is None else quality_words(camera.asked),
        publishers=publishers,
        elsewhere=() if publishers or not topic else _elsewhere(node, kind),
        beside='' if publishers or not topic else _beside(node, topic),
        misfits={} if watched else _misfits(node, camera),
        silent=report.silent,
        dropped=report.dropped_since,
        masked=report.masked,
        stuck=node.lookout.stuck,
        failing=report.failing,
        gpu=node.runner.gpu if node.runner is not None else '',
    )


def _elsewhere(node: SegNode, kind: str) -> tuple[str, ...]:
    """Return the topics of others with images."""
    return topics_of_kind(node, kind, {one.topic_name for one in node.publishers})


def _beside(node: SegNode, topic: str) -> str:
    """Return the topic of the other transport if somebody publishes there."""
    base = topic.removesuffix(COMPRESSED_SUFFIX)
    other = base if base != topic else topic + COMPRESSED_SUFFIX
    return other if node.count_publishers(other) else ''


def _misfits(node: SegNode, camera: Camera) -> dict[str, Endpoint]:
    """Return subscribers of outputs that get nothing because they do not match."""
    offered = {} if camera.outputs is None else camera.outputs.offered()
    return {
        topic: one
        for topic, profile in offered.items()
        for one in subscribers_on(node, topic, profile)
        if one.misfit
    }
