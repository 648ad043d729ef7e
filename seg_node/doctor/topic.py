# SPDX-License-Identifier: Apache-2.0
"""A camera topic of a running system: who publishes, how, and whether the fields make sense."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from itertools import pairwise
import statistics
from typing import Any, TYPE_CHECKING

from seg_node.errors import ProcessError
from seg_node.ros.transport.shared_memory import MEGABYTE, segment_of

from .fields import look_at_fields
from .finding import Finding
from .live import among_others
from .middleware import is_fast_dds, remedy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Judgement = Callable[[str, int], Finding]

__all__ = ['judge', 'watch_topic']

WATCHER = ('-m', 'seg_node.ros.checkup.watcher')
KINDS = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
START_S = 20.0
UNSEEN_MASK = 1920 * 1080  # [bytes] where no image came, perhaps because it is too large
UNSEEN = 3 * UNSEEN_MASK
OURS = 'seg_node'
LARGEST_SMALL = 500_000  # [bytes] fits into the default segment of Fast DDS
OLD_S = 1.0
AHEAD_S = 0.05
UNEVEN = 2.5  # a pause of so many median periods is a gap
ZERO_STAMP = 0.0
HOST = slice(2, 4)


def watch_topic(topic: str, seconds: float) -> Iterator[Finding]:
    """Yield what is wrong with a topic.

    Args:
        topic: Absolute name.
        seconds: How long to watch.
    """
    if find_spec('rclpy') is None:
        yield Finding('note', 'topic', 'not watched: there is no ROS here')
        return
    options = ('--topic', topic, '--seconds', str(seconds))
    try:
        with among_others() as crew:
            crew.start('watcher', *WATCHER, *options, may_end=True)
            seen = crew.wait_for('watcher', 'watched', timeout=START_S + seconds).details
    except ProcessError as err:
        yield Finding('fail', 'topic', str(err), 'mend what the log says')
        return
    yield from judge(seen, seconds)


def judge(seen: Mapping[str, Any], seconds: float) -> Iterator[Finding]:
    """Yield findings about what the watcher told.

    Args:
        seen: See ``seg_node.ros.checkup.watcher``.
        seconds: How long it watched.
    """
    if not seen['publishers']:
        yield Finding(
            'fail',
            'publishers',
            'none found',
            'check the name (ros2 topic list), ROS_DOMAIN_ID and discovery on both sides, and '
            'whether the camera runs',
        )
        return
    yield _publishers(seen)
    yield _type(seen['types'])
    if is_fast_dds():
        yield from _segments(seen)
    yield _nodes(seen['subscribers'])
    messages = seen['messages']
    if seen['types'] == [one for one in seen['types'] if one in KINDS]:
        yield _arrival(messages, seconds)
    if messages:
        yield from look_at_fields(messages, seen['faults'])
        yield from _times(messages)


def _publishers(seen: Mapping[str, Any]) -> Finding:
    listed = ', '.join(
        f'{one["node"]} ({one["reliability"]}, {one["durability"]})' for one in seen['publishers']
    )
    if len(seen['publishers']) > 1:
        remedy = 'images of several cameras are mixed: remap all but one, or use `cameras`'
        return Finding('warn', 'publishers', listed, remedy)
    return Finding('ok', 'publishers', listed)


def _type(types: Sequence[str]) -> Finding:
    if len(types) != 1 or types[0] not in KINDS:
        remedy = f'expected one of {", ".join(KINDS)}'
        return Finding('fail', 'type', ', '.join(types), remedy)
    hint = '; use image_transport: compressed' if types[0] == KINDS[1] else ''
    return Finding('ok', 'type', f'{types[0]}{hint}')


def _segments(seen: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the shared memory of each process on this topic that we may look at.

    That of a publisher has to hold its images; that of a subscriber is for what it sends itself.
    """
    largest = max((one['length'] for one in seen['messages']), default=0) or UNSEEN
    mask = max((_pixels(one) for one in seen['messages']), default=0) or UNSEEN_MASK
    for one in seen['publishers']:
        yield _segment(one, seen['host'], partial(_of_publisher, largest=largest))
    for one in seen['subscribers']:
        ours = one['node'].rpartition('/')[2].startswith(OURS)
        yield _segment(one, seen['host'], partial(_of_subscriber, mask=mask, ours=ours))


def _pixels(message: Mapping[str, Any]) -> int:
    """Return the bytes of a mask of an image; 0 if it is compressed and does not say its size."""
    return int(message.get('height', 0) * message.get('width', 0))


