# SPDX-License-Identifier: Apache-2.0
"""Why no masks come out, and what to do about it. Free of ROS.

Each sentence has a name in ``docs/diagnostics.md``, where its remedy is explained at length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ['Endpoint', 'Situation', 'input_found', 'is_failing', 'silence_reason']

QUIET_S = 2.0
"""A camera that is silent for longer counts as silent."""
MOST_NAMED = 5
"""So many topics or nodes are named; the others are counted."""
COMPRESSED_KIND = 'sensor_msgs/msg/CompressedImage'
IMAGE_KINDS = ('sensor_msgs/msg/Image', COMPRESSED_KIND)
DROPPED = {
    'stale': 'older than parameter max_age allows; are the clocks of camera and node the same '
    '(use_sim_time)?',
    'late': 'older than their deadline when their turn came; the machine is too slow for all '
    'cameras, or the deadline too short.',
}
"""Reasons for which every frame can be dropped without an error."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A publisher or subscriber of another node.

    Attributes:
        node: Full name of the node.
        kind: Message type, for example ``'sensor_msgs/msg/Image'``.
        quality: Reliability and durability, for example ``'BEST_EFFORT/VOLATILE'``.
        misfit: Why its quality of service does not match ours; empty if it does.
    """

    node: str
    kind: str
    quality: str
    misfit: str = ''


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What decides whether masks come out.

    Attributes:
        state: Of the life cycle, for example ``'active'``.
        node: Full name of the node.
        enabled: As set by ``~/enable``.
        watched: Whether any output has a subscriber.
        topic: Resolved name of the image topic; empty while there is no subscription.
        kind: Message type that is expected there.
        quality: Of the subscription, in words.
        publishers: Who publishes on that topic.
        elsewhere: Topics with images to which ``image`` could be remapped.
        beside: The same camera's topic of the other transport, if somebody publishes there.
        misfits: Subscribers of outputs that get nothing because of their quality of service or
            type, by topic.
        silent: Time since the last image [s]; None if there was none since the subscription.
        dropped: Frames dropped since the last mask, by reason.
        masked: Time since the last mask [s]; None if there was none.
        stuck: That the worker hangs or has died; empty if it has not.
        failing: Text of the error if the last frame or transition failed, else empty.
        gpu: What the GPU is doing while it does not answer frames; else empty.
    """

    state: str
    node: str = '<node>'
    enabled: bool = True
    watched: bool = True
    topic: str = ''
    kind: str = IMAGE_KINDS[0]
    quality: str = 'BEST_EFFORT/VOLATILE'
    publishers: Sequence[Endpoint] = ()
    elsewhere: Sequence[str] = ()
    beside: str = ''
    misfits: Mapping[str, Endpoint] = field(default_factory=dict)
    silent: float | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    masked: float | None = None
    stuck: str = ''
    failing: str = ''
    gpu: str = ''


def silence_reason(now: Situation) -> str:
    """Return one sentence or two on why nothing is published; empty if masks do come out."""
    if now.state != 'active':
        return _not_active(now)
    if now.stuck:
        return now.stuck
    if not now.enabled:
        return 'Disabled by the service ~/enable; call it with data: true.'
    if _is_quiet(now):
        return input_found(now)
    return _no_mask(now)


def is_failing(now: Situation) -> bool:
    """Say whether the node fails at present: at frames that are waited for, or at a transition.

    A frame that failed long ago says nothing about the next one.
    """
    is_expected = now.enabled and now.watched and not _is_quiet(now)
    return bool(now.failing) and (now.state != 'active' or is_expected)


def _is_quiet(now: Situation) -> bool:
    return now.silent is None or now.silent > QUIET_S


def _not_active(now: Situation) -> str:
    steps = {
        'unconfigured': f'ros2 lifecycle set {now.node} configure (and activate)',
        'inactive': f'ros2 lifecycle set {now.node} activate',
    }
    remedy = f'To start it: {steps[now.state]}.' if now.state in steps else 'Restart the process.'
    cause = f' {now.failing}' if now.failing else ''
    return f'The node is {now.state}.{cause} {remedy}'


