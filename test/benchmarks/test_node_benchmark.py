# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of the node computes from what its processes tell."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext
import json
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('rclpy')
pytest.importorskip('torch')

import bench_node
from measuring.node import parts as node_parts
from measuring.node.runs import Rival, Spent, Turns
from measuring.rivals.plain_onnx_loop import PlainLoop
from seg_node.pipeline import open_segmenter
import tiny

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_ros,
    pytest.mark.needs_torch,
]


class Told:
    """An event with details."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        """Remember them."""
        self.details = details


class ScriptedCrew:
    """A crew whose node spends 30 ms a frame: 20 in the network, 4 behind it."""

    def __init__(
        self, lost: int = 0, labels: Mapping[str, npt.NDArray[np.uint8]] | None = None
    ) -> None:
        """Start with nothing spent."""
        self.lost = lost
        self.labels = labels or {}
        self.frames = self.asked = 0

    def pid(self, _name: str) -> int:
        """Return an id."""
        return 1

    def say(self, name: str, words: str) -> None:
        """Count the frames that are asked for."""
        word, *rest = words.split()
        if name.endswith('traffic'):
            self.asked = int(rest[0])
            self.frames += self.asked
        elif word == 'labels':
            np.save(rest[0], self.labels[name])

    def wait_for(self, _name: str, what: str, *, timeout: float) -> Told:
        """Tell what was spent, or how the frames went."""
        assert timeout > 0
        if what == 'spent':
            parts = {'network_s': 0.020, 'post_s': 0.004, 'fill_s': 0.001}
            return Told({name: value * self.frames for name, value in parts.items()})
        answered = self.asked - self.lost
        latencies = [0.05] * answered
        return Told({'sent': self.asked, 'latencies_s': latencies, 'span_s': 1.0, 'late_s': 0.0})


def taken(monkeypatch: pytest.MonkeyPatch, crew: ScriptedCrew, folder: Path) -> Spent:
    monkeypatch.setattr('measuring.node.runs.cpu_seconds', lambda _pid: 0.030 * crew.frames)
    return turns_with(crew, folder).take(3)['ours']


def turns_with(crew: ScriptedCrew, folder: Path) -> Turns:
    rivals = {'ours': Rival(['ours'], ['mask'], folder)}
    return Turns(crew, rivals, folder)  # type: ignore[arg-type]


def test_what_is_neither_network_nor_post_processing_is_around(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spent = taken(monkeypatch, ScriptedCrew(), tmp_path)

    assert len(spent.total) == 3  # the first turn warms up
    assert spent.medians() == pytest.approx(
        {
            'cpu_ms': 30.0,
            'network_ms': 20.0,
            'post_ms': 4.0,
            'around_ms': 6.0,
            'around_without_fill_ms': 5.0,
            'latency_ms': 50.0,
        }
    )


def test_turn_that_lost_frames_is_not_timed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r'ours did not answer 2 of 2 frames'):
        taken(monkeypatch, ScriptedCrew(lost=2), tmp_path)


def test_labels_of_one_frame_of_each_are_compared(tmp_path: Path) -> None:
    labels = {'ours': np.zeros((2, 4), np.uint8), 'tutorial': np.eye(2, 4, dtype=np.uint8)}
    crew = ScriptedCrew(labels=labels)

    assert turns_with(crew, tmp_path).equal_labels('ours', 'tutorial') == 0.75
    assert crew.frames == 2


def test_part_that_nobody_timed_ends_the_benchmark() -> None:
    hooked, missed = {'network_ms': 1.0, 'post_ms': 1.0}, {'network_ms': 1.0, 'post_ms': 0.0}

    node_parts.assert_timed({'ours': hooked}, 'ours')
    with pytest.raises(AssertionError, match='ours: its parts were not timed'):
        node_parts.assert_timed({'ours': missed}, 'ours')


class PlayedTurns:
    """Turns that were taken elsewhere."""

    def __init__(self, spent: Mapping[str, Spent]) -> None:
        """Remember what was spent."""
        self.spent = spent

    def equal_labels(self, _one: str, _other: str) -> float:
        """Return that all labels are equal."""
        return 1.0

    def take(self, _rounds: int) -> Mapping[str, Spent]:
        """Return what was spent."""
        return self.spent


def turns_of(monkeypatch: pytest.MonkeyPatch, spent: Mapping[str, Spent]) -> None:
    """Let the parts have these turns."""
    monkeypatch.setattr(node_parts, 'taking_turns', lambda *_: nullcontext(PlayedTurns(spent)))


def test_ours_is_charged_with_filling_one_image_as_the_tutorial_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tiny.tiny_bundle(tmp_path / 'tiny')
    fill = 3.0 * len(bundle.manifest.taxonomy)
    ours = Spent(total=[30.0], network=[20.0], post=[4.0], fill=[0.0], latency=[1.0])
    tutorial = Spent(total=[102.0 + fill], network=[30.0], post=[60.0], fill=[fill], latency=[1.0])
    tuned = Spent(total=[98.0 + fill], network=[30.0], post=[60.0], fill=[fill], latency=[1.0])
    alone = Spent(total=[2.0], network=[0.0], post=[0.0], fill=[0.0], latency=[1.0])
    rivals = {'ours': ours, 'tutorial': tutorial, 'tutorial_tuned': tuned, 'rclpy_alone': alone}
    turns_of(monkeypatch, rivals)

    found, bars = node_parts.around(bundle, Namespace(folder=tmp_path, rounds=1))

    assert bars[0] == ('around network and post-processing / tutorial', found['ratio'], 0.25)
    assert found['ratio'] == pytest.approx(9.0 / (12.0 + fill))
    assert found['charged for filling [ms]'] == pytest.approx(3.0)
    assert found['ratio without filling'] == 0.5
    assert found['ratio without filling to the tuned tutorial'] == 0.75


def test_what_is_added_to_what_rclpy_takes_alone_is_judged_too() -> None:
    bare = {'ours': 7.0, 'tutorial': 20.0, 'tutorial_tuned': 14.0, 'rclpy_alone': 6.0}
    found = {name: {'around_ms': ms, 'around_without_fill_ms': ms} for name, ms in bare.items()}

    assert node_parts.bars_around(node_parts.ratios_around(found, 19)) == [
        ('around network and post-processing / tutorial', 0.35, 0.25),
        ('added to rclpy around network and post-processing / tutorial', 1.0 / 14.0, 0.25),
    ]


def test_cost_of_planes_is_told_per_image_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two = Spent(total=[30.0], network=[20.0], post=[4.0], fill=[0.0], latency=[1.0])
    every = Spent(total=[54.0], network=[20.0], post=[9.0], fill=[0.0], latency=[1.0])
    images = Spent(total=[21.0], network=[0.0], post=[0.0], fill=[0.0], latency=[1.0])
    rivals = {'all_watched': every, 'two_watched': two, 'no_class_topics': two}
    turns_of(monkeypatch, {**rivals, 'images_alone': images})
    bundle = tiny.tiny_bundle(tmp_path / 'tiny')

    found, _ = node_parts.planes(bundle, Namespace(folder=tmp_path, rounds=1))

    assert found['ratio'] == pytest.approx(24.0 / 21.0)
    assert found['ratio per image'] == pytest.approx(24.0 / len(bundle.manifest.taxonomy))


def test_plain_loop_gives_the_labels_of_the_pipeline(tmp_path: Path) -> None:
    bundle = tiny.tiny_bundle(tmp_path / 'tiny')
    image = tiny.scene((90, 120), 1)[0]

    maps, area = PlainLoop(bundle)(image)
    with open_segmenter(str(bundle.path), 'onnxruntime') as segmenter:
        ours = segmenter(image)

    assert np.mean(maps.labels == ours.labels) > 0.999
    assert area.shape == image.shape[:2]


@pytest.mark.parametrize(('value', 'status'), [(0.24, 0), (0.26, 1)])
def test_check_fails_if_a_bar_is_missed_and_the_file_tells_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: float, status: int
) -> None:
    found = {'share': value}, [('share', value, 0.25)]
    monkeypatch.setitem(node_parts.PARTS, 'around', lambda _bundle, _args: found)
    monkeypatch.setattr(bench_node, 'write_frames', lambda *_: None)
    file = tmp_path / 'node.json'

    ended = bench_node.main(['--part', 'around', '--check', '--json', str(file)])

    data = json.loads(file.read_text(encoding='utf-8'))
    assert ended == status
    assert data['bars'] == [{'what': 'share', 'value': value, 'bar': 0.25, 'met': not status}]
    assert data['parts'] == {'around': {'share': value}}


def test_larger_network_that_is_not_the_one_of_the_bar_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node_parts, 'at_size', lambda bundle, *_: bundle)
    monkeypatch.setattr(node_parts, 'work_of', lambda _: 2.4)
    args = Namespace(folder=tmp_path, rounds=1, data='procedural drive')

    with pytest.raises(AssertionError, match=r'the larger network has 2.4 GMAC'):
        node_parts.rate(tiny.tiny_bundle(tmp_path / 'tiny'), args)


def test_parts_run_in_the_order_of_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []

    def part(name: str) -> node_parts.Part:
        def note(_bundle: Bundle, _args: Namespace) -> tuple[dict[str, Any], node_parts.Bars]:
            done.append(name)
            return {}, []

        return note

    for name in ('around', 'rate'):
        monkeypatch.setitem(node_parts.PARTS, name, part(name))
    monkeypatch.setattr(bench_node, 'write_frames', lambda *_: None)

    bench_node.main(['--part', 'rate', 'around', '--json', str(tmp_path / 'node.json')])

    assert done == ['around', 'rate']
