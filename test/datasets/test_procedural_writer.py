# SPDX-License-Identifier: Apache-2.0
"""Scenes written to a folder and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.datasets import open_dataset
from seg_node.datasets.procedural import ProceduralScenes, write_scenes
from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path


def test_written_scenes_read_back_the_same(tmp_path: Path) -> None:
    scenes = ProceduralScenes(2, seed=4, size=(48, 64))

    write_scenes(scenes, tmp_path)
    folder = open_dataset(f'folder:{tmp_path}', taxonomy='cityscapes19')

    assert len(folder) == 2
    for index in range(2):
        np.testing.assert_array_equal(folder[index].image, scenes[index].image)
        np.testing.assert_array_equal(folder[index].labels, scenes[index].labels)


def test_jpg_images_keep_exact_labels(tmp_path: Path) -> None:
    scenes = ProceduralScenes(1, seed=4, size=(48, 64))

    write_scenes(scenes, tmp_path, suffix='.jpg')

    (image,) = (tmp_path / 'images').iterdir()
    (label,) = (tmp_path / 'labels').iterdir()
    assert image.name == 'scene_4_000000.jpg'
    read = np.asarray(cv2.imread(str(label), cv2.IMREAD_UNCHANGED))
    np.testing.assert_array_equal(read, scenes[0].labels)


def test_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Unknown image suffix '\.bmp'"):
        write_scenes(ProceduralScenes(1, size=(48, 64)), tmp_path, suffix='.bmp')
