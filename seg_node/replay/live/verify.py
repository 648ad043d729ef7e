# SPDX-License-Identifier: Apache-2.0
"""Masks of the node against an offline run that follows its decisions about the CRF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.replay.live.digests import read_digests
from seg_node.replay.record import FrameRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seg_node.replay.live.frames import LiveFrame

__all__ = ['Verdict', 'verify', 'write_decisions']

RAN = 'ran'
UNDECIDED = 'off'


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the masks agree.

    Attributes:
        compared: Masks that were compared.
        different: Frames whose mask is another one.
        of_others: Masks of another engine, which answers while that of the offline run gets ready.
        undecided: Masks of which it is not known what was decided about the CRF: their status was
            lost.
        strangers: Masks for which no image was sent.
    """

    compared: int
    different: tuple[LiveFrame, ...]
    of_others: int
    undecided: int
    strangers: int


def write_decisions(
    frames: Sequence[LiveFrame], bags: Sequence[str], topic: str, file: Path
) -> None:
    """Write what the node decided about each frame, for an offline run to follow.

    A frame that was played several times is refined if it was so once: the labels before the CRF
    are known then, too. A frame whose status alone was lost is written with ``'off'``: the node
    saw it, and its smoothing remembers it.

    Args:
        frames: All that were sent.
        bags: Names of the recordings.
        topic: Of the camera.
        file: ``frames.jsonl`` with decisions alone.
    """
    seen = [one for one in frames if one.crf is not None or one.digest is not None]
    ordered = sorted(seen, key=_rank)  # the first of a frame and of a stamp counts
    made: dict[tuple[int, int], LiveFrame] = {}
    for one in ordered:
        made.setdefault((one.bag, one.index), one)
    with file.open('w', encoding='utf-8') as lines:
        for one in made.values():
            stamp = one.stamp_ns or one.log_ns
            record = FrameRecord(
                bags[one.bag], topic, one.index, stamp, one.log_ns, crf=one.crf or UNDECIDED
            )
            lines.write(record.to_json() + '\n')


def _rank(frame: LiveFrame) -> int:
    """Return 0 for a refined frame, 1 for another decision, 2 for one that is not known."""
    return 0 if frame.crf == RAN else 1 if frame.crf is not None else 2


def verify(
    frames: Sequence[LiveFrame], bags: Sequence[str], out: Path, engine: str, strangers: int
) -> Verdict:
    """Compare masks by their checksums, where it is known what was decided about them.

    Args:
        frames: All that were sent.
        bags: Names of the recordings.
        out: Folder of the offline run.
        engine: Name of its engine.
        strangers: Masks for which no image was sent.
    """
    known = [read_digests(out, bag) for bag in bags]
    masked = [one for one in frames if one.digest is not None]
    decided = [one for one in masked if one.crf is not None]
    compared = [one for one in decided if one.engine == engine]
    different = []
    for one in compared:
        labels, before = known[one.bag].get(one.index, ('', ''))
        if one.digest != (labels if one.crf == RAN else before):
            different.append(one)
    others, undecided = len(decided) - len(compared), len(masked) - len(decided)
    return Verdict(len(compared), tuple(different), others, undecided, strangers)
