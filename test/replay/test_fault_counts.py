# SPDX-License-Identifier: Apache-2.0
"""What is kept of frames at which something went wrong."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs_rosbags


def test_only_the_first_sentence_and_a_count_are_kept() -> None:
    from seg_node.replay.camera import Faults  # noqa: PLC0415 - needs rosbags

    faults = Faults()
    for index in range(1000):
        faults.add(f'Frame {index} failed.')

    assert (faults.first, faults.count) == ('Frame 0 failed.', 1000)
