# SPDX-License-Identifier: Apache-2.0
"""Frames that a model never saw, with what its network says about them, kept on disk.

The network runs once per frame. Its scores are kept as it gave them, at its own resolution in half
precision: with all that belongs to it, a frame of 480 x 360 takes about 2 MB. What is read often
stays in the system's cache, which gives way where memory is short.
"""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.crf import refine_scores, settled_labels
from seg_node.engines.base import Wanted
from seg_node.evaluation.prediction import comparable, with_changes
from seg_node.imaging import finish, Placement, probabilities
from seg_node.progress import progress
from seg_node.taxonomy import class_groups, group_id_map, UNLABELLED

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.crf import CrfOptions
    from seg_node.datasets import Dataset, Sample
    from seg_node.engines.base import Engine
    from seg_node.taxonomy import IdMap, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Drive', 'Frame', 'keep_frames']

SCORES_ALONE = Wanted(confidence=False, entropy=False, scores=True)
LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, as the tuner needs it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8, ids of the classes of the comparison; 255 is unlabelled.
        scores: (K, h, w) float16 scores of the network.
        placement: Where the image lies in the network's input.
        network: (H, W) uint8, the network's labels in the bundle's classes.
        before: (H, W) uint8, the same in the classes of the comparison.
        entropy: (H, W) uint8, 255 x normalised entropy.
    """

    image: UInt8Array
    truth: UInt8Array
    scores: npt.NDArray[np.float16]
    placement: Placement
    network: UInt8Array
    before: UInt8Array
    entropy: UInt8Array


@dataclass(frozen=True, slots=True)
class Drive:
    """The frames that one model is measured on.

    Attributes:
        bundle: Name of the model.
        sha256: Of its network.
        data: What the frames are, without the folder they lie in.
        folder: Where they are kept.
        frames: How many.
        network_size: (height, width) of the network's input [px].
        temperature: Divisor of the scores.
        taxonomy: Classes of the bundle, which a preset refers to.
        classes: Classes of the comparison.
        group_of: From the bundle's to those of the comparison.
    """

    bundle: str
    sha256: str
    data: str
    folder: Path
    frames: int
    network_size: tuple[int, int]
    temperature: float
    taxonomy: Taxonomy
    classes: Taxonomy
    group_of: IdMap

    @property
    def name(self) -> str:
        """Model and data, for people."""
        return f'{self.bundle} on {self.data}'

    def frame(self, index: int) -> Frame:
        """Read a frame.

        Args:
            index: 0 to ``frames - 1``.
        """
        with np.load(_file(self.folder, index)) as kept:
            parts = {name: kept[name] for name in kept.files}
        rectangle = [int(value) for value in parts.pop('rectangle')]
        del parts['digest']
        size = parts['truth'].shape
        return Frame(**parts, placement=Placement(size, self.network_size, *rectangle))

    def digests(self) -> list[str]:
        """Return a digest of the pixels of each frame."""
        found = []
        for index in range(self.frames):
            with np.load(_file(self.folder, index)) as kept:
                found.append(str(kept['digest']))
        return found

    def refined(self, frame: Frame, options: CrfOptions) -> UInt8Array:
        """Return the labels that the dense CRF gives a frame.

        Args:
            frame: One of this drive.
            options: Of the CRF, in the bundle's classes.

        Returns:
            (H, W) uint8 ids of the classes of the comparison, as ``seg evaluate --crf`` counts
            them.
        """
        labels = refine_scores(
            frame.scores.astype(np.float32),
            frame.placement,
            self.temperature,
            frame.image,
            options,
        )
        return with_changes(frame.before, frame.network, labels, self.group_of)

    def unsettled(self, frame: Frame, margin: float) -> npt.NDArray[np.bool_]:
        """Return which pixels a margin leaves to the CRF, (H, W)."""
        settled = settled_labels(
            frame.placement.crop(frame.scores.astype(np.float32)),
            frame.placement.image_size,
            self.temperature,
            margin,
        )
        return np.asarray(settled == UNLABELLED)


def keep_frames(engine: Engine, dataset: Dataset, data: str, folder: Path) -> Drive:
    """Run the network on every frame and keep what it says; go on where an earlier run stopped.

    Args:
        engine: Open.
        dataset: Frames that the network was not trained on.
        data: What they are, for people.
        folder: Where they are kept; made if need be.

    Raises:
        TaxonomyError: If the classes of bundle and data set cannot be compared.
        DatasetError: If a sample cannot be read.
        EngineError: If the network fails.
    """
    manifest = engine.bundle.manifest
    truth = comparable(dataset, manifest.taxonomy)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [index for index in range(len(truth)) if not _file(folder, index).exists()]
    keep = _Keeper(engine, truth.taxonomy)
    for index in progress(missing, what=f'running {manifest.name}', unit='frame'):
        keep(truth[index], _file(folder, index))
    return Drive(
        bundle=manifest.name,
        sha256=manifest.files.get('model.onnx', ''),
        data=data,
        folder=folder,
        frames=len(truth),
        network_size=(manifest.input.height, manifest.input.width),
        temperature=manifest.temperature,
        taxonomy=manifest.taxonomy,
        classes=truth.taxonomy,
        group_of=group_id_map(manifest.taxonomy, truth.taxonomy),
    )


class _Keeper:
    """Writes one frame after another."""

    def __init__(self, engine: Engine, classes: Taxonomy) -> None:
        manifest = engine.bundle.manifest
        self._engine = engine
        self._temperature = manifest.temperature
        self._summed = manifest.taxonomy.names != classes.names
        self._groups = class_groups(manifest.taxonomy, classes)

    def __call__(self, sample: Sample, path: Path) -> None:
        (inferred,) = self._engine.segment([sample.image], SCORES_ALONE)
        placement = inferred.placement
        scores = np.asarray(inferred.scores, np.float32).clip(-LARGEST_HALF, LARGEST_HALF)
        kept = scores.astype(np.float16)
        # Labels are those of the scores as they are kept: rounding is no change by the CRF.
        rounded = kept.astype(np.float32)
        maps = finish(rounded, placement, temperature=self._temperature, confidence=False)
        digest = hashlib.blake2b(np.ascontiguousarray(sample.image).data).hexdigest()
        rectangle = placement.top, placement.left, placement.height, placement.width
        parts: dict[str, Any] = {
            'image': sample.image,
            'truth': sample.labels,
            'scores': kept,
            'network': maps.labels,
            'before': self._sum(rounded, placement) if self._summed else maps.labels,
            'entropy': maps.entropy,
            'rectangle': np.array(rectangle),
            'digest': np.array(digest),
        }
        fresh = path.with_suffix('.new.npz')
        np.savez(fresh, **parts)
        fresh.replace(path)

    def _sum(self, scores: Float32Array, placement: Placement) -> UInt8Array:
        """Return the labels of the groups: the winner of the summed probabilities."""
        planes = probabilities(scores, placement, self._temperature)
        grouped: Float32Array = np.tensordot(self._groups, planes, axes=1)
        labels: UInt8Array = grouped.argmax(axis=0).astype(np.uint8)
        return labels


def _file(folder: Path, index: int) -> Path:
    return folder / f'{index:06d}.npz'
