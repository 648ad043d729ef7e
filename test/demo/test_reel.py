# SPDX-License-Identifier: Apache-2.0
"""Frames on disk."""

from __future__ import annotations

from collections import namedtuple
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.demo.reel import store
from seg_node.demo.sources import Frame, Source
from seg_node.errors import DemoError
from tiny import scene, TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

SIZES = ((20, 30), (20, 30), (16, 40))


def source(*, labels: bool = True) -> Source:
    scenes = [scene(size, index) for index, size in enumerate(SIZES)]
    frames = [Frame(image, truth if labels else None) for image, truth in scenes]
    return Source('procedural', 'three scenes', iter(frames), 3, TAXONOMY)


def test_stored_frames_are_the_sources(tmp_path: Path) -> None:
    reel = store(source(), tmp_path, limit=10)

    assert reel.frames == 3
    assert reel.sizes == {(20, 30), (16, 40)}
    names = [file.name for file in sorted(reel.images.iterdir())]
    assert names == [file.name for file in sorted(reel.truths.iterdir())]
    for index, name in enumerate(names):
        image, labels = scene(SIZES[index], index)
        assert np.array_equal(np.load(reel.images / name), image)
        assert np.array_equal(np.load(reel.truths / name), labels)


def test_store_stops_at_the_limit(tmp_path: Path) -> None:
    assert store(source(), tmp_path, limit=2).frames == 2


def test_store_without_labels_leaves_their_folder_empty(tmp_path: Path) -> None:
    reel = store(source(labels=False), tmp_path, limit=3)

    assert list(reel.truths.iterdir()) == []


def test_store_refuses_to_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple('usage', 'total used free')  # noqa: PYI024  # as shutil's own
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(9, 8, 1000))

    with pytest.raises(DemoError, match=r'3 frames of 20 x 30 \(height x width\).*--frames'):
        store(source(), tmp_path, limit=5)


def test_store_refuses_a_source_without_frames(tmp_path: Path) -> None:
    empty = Source('folder', 'images of nothing', iter(()))

    with pytest.raises(DemoError, match='Not one frame of the images of nothing'):
        store(empty, tmp_path, limit=5)
