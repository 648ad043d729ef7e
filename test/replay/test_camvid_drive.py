# SPDX-License-Identifier: Apache-2.0
"""Frames of CamVid as a recording: a replay says of them what an evaluation says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
import os
from typing import TYPE_CHECKING

import pytest

from seg_node.datasets import open_dataset
from seg_node.replay.options import ReplayOptions, TruthSource

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets import Dataset, Sample
    from seg_node.taxonomy import Taxonomy

pytestmark = [
    pytest.mark.needs_camvid,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

FRAMES = 5


@dataclass(frozen=True, slots=True)
class First:
    """The first frames of a data set."""

    dataset: Dataset

    @property
    def taxonomy(self) -> Taxonomy:
        """Return the classes."""
        return self.dataset.taxonomy

    def __len__(self) -> int:
        """Return the number of frames."""
        return FRAMES

    def __getitem__(self, index: int) -> Sample:
        """Return one frame."""
        if index >= FRAMES:
            raise IndexError(index)
        return self.dataset[index]


def write_bag(folder: Path, dataset: Dataset) -> Path:
    from seg_node.recordings.camera import Camera, record  # noqa: PLC0415 - needs rosbags
    from seg_node.recordings.images import Frame  # noqa: PLC0415
    from seg_node.recordings.writer import BagFormat, BagWriter  # noqa: PLC0415

    samples = islice((dataset[index] for index in range(len(dataset))), FRAMES)
    with BagWriter(folder, BagFormat()) as writer:
        camera = Camera(rate=15.0, classes=dataset.taxonomy)
        record(writer, camera, (Frame(one.image, one.labels) for one in samples))
    return folder


def test_replay_and_evaluation_agree_on_every_count(tmp_path: Path) -> None:
    """The bundle has 19 classes and the truth 11, so probabilities are summed on both sides."""
    from seg_node.evaluation import as_json, evaluate, open_for_evaluation  # noqa: PLC0415
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    dataset = First(open_dataset(f'camvid:{os.environ["SEG_NODE_CAMVID"]}', 'val'))
    bag = write_bag(tmp_path / 'val', dataset)
    truth = TruthSource(topic='/camera/segmentation/truth', taxonomy='camvid11')
    with open_for_evaluation('default', 'onnxruntime') as segmenter:
        evaluated = as_json(evaluate(segmenter, dataset, name='camvid', split='val'))

    data = replay([bag], tmp_path / 'out', ReplayOptions(truth=truth)).data

    assert data['classes_summed']
    assert data['sums']['confusion'] == evaluated['sums']['confusion']
    assert data['sums']['boundary'] == evaluated['sums']['boundary']
    assert data['sums']['drivable'] == evaluated['sums']['drivable']
    assert data['scores']['ece'] == pytest.approx(evaluated['ece'], abs=1e-5)
