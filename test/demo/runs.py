# SPDX-License-Identifier: Apache-2.0
"""Runs of the demo that never happened: what camera and recorder would have left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from seg_node.demo.performance import Performance
from seg_node.demo.reel import Reel
from tiny import scene

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

FIRST_NS = 10**18
PERIOD_NS = 10**8
SIZE = (36, 64)


def stamp_of(index: int) -> int:
    """Return the stamp of a frame [ns]."""
    return FIRST_NS + index * PERIOD_NS


def write_run(
    folder: Path, frames: int, *, lost: tuple[int, ...] = (), wrong: tuple[int, ...] = ()
) -> tuple[Reel, Performance]:
    """Write images, truth and records of a run in which the node is perfect.

    Args:
        folder: ``images``, ``truths`` and ``record`` are made in it.
        frames: How many were sent; frame i came back after i + 1 ms.
        lost: Frames that were never answered.
        wrong: Frames whose mask is 0 everywhere.
    """
    reel = Reel(folder / 'images', folder / 'truths', frames, frozenset({SIZE}))
    for one in (reel.images, reel.truths, folder / 'record'):
        one.mkdir(parents=True)
    records = [rehearsal()]
    performance = Performance(rehearsed={FIRST_NS - PERIOD_NS}, rate=10.0)
    for index in range(frames):
        image, labels = scene(SIZE, index)
        np.save(reel.images / f'{index:06d}.npy', image)
        np.save(reel.truths / f'{index:06d}.npy', labels)
        performance.sent.append((f'{index:06d}', stamp_of(index)))
        if index not in lost:
            mask = np.zeros_like(labels) if index in wrong else labels
            records += answer(folder / 'record', index, mask)
    lines = ''.join(json.dumps(record) + '\n' for record in records)
    (folder / 'record' / 'records.jsonl').write_text(lines, encoding='utf-8')
    return reel, performance


def rehearsal() -> dict[str, object]:
    """Return the record of a mask from before the drive."""
    stamp = FIRST_NS - PERIOD_NS
    return {'topic': 'mask', 'stamp_ns': stamp, 'received_ns': stamp + 9, 'file': 'mask/0.npy'}


def answer(folder: Path, index: int, mask: npt.NDArray[np.uint8]) -> list[dict[str, object]]:
    """Write what the node published for a frame; return the records."""
    stamp = stamp_of(index)
    arrived = stamp + (index + 1) * 10**6
    planes = {
        'mask': mask,
        'confidence': np.full_like(mask, 200),
        'entropy': np.full_like(mask, 40),
        'drivable_area': np.where(mask == 1, 255, 0).astype(np.uint8),
    }
    records: list[dict[str, object]] = []
    for topic, plane in planes.items():
        file = f'{topic}/{stamp}.npy'
        (folder / topic).mkdir(exist_ok=True)
        np.save(folder / file, plane)
        one = {'topic': topic, 'stamp_ns': stamp, 'received_ns': arrived, 'file': file}
        records.append(one)
    values = {
        'crf': 'ran' if index == 0 else 'off',
        'crf_ms': '40' if index == 0 else '0',
        'crf_backend': 'native',
        'infer_ms': f'{10 * (index + 1)}',
        'age_s': '1',
    }
    return [*records, words('status', stamp, arrived, values)]


def words(topic: str, stamp: int, received: int, values: dict[str, str]) -> dict[str, object]:
    """Return the record of a diagnostics message."""
    entry = {'level': 0, 'name': 'seg_node', 'message': '', 'values': values}
    return {'topic': topic, 'stamp_ns': stamp, 'received_ns': received, 'entries': [entry]}
