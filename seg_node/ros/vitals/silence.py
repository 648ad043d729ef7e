# SPDX-License-Identifier: Apache-2.0
"""Why no masks come out. Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['Situation', 'silence_reason']

QUIET_S = 2.0
"""A camera that is silent for longer counts as silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What decides whether masks come out.

    Attributes:
        state: Of the life cycle, for example ``'active'``.
        enabled: As set by ``~/enable``.
        watched: Whether any output has a subscriber.
        topic: Resolved name of the image topic; empty while there is no subscription.
        publishers: Publishers on that topic.
        silent: Time since the last image [s]; None if there was none.
        failing: Text of the error if the last frame failed, else empty.
    """

    state: str
    enabled: bool
    watched: bool
    topic: str
    publishers: int
    silent: float | None
    failing: str = ''


def silence_reason(now: Situation) -> str:
    """Return one sentence on why nothing is published; empty if masks do come out."""
    if now.state != 'active':
        return f'The node is {now.state}; activate it (ros2 lifecycle set <node> activate).'
    if not now.enabled:
        return 'Disabled by the service ~/enable; call it with data: true.'
    if now.silent is None or now.silent > QUIET_S:
        return _no_images(now)
    if not now.watched:
        return 'Nobody subscribes to an output, so nothing is computed.'
    return now.failing


def _no_images(now: Situation) -> str:
    if not now.publishers:
        return f'There is no publisher on {now.topic!r}; remap image to the camera topic.'
    since = 'yet' if now.silent is None else f'for {now.silent:.1f} s'
    return (
        f'{now.publishers} publisher(s) on {now.topic!r}, but no image arrived {since}; '
        'is the camera running, and does it use the shared-memory profile (docs/transport.md)?'
    )
