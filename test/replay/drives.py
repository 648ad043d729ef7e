# SPDX-License-Identifier: Apache-2.0
"""A made-up drive as a recording with truth, and a bundle that sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rosbags.interfaces import Connection

    from seg_node.recordings.images import Frame

SIZE = (90, 120)
TRUTH_TOPIC = '/camera/segmentation/truth'
TOPIC = '/camera/image_raw'


def write_drive(
    folder: Path,
    frames: int,
    *,
    seed: int = 0,
    rate: float = 10.0,
    start_ns: int = 1_700_000_000 * 10**9,
    storage: str = 'mcap',
    cut: int | None = None,
    turn: int = 0,
) -> Path:
    """Write a drive with truth: scenes that change once a second and move in between.

    Args:
        folder: Must not exist.
        frames: How many.
        seed: Chooses the scenes.
        rate: Frames per second [Hz].
        start_ns: Stamp of the first frame.
        storage: ``'mcap'`` or ``'sqlite3'``.
        cut: Index of an image of which most bytes are missing.
        turn: Quarter turns, counter-clockwise, of images and truth.
    """
    from seg_node.recordings.camera import Camera, record  # noqa: PLC0415  # needs rosbags
    from seg_node.recordings.writer import BagFormat, BagWriter  # noqa: PLC0415

    camera = Camera(rate=rate, start_ns=start_ns, classes=TAXONOMY)
    victim = None if cut is None else camera.stamp_ns(cut)

    class Writer(BagWriter):
        """Loses bytes."""

        def write_raw(
            self, connection: Connection, time_ns: int, data: bytes | memoryview
        ) -> None:
            """Write a message, or the begin of it."""
            lost = connection.topic == TOPIC and time_ns == victim
            super().write_raw(connection, time_ns, data[:100] if lost else data)

    with Writer(folder, BagFormat(storage=storage)) as writer:
        record(writer, camera, _frames(frames, seed, turn))
    return folder


def _frames(count: int, seed: int, turn: int) -> Iterator[Frame]:
    """Yield images that are noisy, with their truth."""
    from seg_node.recordings.images import Frame  # noqa: PLC0415  # needs rosbags

    rng = np.random.default_rng(seed)
    for index in range(count):
        image, labels = scene(SIZE, seed + index // 10)
        shift = index % 10
        noise = rng.integers(-60, 61, image.shape)
        moved = np.clip(np.roll(image, shift, axis=1) + noise, 0, 255).astype(np.uint8)
        pair = (np.rot90(one, turn) for one in (moved, np.roll(labels, shift, axis=1)))
        yield Frame(*map(np.ascontiguousarray, pair))
