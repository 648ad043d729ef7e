# SPDX-License-Identifier: Apache-2.0
"""What a replay is made of, and which wishes are refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from bags import write_recording
from seg_node.replay.options import ReplayOptions
from tiny import scene

pytestmark = [pytest.mark.needs_rosbags, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


def drive(folder: Path, *topics: str) -> Path:
    """Write a frame of each camera."""
    return write_recording(folder, {topic: [(10**18, scene()[0])] for topic in topics})


@pytest.mark.parametrize(
    ('given', 'expected'), [('..', 'day'), ('.', 'part'), ('../.', 'day'), ('../../day', 'day')]
)
def test_bag_is_named_by_its_folder_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    from seg_node.replay.plan import plan  # noqa: PLC0415  # needs rosbags

    day = drive(tmp_path / 'day', '/eye')
    drive(day / 'part', '/eye')
    monkeypatch.chdir(day / 'part')

    (bag,) = plan([Path(given)], ReplayOptions()).bags

    assert bag.name == expected
