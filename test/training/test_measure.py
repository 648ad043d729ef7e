# SPDX-License-Identifier: Apache-2.0
"""Measured figures against networks whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, Tensor
from torch.nn import functional

from seg_node.bundle import Bundle
from seg_node.datasets import Sample
from seg_node.engines.fake_engine import FakeEngine
from seg_node.evaluation import as_json, evaluate
from seg_node.imaging import InputSpec
from seg_node.pipeline import Segmenter
from seg_node.taxonomy import load_taxonomy, Taxonomy
from seg_node.training.measure import fit_temperature, measure
import tiny

SIZE = (48, 64)
SPEC = InputSpec(*SIZE, 'letterbox', (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CITYSCAPES, CAMVID = load_taxonomy('cityscapes19'), load_taxonomy('camvid11')
ROAD, BUILDING, WALL, CAR = (CITYSCAPES.index(n) for n in ('road', 'building', 'wall', 'car'))


class Painted:
    """Two images whose red level is the class id of the pixel."""

    @property
    def taxonomy(self) -> Taxonomy:
        """Nineteen classes."""
        return CITYSCAPES

    def __len__(self) -> int:
        """Count."""
        return 2

    def __getitem__(self, index: int) -> Sample:
        """Return road above and, on the right, a building; the left edge is unlabelled."""
        labels = np.full(SIZE, ROAD, np.uint8)
        labels[:24, 32:] = BUILDING
        labels[:, :8] = 255
        image = np.repeat(np.where(labels == 255, 0, labels)[..., None], 3, axis=2)
        return Sample(str(index), image.astype(np.uint8), labels)


class Oracle(nn.Module):
    """Scores the class that the red level names, and shares a part with other classes."""

    def __init__(self, gain: float, instead: dict[int, dict[int, float]] | None = None) -> None:
        """Answer with ``gain``; ``instead`` replaces the scores of a class."""
        super().__init__()
        self._table = gain * torch.eye(19)
        for true, scores in (instead or {}).items():
            self._table[true] = 0.0
            for predicted, score in scores.items():
                self._table[true, predicted] = score

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 19, H / 2, W / 2) scores."""
        return self._table[images[:, 0, ::2, ::2].long()].permute(0, 3, 1, 2)


def test_a_network_that_knows_everything_scores_one() -> None:
    figures = measure(Oracle(50.0), Painted(), SPEC, CAMVID).figures()

    assert figures['camvid11']['mean_iou'] == 1.0
    assert figures['cityscapes19']['iou']['road'] == 1.0
    assert figures['cityscapes19']['iou']['car'] is None
    assert figures['ece'] == pytest.approx(0.0, abs=1e-3)


def test_groups_sum_probabilities_before_the_winner_is_taken() -> None:
    # car beats building and wall one by one, but not together
    network = Oracle(50.0, {BUILDING: {CAR: 10.0, BUILDING: 9.8, WALL: 9.8}})

    figures = measure(network, Painted(), SPEC, CAMVID).figures()

    assert figures['cityscapes19']['iou']['building'] < 0.05  # only upsampled edges
    assert figures['camvid11']['iou']['Building'] > 0.85


def test_unlabelled_pixels_are_not_counted() -> None:
    result = measure(Oracle(50.0), Painted(), SPEC, CAMVID)

    assert result.counts.sum() == result.group_counts.sum() == 2 * 48 * 56


def test_temperature_undoes_a_scale_of_the_scores() -> None:
    torch.manual_seed(0)
    noise = torch.randn(1, 19, 24, 32)

    class Scaled(nn.Module):
        """Noisy scores times a factor."""

        def __init__(self, factor: float) -> None:
            """Multiply by ``factor``."""
            super().__init__()
            self.factor = factor

        def forward(self, images: Tensor) -> Tensor:
            """Return scores of which many are wrong."""
            truth = functional.one_hot(images[:, 0, ::2, ::2].long(), 19).permute(0, 3, 1, 2)
            return self.factor * (0.5 * truth + noise)

    plain = fit_temperature(Scaled(1.0), Painted(), SPEC)
    doubled = fit_temperature(Scaled(2.0), Painted(), SPEC)

    assert doubled / plain == pytest.approx(2.0, rel=0.02)


class Misread:
    """Scenes of which one label in five is wrong, so that no one may be sure."""

    taxonomy = tiny.TAXONOMY

    def __len__(self) -> int:
        """Count."""
        return 3

    def __getitem__(self, index: int) -> Sample:
        """Return a scene whose left edge is unlabelled."""
        random = np.random.default_rng(index)
        image, labels = tiny.scene(seed=index)
        wrong = random.random(labels.shape) < 0.2
        labels[wrong] = random.integers(0, 3, np.count_nonzero(wrong))
        labels[:, :9] = 255
        return Sample(str(index), image, labels)


def test_an_evaluation_finds_the_temperature_that_training_has_fitted() -> None:
    manifest = tiny.tiny_manifest()

    def brightest(images: Any) -> Any:
        return images[:, :, ::2, ::2] * (5.0 / 255.0)

    fitted = fit_temperature(brightest, Misread(), manifest.input)  # type: ignore[arg-type]

    with FakeEngine(Bundle(Path('nowhere'), manifest), brightest) as engine:
        found = evaluate(Segmenter(engine), Misread(), name='misread', split='val')
    assert as_json(found)['best_temperature'] == fitted
    assert 1.0 < fitted < 2.9  # neither end of the grid
