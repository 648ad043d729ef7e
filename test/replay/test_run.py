# SPDX-License-Identifier: Apache-2.0
"""Whole replays of small drives, against what is known of every frame."""

from __future__ import annotations

from dataclasses import replace
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from bags import write_recording
from replay.drives import SIZE, TOPIC, TRUTH_TOPIC, write_drive
from seg_node.crf import preset
from seg_node.errors import BagError, ParameterError, SegNodeError
from seg_node.pipeline import CrfChoice, SegmenterOptions, SmoothingOptions
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.replay.record import FrameRecord
from tiny import scene, tiny_bundle, tuned_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

FRAMES = 24
TRUTH = TruthSource(topic=TRUTH_TOPIC)
GATED = CrfChoice(entropy_threshold=0.5, min_uncertain_fraction=0.058)
# Kills itself at a frame, as the system does that is short of memory: nothing is cleaned up.
KILLED = """
import os, pathlib, pickle, signal, sys
from seg_node.replay import store
from seg_node.replay.run import replay
store.SAVED_EVERY_S = 0.0
bags, out, options, frame = pickle.loads(bytes.fromhex(sys.argv[1]))
def on_progress(done, total):
    if done == frame:
        os.kill(os.getpid(), signal.SIGKILL)
replay(bags, out, options, on_progress=on_progress)
"""


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle that calls each pixel by its brightest channel."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with truth."""
    return write_drive(tmp_path_factory.mktemp('drives') / 'drive', FRAMES)