def _segment(endpoint: Mapping[str, Any], host: Sequence[int], judged: Judgement) -> Finding:
    gid = endpoint['gid']
    name = f'segment of {endpoint["node"]}'
    if gid[HOST] != host:
        return Finding('note', name, 'on another machine or in another container: UDP')
    segment = segment_of(gid[4] | gid[5] << 8)
    if segment is None:
        return Finding('note', name, 'cannot be known: its process belongs to another user')
    return judged(name, segment.size)


def _is_small(size: int, largest: int) -> bool:
    """Tell whether a segment has no room for two messages of a size [bytes]."""
    return largest > LARGEST_SMALL and size < 2 * largest


def _of_publisher(name: str, size: int, largest: int) -> Finding:
    found = f'{size / MEGABYTE:.1f} MB'
    if _is_small(size, largest):
        remedy = 'start it with the Fast DDS profile, see docs/transport.md'
        return Finding('fail', name, f'{found}, for images of {largest / MEGABYTE:.1f} MB', remedy)
    return Finding('ok', name, found)


def _of_subscriber(name: str, size: int, mask: int, *, ours: bool) -> Finding:
    """Judge the segment by the masks of a seg_node; nobody knows what another one sends."""
    found = f'{size / MEGABYTE:.1f} MB'
    if not _is_small(size, mask):
        return Finding('ok', name, found)
    if not ours:
        return Finding('note', name, f'{found}: too little if it sends images of this size itself')
    remedy = (
        'its masks get lost between processes: start it without a profile of your own, or with '
        'that of seg_node, see docs/transport.md'
    )
    return Finding('warn', name, f'{found}, for masks of {mask / MEGABYTE:.1f} MB', remedy)


def _nodes(subscribers: Sequence[Mapping[str, Any]]) -> Finding:
    listed = ', '.join(f'{one["node"]} ({one["reliability"]})' for one in subscribers)
    return Finding('ok' if subscribers else 'note', 'subscribers', listed or 'none but this one')


def _arrival(messages: Sequence[Mapping[str, Any]], seconds: float) -> Finding:
    if not messages:
        lost = remedy_for(
            'large images are lost without the profile on the side of the camera '
            '(docs/transport.md)'
        )
        return Finding(
            'fail',
            'arrival',
            f'no image within {seconds:g} s, though somebody publishes',
            f'{lost}; or the camera has stopped: ros2 topic hz',
        )
    moments = [one['now'] for one in messages]
    if len(moments) < 3:  # noqa: PLR2004  # two intervals
        remedy = f'watch longer: --seconds {10 * seconds:g}'
        return Finding('warn', 'arrival', f'{len(moments)} images in {seconds:g} s', remedy)
    periods = [later - earlier for earlier, later in pairwise(moments)]
    usual = statistics.median(periods)
    rate = 1 / max(usual, 1e-9)
    gaps = sum(one > UNEVEN * usual for one in periods)
    found = f'{len(moments)} images, {rate:.1f} Hz, longest pause {max(periods):.2f} s'
    if gaps:
        remedy = 'images are lost on the way, or the camera is late: see "large images" above'
        return Finding('warn', 'arrival', f'{found}, {gaps} gaps', remedy)
    return Finding('ok', 'arrival', found)


def _times(messages: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield whether stamps are set, in order, and near this machine's clock."""
    stamps = [one['stamp'] for one in messages]
    if ZERO_STAMP in stamps:
        remedy = 'the camera must stamp its images; age, order and fusion depend on it'
        yield Finding('fail', 'stamps', f'{stamps.count(ZERO_STAMP)} are zero', remedy)
        return
    backwards = sum(later < earlier for earlier, later in pairwise(stamps))
    same = sum(later == earlier for earlier, later in pairwise(stamps))
    if backwards or same:
        remedy = 'are there two publishers, or does a bag loop?'
        found = f'{backwards} go back, {same} are the same as the one before'
        yield Finding('warn', 'stamps', found, remedy)
    else:
        yield Finding('ok', 'stamps', 'each later than the one before')
    yield _age(statistics.median([one['now'] - one['stamp'] for one in messages]))


def _age(age: float) -> Finding:
    shown = f'{1e3 * age:.0f} ms' if abs(age) < OLD_S else f'{age:.1f} s'
    found = f'{shown} on arrival (median)'
    if age < -AHEAD_S:
        remedy = "the camera's clock is ahead: synchronise (chrony, PTP); with a bag or a "
        return Finding('warn', 'age', found, f'{remedy}simulation: use_sim_time')
    if age > OLD_S:
        remedy = "clocks differ, the camera or the network queues, or it is a bag's own time: "
        return Finding('warn', 'age', found, f'{remedy}then use_sim_time and --clock')
    return Finding('ok', 'age', found)
