# SPDX-License-Identifier: Apache-2.0
"""What a replay is made of, and which wishes are refused before it begins."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from bags import write_recording
from seg_node.errors import BagError, ParameterError
from seg_node.replay.options import ReplayOptions, TruthSource
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


def test_each_camera_that_is_named_has_to_be_in_a_recording(tmp_path: Path) -> None:
    from seg_node.replay.plan import plan  # noqa: PLC0415  # needs rosbags

    bags = [drive(tmp_path / 'a', '/left'), drive(tmp_path / 'b', '/right')]

    found = plan(bags, ReplayOptions(topics=('/left', '/right')))
    assert [bag.cameras for bag in found.bags] == [('/left',), ('/right',)]
    with pytest.raises(BagError, match=r"No recording has an image topic '/up'.*: /left, /right"):
        plan(bags, ReplayOptions(topics=('/left', '/up')))


def test_label_topic_has_to_be_in_a_recording(tmp_path: Path) -> None:
    from seg_node.replay.plan import plan  # noqa: PLC0415  # needs rosbags

    bag = drive(tmp_path / 'bag', '/front/image', '/front/truth')

    plan([bag], ReplayOptions(truth=TruthSource(topic='{camera}/truth')))
    with pytest.raises(BagError, match="No recording has a label topic '/front/labels'"):
        plan(
            [bag],
            ReplayOptions(topics=('/front/image',), truth=TruthSource(topic='{camera}/labels')),
        )


def test_folder_of_the_truth_has_to_hold_labels(tmp_path: Path) -> None:
    from seg_node.replay.plan import plan  # noqa: PLC0415  # needs rosbags

    source = TruthSource(folder=tmp_path / '{bag}_labels')

    with pytest.raises(ParameterError, match=r'bag_labels.* holds no \.png files'):
        plan([drive(tmp_path / 'bag', '/eye')], ReplayOptions(truth=source))


@pytest.mark.parametrize(
    ('seconds', 'parts'),
    [(1, 1), (9, 1), (11, 2), (17, 2), (24, 4), (59, 8), (79, 12), (120, 16), (3600, 60)],
)
def test_long_bag_is_cut_into_parts_that_two_and_four_processes_share(
    tmp_path: Path, seconds: int, parts: int
) -> None:
    from seg_node.replay.plan import plan  # noqa: PLC0415  # needs rosbags

    frame, second = scene()[0], 10**9
    times = [10**18, 10**18 + seconds * second]
    bag = write_recording(tmp_path / 'bag', {'/eye': [(time, frame) for time in times]})

    tasks = plan([bag], ReplayOptions()).tasks

    assert len(tasks) == parts
    spans = [task.span for task in tasks]
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    borders = [stop for _, stop in spans[:-1]]
    assert all(second * 5 <= after - before <= second * 75 for before, after in pairwise(borders))