@pytest.fixture(scope='module')
def whole(drive: Path, bundle: str, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """The drive, replayed without interruption."""
    return run([drive], tmp_path_factory.mktemp('whole'), ReplayOptions(bundle, truth=TRUTH))


def run(bags: list[Path], out: Path, options: ReplayOptions) -> Replay:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    return replay(bags, out, options)


def records(out: Path) -> list[FrameRecord]:
    lines = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    return [FrameRecord.from_json(line) for line in lines]


def timeless(out: Path) -> list[dict[str, Any]]:
    return [record.timeless() for record in records(out)]


def run_until_killed(bags: list[Path], out: Path, options: ReplayOptions, frame: int) -> None:
    """Replay in another process that is killed when so many frames are done."""
    import pickle  # noqa: PLC0415 - between our own processes

    packed = pickle.dumps((bags, out, options, frame)).hex()
    killed = subprocess.run([sys.executable, '-c', KILLED, packed], check=False)
    assert killed.returncode == -signal.SIGKILL


def flat(value: Any) -> list[float]:
    """Return the numbers of nested data in order, NaN for None."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in flat(one)]
    return [math.nan if value is None else float(value)]


def images(bag: Path, topic: str = TOPIC) -> Iterable[Any]:
    from seg_node.recordings.reader import decode, Recording  # noqa: PLC0415 - needs rosbags

    recording = Recording(bag)
    for found in recording.messages([topic]):
        yield decode(found, recording.deserialize(found))


def test_every_frame_has_the_labels_that_the_segmenter_gives(
    whole: Replay, drive: Path, bundle: str
) -> None:
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415 - needs onnxruntime

    with open_segmenter(bundle) as segmenter:
        expected = [segmenter(image) for image in images(drive)]

    found = records(whole.out)

    assert len(found) == FRAMES
    for record, one in zip(found, expected, strict=True):
        counts = np.bincount(one.labels.ravel(), minlength=3)
        assert record.class_pixels == tuple(counts)
        assert one.entropy is not None
        assert record.entropy == pytest.approx(one.entropy.mean() / 255)
        assert record.size == SIZE
        assert record.error is None
    assert [record.index for record in found] == list(range(FRAMES))
    assert np.diff([record.stamp_ns for record in found]).tolist() == [10**8] * (FRAMES - 1)


def test_scores_are_those_of_an_evaluation_of_the_same_images(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.datasets import Sample  # noqa: PLC0415
    from seg_node.evaluation import as_json, evaluate, open_for_evaluation  # noqa: PLC0415
    from seg_node.recordings.reader import Recording  # noqa: PLC0415
    from seg_node.replay.truth import label_pixels  # noqa: PLC0415 - needs rosbags
    from tiny import Scenes, TAXONOMY  # noqa: PLC0415

    recording = Recording(drive)
    truth = [
        label_pixels(found, recording.deserialize(found))
        for found in recording.messages([TRUTH_TOPIC])
    ]
    samples = [
        Sample('', image, labels) for image, labels in zip(images(drive), truth, strict=True)
    ]
    with open_for_evaluation(bundle, 'onnxruntime') as segmenter:
        result = evaluate(segmenter, Scenes(TAXONOMY, tuple(samples)), name='drive', split='all')
    expected = as_json(result)

    replayed = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH, full=True))

    scores = replayed.data['scores']
    assert replayed.data['frames_with_truth'] == FRAMES
    assert flat(scores) == pytest.approx(
        flat({name: expected[name] for name in scores}), abs=2e-6, nan_ok=True
    )
    assert replayed.data['sums']['confusion'] == expected['sums']['confusion']


def test_quick_scores_are_the_full_ones_as_far_as_they_go(
    whole: Replay, drive: Path, bundle: str, tmp_path: Path
) -> None:
    full = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH, full=True))

    quick = {name: one for name, one in whole.data['scores'].items() if name in QUICK}

    assert len(quick) == len(QUICK)
    expected = {name: full.data['scores'][name] for name in quick}
    assert flat(quick) == pytest.approx(flat(expected), abs=2e-6, nan_ok=True)


QUICK = (
    *('mean_iou', 'global_accuracy', 'class_iou', 'class_recall', 'boundary_iou', 'ece', 'aurc'),
    *('mean_iou_of_images', 'mean_entropy', 'confusion'),
)


def test_scores_of_bags_add_up_to_those_of_all(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / f'{seed}', 6, seed=seed) for seed in range(2)]

    data = run(bags, tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH)).data

    parts = [np.array(bag['sums']['confusion']) for bag in data['bags']]
    assert [bag['name'] for bag in data['bags']] == ['0', '1']
    assert np.array_equal(sum(parts), data['sums']['confusion'])
    assert data['frames'] == sum(bag['frames'] for bag in data['bags']) == 12


def test_written_file_says_what_is_returned(whole: Replay) -> None:
    written = json.loads((whole.out / 'replay.json').read_text(encoding='utf-8'))

    assert written == json.loads(json.dumps(whole.data))
    assert not (whole.out / 'journal').exists()


@pytest.mark.parametrize(
    ('crf', 'frame'), [(CrfChoice(enabled=False), 1), (GATED, 10), (GATED, 18)]
)
def test_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    drive: Path, bundle: str, tmp_path: Path, crf: CrfChoice, frame: int
) -> None:
    options = ReplayOptions(bundle, truth=TRUTH, crf=crf)
    out = tmp_path / 'killed'
    run_until_killed([drive], out, options, frame)
    assert not (out / 'frames.jsonl').exists()
    steps: list[int] = []

    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    replay([drive], out, options, on_progress=lambda done, _: steps.append(done))
    unharmed = run([drive], tmp_path / 'whole', options)

    assert steps[0] >= frame - 1  # at most the frame that was not saved is done again
    assert timeless(out) == timeless(unharmed.out)
    again = json.loads((out / 'replay.json').read_text(encoding='utf-8'))
    assert again['sums'] == unharmed.data['sums']
    if crf.enabled:
        assert {'ran', 'certain'} <= {record.crf for record in records(out)}


def test_killed_run_begins_a_labelled_bag_anew(drive: Path, bundle: str, tmp_path: Path) -> None:
    """The bag before it is whole and stays; half a bag cannot be continued."""
    from seg_node.recordings.reader import Recording  # noqa: PLC0415 - needs rosbags
    from seg_node.replay.run import replay  # noqa: PLC0415

    options = ReplayOptions(bundle, sinks=('labelled',))
    other = write_drive(tmp_path / 'other', FRAMES, seed=1)
    out = tmp_path / 'out'
    run_until_killed([drive, other], out, options, FRAMES + 10)
    first = out / 'labelled' / 'drive' / 'drive.mcap'
    before = first.stat().st_mtime_ns
    steps: list[int] = []

    replay([drive, other], out, options, on_progress=lambda done, _: steps.append(done))

    assert steps[0] == FRAMES
    assert first.stat().st_mtime_ns == before
    masks = [
        Recording(out / 'labelled' / name).topics['/camera/segmentation/mask'].messages
        for name in ('drive', 'other')
    ]
    assert masks == [FRAMES, FRAMES]
    assert timeless(out) == timeless(run([drive, other], tmp_path / 'whole', options).out)


def test_folder_of_another_run_that_was_interrupted_is_refused(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    options = ReplayOptions(bundle, truth=TRUTH)
    with pytest.raises(KeyboardInterrupt):
        replay([drive], tmp_path, options, on_progress=interrupt)

    with pytest.raises(ParameterError, match='begun with other bags or options'):
        replay([drive], tmp_path, replace(options, flicker=False))
    assert replay([drive], tmp_path, replace(options, workers=1)).data['frames'] == FRAMES


def test_stretches_of_any_length_give_the_same(
    whole: Replay, drive: Path, bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.replay.plan.SHORTEST_NS', 250_000_000)

    cut = run([drive], tmp_path / 'out', ReplayOptions(bundle, truth=TRUTH))

    assert timeless(cut.out) == timeless(whole.out)
    assert cut.data['sums'] == whole.data['sums']
    assert sum(record.flicker is not None for record in records(cut.out)) == FRAMES - 1


@pytest.mark.slow
def test_processes_give_the_same_as_one(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / f'{seed}', 120, seed=seed) for seed in range(2)]
    options = ReplayOptions(bundle, truth=TRUTH)

    one = run(bags, tmp_path / 'one', options)
    three = run(bags, tmp_path / 'three', replace(options, workers=3))

    assert timeless(three.out) == timeless(one.out)
    assert three.data['sums'] == one.data['sums']
    assert [bag['sums'] for bag in three.data['bags']] == [bag['sums'] for bag in one.data['bags']]


@pytest.mark.slow
@pytest.mark.parametrize('most', [1, 3])
def test_lost_process_is_replaced_and_too_many_are_told(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags
    from seg_node.replay.scale.workers import LostWorkersError  # noqa: PLC0415

    bag = write_drive(tmp_path / 'drive', 300)
    options = ReplayOptions(bundle, truth=TRUTH, workers=2)
    killed: list[int | None] = []
    monkeypatch.setattr('seg_node.replay.scale.workers.MOST_LOSSES', most)

    def kill(_done: int, _total: int) -> None:
        mine = [one.pid for one in multiprocessing.active_children()]
        if mine and not killed:
            os.kill(mine[0] or 0, signal.SIGKILL)
            killed.append(mine[0])

    if most == 1:
        with pytest.raises(LostWorkersError, match='the same command goes on'):
            replay([bag], tmp_path / 'out', options, on_progress=kill)
    found = replay([bag], tmp_path / 'out', options, on_progress=kill)
    whole = run([bag], tmp_path / 'whole', replace(options, workers=1))

    assert killed
    assert timeless(found.out) == timeless(whole.out)
    assert found.data['sums'] == whole.data['sums']


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


def test_cameras_that_have_to_be_chosen_are_listed(bundle: str, tmp_path: Path) -> None:
    frames = [(10**18 + index * 10**8, scene(seed=index)[0]) for index in range(3)]
    bag = write_recording(tmp_path / 'bag', {'/left/image': frames, '/right/image': frames[:2]})

    with pytest.raises(BagError, match=r'2 camera topics.*: /left/image, /right/image'):
        run([bag], tmp_path / 'none', ReplayOptions(bundle))
    with pytest.raises(BagError, match=r"an image topic '/up'.*: /left/image, /right/image"):
        run([bag], tmp_path / 'other', ReplayOptions(bundle, topics=('/up',)))
    both = run(
        [bag], tmp_path / 'both', ReplayOptions(bundle, topics=('/right/image', '/left/image'))
    )

    assert [(one.topic, one.index) for one in records(both.out)] == [
        *(('/left/image', index) for index in range(3)),
        *(('/right/image', index) for index in range(2)),
    ]


def test_bags_of_one_name_are_told_apart(bundle: str, tmp_path: Path) -> None:
    bags = [write_drive(tmp_path / part / 'drive', 2) for part in 'ab']

    data = run(bags, tmp_path / 'out', ReplayOptions(bundle)).data

    assert [bag['name'] for bag in data['bags']] == ['drive', 'drive~2']


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
