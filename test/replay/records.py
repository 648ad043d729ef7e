# SPDX-License-Identifier: Apache-2.0
"""Frames of drives that never were, with known errors."""

from __future__ import annotations

from typing import Any

from seg_node.replay.record import FrameRecord

NANO = 1_000_000_000


def record(index: int = 0, hits: int = 80, misses: int = 20, **changes: Any) -> FrameRecord:
    """Return a frame of two classes at 10 Hz: ``misses`` pixels of class 0 are taken for 1."""
    fields: dict[str, Any] = {
        'bag': 'drive',
        'topic': '/camera/image',
        'index': index,
        'stamp_ns': index * NANO // 10,
        'log_ns': index * NANO // 10,
        'size': (10, 10),
        'times': {'total': 0.01},
        'entropy': 0.25,
        'class_pixels': (hits, misses),
        'flicker': 0.1 if index else None,
        'confusion': ((0, 0, hits), (0, 1, misses)),
    }
    return FrameRecord(**{**fields, **changes})


def drive(frames: int, **changes: Any) -> list[FrameRecord]:
    """Return so many frames that are all alike."""
    return [record(index, **changes) for index in range(frames)]
