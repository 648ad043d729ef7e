# SPDX-License-Identifier: Apache-2.0
"""Sends images of 1920 x 1080 from process to process and counts what arrives."""

from __future__ import annotations

from importlib.util import find_spec
import statistics
from typing import TYPE_CHECKING

from seg_node.errors import ProcessError
from seg_node.processes import await_ready

from .finding import Finding
from .live import apart
from .middleware import remedy_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.processes import Crew, Event

__all__ = ['send_large_images']

RECEIVER = ('-m', 'seg_node.ros.checkup.receiver')
SENDER = ('-m', 'seg_node.ros.checkup.sender')
IMAGES = 30
START_S = 20.0
SENDING_S = 20.0
SILENCE_S = 1.0
TOLERATED = 0.1  # a busy machine drops some


def send_large_images() -> Iterator[Finding]:
    """Yield how many arrive as a camera of this shell sends them, and as seg_node does."""
    if find_spec('rclpy') is None:
        yield Finding('note', 'images', 'not sent: there is no ROS here')
        return
    yield _tried(
        'as seg_node sends',
        '--profile',
        remedy=remedy_for('see /dev/shm and the middleware above, and docs/transport.md'),
    )
    yield _tried(
        'as a camera sends',
        remedy=remedy_for(
            'give the camera the profile that is named above, see docs/transport.md'
        ),
        mildly=True,
    )


def _tried(name: str, *options: str, remedy: str, mildly: bool = False) -> Finding:
    """Send images once; with ``mildly`` losses are no failure, because nobody said who sends."""
    try:
        with apart() as crew:
            sent, delays = _send(crew, *options)
    except ProcessError as err:
        return Finding('fail', name, str(err), 'mend what the log says')
    lost = sent - len(delays)
    found = f'{lost} of {sent} images of 1920x1080 lost between two processes of this shell'
    if delays:
        found += f', {1e3 * statistics.median(delays):.1f} ms on the way'
    if not lost:
        return Finding('ok', name, found)
    is_few = lost <= TOLERATED * sent
    return Finding('warn' if mildly or is_few else 'fail', name, found, remedy)


def _send(crew: Crew, *options: str) -> tuple[int, list[float]]:
    """Return how many images were sent, and the delay of each that arrived [s].

    Raises:
        ProcessError: If a process fails, or the sender does not end.
    """
    crew.start('receiver', *RECEIVER)
    crew.start('sender', *SENDER, '--images', str(IMAGES), *options, may_end=True)
    for _ in await_ready(crew, {'receiver', 'sender'}, START_S):
        pass
    delays: dict[int, float] = {}
    sent = 0
    for event in crew.events(SENDING_S):
        _note(event, delays)
        if event.what == 'done':
            sent = event.details['sent']
            break
    for event in crew.events(SILENCE_S):  # what is still on its way
        _note(event, delays)
    if not sent:
        msg = f'The sender did not finish within {SENDING_S:g} s. {crew.last_words()}'
        raise ProcessError(msg)
    return sent, list(delays.values())


def _note(event: Event, delays: dict[int, float]) -> None:
    """Keep the delay of an image that counts."""
    if event.what == 'received' and event.details['number'] >= 0:
        delays[event.details['number']] = event.details['delay']
