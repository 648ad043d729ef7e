# SPDX-License-Identifier: Apache-2.0
"""Replays of recordings, what they wrote of every frame, and the images they saw."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from replay.drives import TOPIC, TRUTH_TOPIC
from seg_node.pipeline import CrfChoice
from seg_node.replay.options import TruthSource
from seg_node.replay.record import FrameRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.run import Replay

FRAMES = 24  # of the drive in conftest.py
TRUTH = TruthSource(topic=TRUTH_TOPIC)
GATED = CrfChoice(entropy_threshold=0.5, min_uncertain_fraction=0.058)


def run(bags: list[Path], out: Path, options: ReplayOptions) -> Replay:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    return replay(bags, out, options)


def records(out: Path) -> list[FrameRecord]:
    lines = (out / 'frames.jsonl').read_text(encoding='utf-8').splitlines()
    return [FrameRecord.from_json(line) for line in lines]


def timeless(out: Path) -> list[dict[str, Any]]:
    return [record.timeless() for record in records(out)]


def images(bag: Path, topic: str = TOPIC) -> Iterable[Any]:
    from seg_node.recordings.reader import decode, Recording  # noqa: PLC0415 - needs rosbags

    recording = Recording(bag)
    for found in recording.messages([topic]):
        yield decode(found, recording.deserialize(found))
