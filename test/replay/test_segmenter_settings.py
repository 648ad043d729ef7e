# SPDX-License-Identifier: Apache-2.0
"""Replays with settings of the segmenter: decisions of the CRF, smoothing, drivable area."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from replay.drives import TOPIC
from replay.runs import FRAMES, GATED, images, records, run
from seg_node.crf import preset
from seg_node.errors import SegNodeError
from seg_node.pipeline import SegmenterOptions, SmoothingOptions
from seg_node.replay.options import ReplayOptions
from seg_node.replay.record import FrameRecord
from tiny import tuned_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


def test_recorded_decisions_are_repeated(drive: Path, tmp_path: Path) -> None:
    bundle = str(tuned_bundle(tmp_path / 'bundle', preset('classic')).path)
    options = ReplayOptions(bundle, crf=GATED)
    first = run([drive], tmp_path / 'first', options)
    lines = (first.out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    flipped = {'ran': 'certain', 'certain': 'ran'}
    told = [replace(one, crf=flipped[one.crf]) for one in map(FrameRecord.from_json, lines)]
    source = tmp_path / 'told.jsonl'
    source.write_text('\n'.join(one.to_json() for one in told), encoding='utf-8')

    followed = run([drive], tmp_path / 'followed', replace(options, follow=source))

    assert [one.crf for one in records(followed.out)] == [one.crf for one in told]
    assert {one.crf for one in told} == {'ran', 'certain'}
    assert followed.data['crf']['without_decision'] == 0
    assert first.data['crf']['without_decision'] is None


def test_frames_without_a_decision_to_follow_are_told(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.replay.text import as_text  # noqa: PLC0415

    source = tmp_path / 'told.jsonl'
    known = FrameRecord('drive', TOPIC, 0, 1_700_000_000 * 10**9, 0, crf='off')
    source.write_text(known.to_json(), encoding='utf-8')

    data = run([drive], tmp_path / 'out', ReplayOptions(bundle, follow=source)).data

    assert data['crf']['without_decision'] == FRAMES - 1
    assert f'{FRAMES - 1} of {FRAMES} frames had no decision to follow' in as_text(data)


def test_smoothed_frames_are_those_of_the_segmenter_in_sequence(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    """Stretches of the drive are not shared out: each frame needs those before."""
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415 - needs onnxruntime

    smoothing = SmoothingOptions('flow', 0.6)
    options = ReplayOptions(bundle, smoothing=smoothing, workers=2)
    with open_segmenter(bundle, options=SegmenterOptions(smoothing=smoothing)) as segmenter:
        results = [segmenter(image, stamp=0.1 * n) for n, image in enumerate(images(drive))]
        plain = [segmenter(image).labels for image in images(drive)]

    replayed = run([drive], tmp_path / 'smoothed', options)

    found = [record.class_pixels for record in records(replayed.out)]
    expected = [tuple(np.bincount(one.labels.ravel(), minlength=3)) for one in results]
    assert found == expected
    assert any((one != two.labels).any() for one, two in zip(plain, results, strict=True))


def test_drivable_area_is_that_of_the_settings(drive: Path, bundle: str, tmp_path: Path) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415 - needs onnxruntime
    from seg_node.recordings.reader import decode, Recording  # noqa: PLC0415 - needs rosbags

    settings = {'classes': ('lava',), 'hysteresis': 0.4, 'reachable': True}
    options = ReplayOptions(
        bundle, drivable=tuple(settings.items()), sinks=('labelled',), workers=2
    )
    wanted = SegmenterOptions(
        drivable_classes=('lava',), drivable_hysteresis=0.4, drivable_reachable=True
    )
    with open_segmenter(bundle, options=wanted) as segmenter:
        expected = [
            segmenter(image, stamp=0.1 * n).drivable_area for n, image in enumerate(images(drive))
        ]

    replayed = run([drive], tmp_path / 'out', options)

    (bag,) = (one.parent for one in replayed.out.rglob('metadata.yaml'))
    recording = Recording(bag)
    topic = next(name for name in recording.topics if name.endswith('/drivable_area'))
    found = [decode(one, recording.deserialize(one)) for one in recording.messages([topic])]
    assert len(found) == FRAMES
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[..., 0], two)
    assert any(one.any() for one in found)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'classes': ('road',)}, "'road'; expected one of green road"),
        ({'hysteresis': 2.0}, 'drivable_hysteresis is 2.0'),
    ],
)
def test_settings_of_the_drivable_area_are_refused_before_a_frame_is_read(
    drive: Path, bundle: str, tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(SegNodeError, match=words):
        run([drive], tmp_path, ReplayOptions(bundle, drivable=tuple(settings.items())))