def input_found(now: Situation) -> str:
    """Return what was found on the image topic of a camera from which nothing comes."""
    if not now.publishers:
        return _no_publisher(now)
    right_kind = [one for one in now.publishers if one.kind == now.kind]
    if not right_kind:
        return _wrong_kind(now)
    if all(one.misfit for one in right_kind):
        return _wrong_quality(now, right_kind)
    return _no_image(now, [one for one in right_kind if not one.misfit])


def _no_publisher(now: Situation) -> str:
    last = '' if now.silent is None else f' any more; the last image came {now.silent:.1f} s ago'
    text = f'There is no publisher on {now.topic!r}{last}.'
    if now.beside:
        other = 'raw' if now.kind == COMPRESSED_KIND else 'compressed'
        return f'{text} The camera publishes {now.beside!r}: set image_transport: {other}.'
    if now.elsewhere:
        return f'{text} Images are on {_some(now.elsewhere)}: remap image to the one you mean.'
    return (
        f'{text} No other topic has images of type {now.kind} either. Is the camera running, in '
        'the same ROS_DOMAIN_ID?'
    )


def _wrong_kind(now: Situation) -> str:
    kinds = sorted({one.kind for one in now.publishers})
    return (
        f'{now.topic!r} carries {_some(kinds)} (from {_nodes(now.publishers)}), and the node '
        f'expects {now.kind}. {_kind_remedy(now, kinds)}'
    )


def _kind_remedy(now: Situation, kinds: Sequence[str]) -> str:
    if COMPRESSED_KIND in kinds:
        return 'Set image_transport: compressed and remap image/compressed to this topic.'
    if now.kind == COMPRESSED_KIND and IMAGE_KINDS[0] in kinds:
        return 'Set image_transport: raw and remap image to this topic.'
    return 'Remap image to a topic of this type.'


def _wrong_quality(now: Situation, publishers: Sequence[Endpoint]) -> str:
    first = publishers[0]
    return (
        f'The publisher {_nodes(publishers)} on {now.topic!r} offers {first.quality}, and the '
        f'subscription asks for {now.quality}: {first.misfit}. Change '
        f'qos_overrides.{now.topic}.subscription of the node, or the camera.'
    )


def _no_image(now: Situation, publishers: Sequence[Endpoint]) -> str:
    since = 'yet' if now.silent is None else f'for {now.silent:.1f} s'
    return (
        f'{_nodes(publishers)} publishes {now.kind} ({publishers[0].quality}) on {now.topic!r}, '
        f'but no image arrived {since}. Is the camera running, and does it use the '
        'shared-memory profile (docs/transport.md)?'
    )


def _no_mask(now: Situation) -> str:
    """Return why images that arrive do not become masks; empty if they do."""
    if not now.watched:
        return _nobody(now)
    if now.failing:
        return f'{now.failing} GPU: {now.gpu}.' if now.gpu else now.failing
    return _all_dropped(now)


def _nobody(now: Situation) -> str:
    text = 'Nobody subscribes to an output, so nothing is computed.'
    for topic, one in now.misfits.items():
        text += f' {one.node} asks for {topic!r} and does not match: {one.misfit}.'
    return text


def _all_dropped(now: Situation) -> str:
    """Return why frames that are well and watched are all dropped; empty if they are not."""
    if now.masked is not None and now.masked <= QUIET_S:
        return ''
    for reason, words in DROPPED.items():
        if count := now.dropped.get(reason, 0):
            since = 'since the last mask' if now.masked is not None else 'so far'
            return f'All images {since} ({count}) were dropped as {reason}: {words}'
    return ''


def _nodes(endpoints: Sequence[Endpoint]) -> str:
    return _some(sorted({one.node for one in endpoints}))


def _some(names: Sequence[str]) -> str:
    """Name the first few."""
    more = len(names) - MOST_NAMED
    return ', '.join(names[:MOST_NAMED]) + (f' and {more} more' if more > 0 else '')
