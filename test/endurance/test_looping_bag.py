# SPDX-License-Identifier: Apache-2.0
"""Recordings that are played over and over: the clock jumps an hour forward and back again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
import time
from typing import Any, TYPE_CHECKING

import pytest

from bags import write_recording
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

    from ros.rig import Rig

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_ros,
    pytest.mark.needs_rosbags,
]

SECOND = 10**9
BEGINS = (1_700_000_000 * SECOND, 1_700_003_600 * SECOND)
"""Of the recordings."""
STEP = 50_000_000
FRAMES = 20
LOOPS = 3
MASK = 'segmentation/mask'


@dataclass(slots=True)
class Played:
    """What came of it.

    Attributes:
        masks: When each one came [ns, wall time], and its stamp [ns].
        sent: When each image was sent, and its stamp.
        report: What the node counted.
    """

    masks: list[tuple[int, int]] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)
    report: Any = None

    def note(self, mask: Any) -> None:
        """Note a mask that has just come."""
        stamp = mask.header.stamp
        self.masks.append((time.time_ns(), stamp.sec * SECOND + stamp.nanosec))


def stamps(begin: int) -> list[int]:
    """Return those of a recording [ns]."""
    return [begin + index * STEP for index in range(FRAMES)]


def play(rig: Rig, bags: list[str]) -> Played:
    """Play recordings one after the other, all of them several times."""
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.child import Child  # noqa: PLC0415  # needs ROS

    played = Played()
    rig.client.create_subscription(Image, MASK, played.note, 50)
    rig.listen(MASK)
    words = [*bags, '--loops', str(LOOPS), '--ros-args', '-r', f'image:={rig.namespace}/image']
    domain = rig.context.get_domain_id()
    player = Child('seg_node.ros.drives.bag_player', *words, domain=domain)
    try:
        rig.until(lambda: 'ready' in player.names(), 'the player is heard')
        player.say('play')
        rig.until(lambda: 'done' in player.names(), 'the player is done')
        played.report = rig.health.report()
    finally:
        player.close()
    sent = (one for one in player.events if one['event'] == 'sent')
    played.sent = [(one['sent_ns'], one['stamp_ns']) for one in sent]
    return played


@pytest.fixture
def played(tmp_path: Path) -> Played:
    """With simulated time and ``max_age``, so that a clock that is not followed drops frames."""
    from ros.rig import Rig  # noqa: PLC0415  # needs ROS
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    bags = []
    for begin in BEGINS:
        frames = [(one, scene((60, 80), index)[0]) for index, one in enumerate(stamps(begin))]
        bags.append(str(write_recording(tmp_path / str(begin), {'/camera/image': frames})))
    bundle = str(tiny_bundle(tmp_path / 'tiny').path)
    rig = Rig(
        {
            'bundle': bundle,
            'engine': 'onnxruntime',
            'threads': 1,
            'use_sim_time': True,
            'max_age': 0.5,
        }
    )
    try:
        return play(rig, bags)
    finally:
        rig.close()


def test_masks_come_out_in_each_repetition(played: Played) -> None:
    from endurance.stage import AGAIN_S  # noqa: PLC0415  # needs ROS

    seen = Counter(stamp for _, stamp in played.masks)
    known = [stamps(begin) for begin in BEGINS]
    assert set(seen) <= {stamp for recording in known for stamp in recording}
    # Each repetition is answered to its end; a busy machine may lose a frame.
    assert len(played.masks) > 0.7 * LOOPS * FRAMES * len(BEGINS)
    for recording in known:
        assert max(seen[stamp] for stamp in recording[-5:]) == LOOPS
    assert max(seen.values()) == LOOPS
    report = played.report
    assert report.received == report.processed + sum(report.dropped.values())

    jumps = [sent for sent, stamp in played.sent if stamp in BEGINS]
    assert len(jumps) == LOOPS * len(BEGINS)
    for jump, until in zip(jumps, [*jumps[1:], float('inf')], strict=True):
        came = [moment for moment, _ in played.masks if jump <= moment < until]
        assert came, 'no mask between two jumps of the clock'
        assert (came[0] - jump) / SECOND < AGAIN_S
