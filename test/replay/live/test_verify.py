# SPDX-License-Identifier: Apache-2.0
"""Masks held against checksums of an offline run, and decisions written for one to follow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seg_node.replay.live.digests import digests_file
from seg_node.replay.live.frames import LiveFrame
from seg_node.replay.live.verify import verify, write_decisions

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.pipeline import CrfDecision

LABELS, BEFORE = 'labels', 'before the CRF'
ENGINE = 'onnxruntime'


def frame(index: int, digest: str | None, crf: str | None, repetition: int = 0) -> LiveFrame:
    """Return a frame that was played."""
    stamp = 10 + index
    return LiveFrame(0, repetition, index, stamp, stamp, stamp, 0.0, stamp, digest, crf, ENGINE)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Folder of an offline run of three frames."""
    file = digests_file(tmp_path, 'drive')
    file.parent.mkdir()
    file.write_text(''.join(json.dumps([n, LABELS, BEFORE]) + '\n' for n in range(3)))
    return tmp_path


def test_refined_masks_are_held_against_refined_labels_and_others_against_the_networks(
    out: Path,
) -> None:
    good = [frame(0, LABELS, 'ran'), frame(1, BEFORE, 'certain'), frame(2, BEFORE, 'no_time')]
    wrong = [frame(0, BEFORE, 'ran', 1), frame(1, LABELS, 'certain', 1), frame(2, 'x', 'off', 1)]

    found = verify([*good, *wrong, frame(0, None, None, 2)], ['drive'], out, ENGINE, 4)

    assert (found.compared, found.different, found.strangers) == (6, tuple(wrong), 4)


def test_a_mask_of_a_frame_that_the_offline_run_lacks_is_different(out: Path) -> None:
    assert verify([frame(7, LABELS, 'ran')], ['drive'], out, ENGINE, 0).different


def test_masks_of_another_engine_or_of_unknown_decisions_are_not_compared(out: Path) -> None:
    other, silent = frame(0, 'x', 'ran'), frame(1, 'x', None)
    other.engine = 'tensorrt'

    found = verify([other, silent], ['drive'], out, ENGINE, 0)

    assert (found.compared, found.different) == (0, ())
    assert (found.of_others, found.undecided) == (1, 1)


@pytest.mark.needs_rosbags
def test_a_frame_is_refined_offline_if_it_was_so_once(tmp_path: Path) -> None:
    from seg_node.replay.follow import read_decisions  # noqa: PLC0415  # needs rosbags

    file = tmp_path / 'decisions.jsonl'
    played = [
        frame(0, BEFORE, 'certain'),
        frame(1, None, None),
        frame(2, BEFORE, 'no_time'),
        frame(0, LABELS, 'ran', 1),
        frame(2, BEFORE, 'certain', 1),
    ]

    write_decisions(played, ['drive'], '/front/image', file)

    decisions = read_decisions(file)
    expected: dict[int, CrfDecision] = {10: 'ran', 11: 'off', 12: 'no_time'}
    assert {stamp: decisions('/front/image', stamp) for stamp in expected} == expected
