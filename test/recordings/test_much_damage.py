# SPDX-License-Identifier: Apache-2.0
"""Recordings with more damage than anybody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bags import write_recording
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags


def test_list_of_damage_ends_with_a_sentence_that_there_is_more(tmp_path: Path) -> None:
    from seg_node.recordings.reader import Recording  # noqa: PLC0415 - needs rosbags

    recording = Recording(write_recording(tmp_path / 'bag', {'/eye': [(10**18, scene()[0])]}))

    for _ in range(2):
        for index in range(99):
            recording.told(f'Message {index} is damaged.')
    assert len(recording.damage) == 99
    for index in range(99, 1000):
        recording.told(f'Message {index} is damaged.')

    assert len(recording.damage) == 100
    assert recording.damage[98:] == [
        'Message 98 is damaged.',
        'There is more damage, which is not listed.',
    ]
