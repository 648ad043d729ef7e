# SPDX-License-Identifier: Apache-2.0
"""A recording that is played over and over: the clock jumps back with each repetition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bags import write_recording
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_ros,
    pytest.mark.needs_rosbags,
]

BEGIN = 1_700_000_000 * 10**9
STEP = 50_000_000
FRAMES = 20
LOOPS = 3
MASK = 'segmentation/mask'


def test_masks_come_out_in_each_repetition(tmp_path: Path) -> None:
    """With simulated time and ``max_age``, so that a clock that is not followed drops frames."""
    from ros.child import Child  # noqa: PLC0415  # needs ROS
    from ros.rig import Rig  # noqa: PLC0415  # needs ROS
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    frames = [(BEGIN + index * STEP, scene((60, 80), index)[0]) for index in range(FRAMES)]
    bag = write_recording(tmp_path / 'bag', {'/camera/image': frames})
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
    masks = rig.listen(MASK)
    words = [str(bag), '--loops', str(LOOPS), '--ros-args']
    words += ['-r', f'image:={rig.namespace}/image']
    domain = rig.context.get_domain_id()
    player = Child('seg_node.ros.drives.bag_player', *words, domain=domain)
    try:
        rig.until(lambda: 'ready' in player.names(), 'the player is heard')
        player.say('play')
        rig.until(lambda: 'done' in player.names(), 'the player is done')
        report = rig.health.report()
    finally:
        player.close()
        rig.close()

    seen = Counter(one.header.stamp.sec * 10**9 + one.header.stamp.nanosec for one in masks)
    assert set(seen) <= {stamp for stamp, _ in frames}
    # Each repetition is answered to its end; a busy machine may lose a frame.
    assert len(masks) > 0.7 * LOOPS * FRAMES
    assert max(seen[stamp] for stamp, _ in frames[-5:]) == LOOPS
    assert max(seen.values()) == LOOPS
    assert report.received == report.processed + sum(report.dropped.values())
