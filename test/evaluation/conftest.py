# SPDX-License-Identifier: Apache-2.0
"""A segmenter whose answers are known, and data sets that need no files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import Bundle
from seg_node.datasets import Sample
from seg_node.engines.fake_engine import FakeEngine
from seg_node.pipeline import Segmenter, SegmenterOptions
from tiny import scene, Scenes, SIZE, TAXONOMY, tiny_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    Float32Array = npt.NDArray[np.float32]
    MakeSegmenter = Callable[..., Segmenter]

SHARPNESS = 20.0
PLAIN = SegmenterOptions()


def brightest(batch: Float32Array) -> Float32Array:
    """Return scores at stride 2 in which the brightest channel wins."""
    scores = batch[:, :, ::2, ::2] * (SHARPNESS / 255)
    return np.ascontiguousarray(scores, np.float32)


def constant(levels: Float32Array) -> Callable[[Float32Array], Float32Array]:
    """Return a function that gives every pixel the same scores, one per class."""

    def answer(batch: Float32Array) -> Float32Array:
        size = (len(batch), len(levels), SIZE[0] // 2, SIZE[1] // 2)
        return np.broadcast_to(levels[:, None, None], size).astype(np.float32)

    return answer


@pytest.fixture
def scenes() -> Scenes:
    """Return three scenes of the size of the network, whose colours tell the class."""
    samples = [Sample(f'scene_{seed}', *scene(SIZE, seed)) for seed in range(3)]
    return Scenes(TAXONOMY, tuple(samples))


@pytest.fixture
def make_segmenter() -> MakeSegmenter:
    """Return a function that makes a segmenter from a taxonomy and a function for scores."""

    def make(
        taxonomy: Taxonomy = TAXONOMY,
        function: Callable[[Float32Array], Float32Array] = brightest,
        options: SegmenterOptions = PLAIN,
    ) -> Segmenter:
        manifest = replace(
            tiny_manifest(), taxonomy=taxonomy, files={'model.onnx': '0123456789abcdef' * 4}
        )
        engine = FakeEngine(Bundle(Path('nowhere'), manifest), function)
        engine.open()
        return Segmenter(engine, options)

    return make
