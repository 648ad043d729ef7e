# SPDX-License-Identifier: Apache-2.0
"""Procedural scenes: the same everywhere, complete, and labelled."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets.procedural import classes, Drive, ProceduralScenes

if TYPE_CHECKING:
    from seg_node.datasets import Sample

SIZE = (72, 96)
COUNT = 10
CLASS_CONSTANTS = [name for name in vars(classes) if name.isupper()]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def samples() -> list[Sample]:
    scenes = ProceduralScenes(COUNT, seed=0, size=SIZE)
    return [scenes[index] for index in range(COUNT)]


def test_scene_is_the_same_when_rendered_again_in_another_order(samples: list[Sample]) -> None:
    again = ProceduralScenes(COUNT, seed=0, size=SIZE)

    for index in (5, 2):
        sample = again[index]

        assert sample.name == samples[index].name
        np.testing.assert_array_equal(sample.image, samples[index].image)
        np.testing.assert_array_equal(sample.labels, samples[index].labels)


def test_scene_does_not_depend_on_the_hash_seed_of_the_process(samples: list[Sample]) -> None:
    program = (
        'import hashlib; from seg_node.datasets.procedural import ProceduralScenes; '
        f's = ProceduralScenes(2, seed=0, size={SIZE})[1]; '
        'print(hashlib.sha256(s.image.tobytes() + s.labels.tobytes()).hexdigest())'
    )
    pixels = samples[1].image.tobytes() + samples[1].labels.tobytes()

    done = subprocess.run(
        [sys.executable, '-c', program],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, 'PYTHONHASHSEED': '12345'},
    )

    assert done.stdout.split()[-1] == hashlib.sha256(pixels).hexdigest()


def test_scenes_differ_between_indices_and_between_seeds(samples: list[Sample]) -> None:
    other = ProceduralScenes(1, seed=1, size=SIZE)[0]

    pictures = {sample.image.tobytes() for sample in (*samples, other)}

    assert len(pictures) == COUNT + 1


@pytest.mark.parametrize('size', [(33, 47), (605, 96)])
def test_scene_has_the_size_asked_for(size: tuple[int, int]) -> None:
    sample = ProceduralScenes(1, size=size)[0]

    assert sample.image.shape == (*size, 3)
    assert sample.labels.shape == size
    assert sample.image.dtype == sample.labels.dtype == np.uint8


def test_every_class_occurs_and_every_pixel_has_one(samples: list[Sample]) -> None:
    counts = np.bincount(np.concatenate([s.labels.ravel() for s in samples]), minlength=256)

    assert counts[:19].min() > 0
    assert counts[19:].sum() == 0


def test_labels_are_ids_of_the_cityscapes_classes() -> None:
    assert ProceduralScenes(1).taxonomy.names == tuple(
        name.replace('_', ' ').lower() for name in CLASS_CONSTANTS
    )
    assert [getattr(classes, name) for name in CLASS_CONSTANTS] == list(range(19))


def test_road_lies_at_the_bottom_and_sky_at_the_top(samples: list[Sample]) -> None:
    labels = np.stack([sample.labels for sample in samples])
    high, low = labels[:, :10], labels[:, -24:]

    assert (low == classes.ROAD).mean() > 0.5
    assert (high == classes.SKY).mean() > 0.3
    assert not (high == classes.ROAD).any()
    assert not (low == classes.SKY).any()


def test_index_past_the_end_raises_index_error() -> None:
    with pytest.raises(IndexError, match=r'Scene 2 does not exist; expected 0\.\.1'):
        ProceduralScenes(2, size=SIZE)[2]
    with pytest.raises(IndexError, match='Frame 3 does not exist'):
        Drive(3, size=SIZE)[3]


def test_drive_frames_follow_each_other_smoothly_and_move() -> None:
    drive = Drive(40, seed=2, size=(96, 160), rate=15.0)

    frames = [drive[index].labels for index in (10, 11, 12, 30)]

    assert 0.9 < (frames[0] == frames[1]).mean() < 1.0
    assert 0.9 < (frames[1] == frames[2]).mean() < 1.0
    assert (frames[0] == frames[3]).mean() < (frames[0] == frames[1]).mean()


def test_drive_frame_is_the_same_when_asked_for_out_of_order() -> None:
    drive = Drive(20, seed=2, size=SIZE)
    for index in range(3):
        drive[index]

    sample = Drive(20, seed=2, size=SIZE)[2]

    np.testing.assert_array_equal(drive[2].image, sample.image)
    np.testing.assert_array_equal(drive[2].labels, sample.labels)


def test_drive_camera_advances_at_its_speed() -> None:
    drive = Drive(31, seed=1, size=SIZE, rate=15.0)

    start, stop = drive.camera(0).centre, drive.camera(30).centre

    assert np.linalg.norm(stop - start) == pytest.approx(16.0, abs=0.5)  # 2 s at 8 m/s
    assert drive.time_of(30) == pytest.approx(2.0)
