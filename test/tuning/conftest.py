# SPDX-License-Identifier: Apache-2.0
"""Frames whose scores are known, and effects that are made of a few numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import Bundle
from seg_node.datasets import Sample
from seg_node.engines.fake_engine import FakeEngine
from seg_node.tuning import Drive, keep_frames
from seg_node.tuning.measure import FrameEffect, MARGINS, THRESHOLDS
from seg_node.tuning.sums import Effect, Sums
from tiny import scene, Scenes, SIZE, TAXONOMY, tiny_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    Float32Array = npt.NDArray[np.float32]
    MakeDrive = Callable[..., Drive]

NOISE = 1.5


def scenes(seeds: Sequence[int]) -> Scenes:
    """Return scenes of the size of the network, whose colours tell the class."""
    return Scenes(TAXONOMY, tuple(Sample(f'scene_{one}', *scene(SIZE, one)) for one in seeds))


def unsure(batch: Float32Array) -> Float32Array:
    """Return noisy scores at stride 2 in which the brightest channel mostly wins.

    They are numbers that half precision holds, so that keeping them changes nothing.
    """
    random = np.random.default_rng(int(batch.sum()) % 2**32)
    scores = batch[:, :, ::2, ::2] / 255 + random.normal(0, NOISE, (1, 3, *np.array(SIZE) // 2))
    return scores.astype(np.float16).astype(np.float32)


def opened(taxonomy: Taxonomy, function: Callable[[Float32Array], Float32Array]) -> FakeEngine:
    """Return an engine with known answers."""
    engine = FakeEngine(
        Bundle(Path('nowhere'), replace(tiny_manifest(), taxonomy=taxonomy)), function
    )
    engine.open()
    return engine


def drive_of(seeds: Sequence[int], folder: Path) -> Drive:
    """Return a drive of some scenes, named as the folder it is kept in."""
    return keep_frames(opened(TAXONOMY, unsure), scenes(seeds), folder.name, folder)


@pytest.fixture
def make_drive(tmp_path: Path) -> MakeDrive:
    """Return a function that makes a drive of some scenes."""

    def make(seeds: Sequence[int], name: str = 'drive') -> Drive:
        return drive_of(seeds, tmp_path / name)

    return make


def sums(confusion: npt.ArrayLike, boundary: float) -> Sums:
    """Return the sums of one frame with a boundary F1 that all its classes share."""
    counts = np.asarray(confusion, np.int64)
    of_classes = np.tile([boundary, 1.0], (len(counts), 1))
    return Sums(counts, of_classes, np.array([boundary, 1.0]))


def frame_effect(gain: float, uncertain: float, within: Sequence[float] = ()) -> FrameEffect:
    """Return a frame whose boundary F1 rises from 0.5 by a gain.

    Args:
        gain: Of the CRF on all pixels.
        uncertain: Share of uncertain pixels, at every entropy.
        within: Of the CRF on unsettled pixels, for each margin; by default all of it. They are a
            tenth of the pixels for each nat of margin.
    """
    same = np.diag([10, 10])
    parts = tuple(sums(same, 0.5 + one) for one in (within or [gain] * len(MARGINS)))
    return FrameEffect(
        effect=Effect(sums(same, 0.5), sums(same, 0.5 + gain)),
        uncertain=np.full(len(THRESHOLDS), uncertain),
        unsettled=np.array(MARGINS) / 10,
        within=parts,
        seconds=(0.01, 0.01),
    )
