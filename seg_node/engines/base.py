# SPDX-License-Identifier: Apache-2.0
"""The contract of all inference back ends: images in, maps of their pixels out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
import time
from typing import ClassVar, TYPE_CHECKING

import numpy as np

from seg_node.errors import EngineError, one_of, TensorMismatchError
from seg_node.imaging import drivable_table, DrivableRule, finish, Fitter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt
    from typing_extensions import Self

    from seg_node.bundle import Bundle
    from seg_node.imaging import PixelMaps, Placement
    from seg_node.imaging.device_scores import DeviceScores

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Engine', 'Inferred', 'ScoreEngine', 'Wanted', 'check_images']

IMAGE = 'image'
SCORES = 'scores'
DIMENSIONS = 4
CHANNELS = 3
MOST_SIZES = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the labels; what nobody asks for is not computed or not copied.

    Attributes:
        confidence: Probability of the label.
        entropy: Entropy of the prediction.
        planes: Ids of the classes whose probability is wanted as an image.
        drivable: Ask for the drivable area: the least probability of its label and the largest
            normalised entropy, 0 to 1 each. They may change from frame to frame.
        scores: The network's scores, for a dense CRF or for probabilities.
    """

    confidence: bool = True
    entropy: bool = True
    planes: tuple[int, ...] = ()
    drivable: tuple[float, float] | None = None
    scores: bool = False


@dataclass(frozen=True, slots=True)
class Inferred:
    """What an engine found in one image; all arrays are the caller's own.

    Attributes:
        maps: Labels, and of confidence, entropy and planes at least those that were wanted.
        placement: Where the image lies in the network's input, and so in the scores.
        drivable_area: (H, W) uint8, 255 drivable, 0 not or not sure. ``None`` if it was not
            wanted, or the engine leaves it to the caller; then confidence and entropy are there.
        scores: (K, h, w) float32, not yet divided by the temperature; ``None`` if not wanted. An
            engine may leave them on its device, from where ``np.asarray`` fetches them.
        times: Seconds by stage: fit, infer, finish on a CPU; copy_in, infer, copy_out on a GPU.
    """

    maps: PixelMaps
    placement: Placement
    drivable_area: UInt8Array | None = None
    scores: Float32Array | DeviceScores | None = None
    times: Mapping[str, float] = field(default_factory=dict)


class Engine(ABC):
    """Runs the network of one bundle on images of any size.

    Use it as a context manager; ``segment`` before opening or after closing is an error. An engine
    is used by one thread at a time. Subclasses write ``_open``, ``_segment`` and ``_close`` and
    never check inputs themselves.

    Attributes:
        name: Name in the registry.
        bundle: What it runs.
        threads: Threads that one image may use.
        precision: Of the arithmetic, ``fp32``, ``fp16`` or ``int8``.
        precisions: Those that engines of this class can be asked for.
        device: Where it runs, for people, for example ``'CPU'``; known after opening.
        reason: Why this engine was chosen, for logs and diagnostics.
    """

    name: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]] = ('fp32',)

    def __init__(self, bundle: Bundle, *, threads: int = 1, precision: str = 'fp32') -> None:
        """Remember what to run; nothing is loaded yet.

        Args:
            bundle: A verified bundle.
            threads: At least 1. More than the free cores makes every engine slower, often many
                times, because its threads wait for each other.
            precision: One of the class's ``precisions``.

        Raises:
            ValueError: If ``threads`` is below 1.
            EngineError: If this engine has no such precision.
        """
        if threads < 1:
            msg = f'Expected argument `threads` to be at least 1, but got {threads}.'
            raise ValueError(msg)
        if precision not in self.precisions:
            raise EngineError(
                one_of(f'precision of engine {self.name!r}:', precision, self.precisions)
            )
        self.bundle = bundle
        self.precision = precision
        self.threads = threads
        self.device = 'CPU'
        self.reason = 'asked for by name'
        self._is_open = False

    def open(self) -> None:
        """Load the network; opening twice does no harm.

        Raises:
            EngineUnavailableError: If the library or the device is not here.
            EngineError: If the network cannot be loaded or is not the one of the manifest.
            BundleError: If the bundle lacks the file that this engine needs, or it is damaged.
        """
        if self._is_open:
            return
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        self._is_open = True

    def close(self) -> None:
        """Free the network; closing twice does no harm."""
        if self._is_open:
            self._is_open = False
            self._close()

    def __enter__(self) -> Self:
        """Open the engine."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the engine."""
        self.close()

    def segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        """Find the class of every pixel.

        Args:
            images: (H, W, 3) uint8 RGB each, at least one, all of one size.
            wanted: What is asked for beside the labels.

        Returns:
            For each image, what was found at its own size.

        Raises:
            EngineError: If the engine is not open, or the run failed.
            TensorMismatchError: If the images are no RGB images of one size.
        """
        self._check_open()
        check_images(images)
        return self._segment(images, wanted)

    @property
    def takes_batches(self) -> bool:
        """Whether images that are given at once take less time than one after the other."""
        return False

    def described(self) -> dict[str, str]:
        """Return what runs here and why, in words, for status and diagnostics."""
        return {
            'engine': self.name,
            'device': self.device,
            'precision': self.precision,
            'reason': self.reason,
        }

    @classmethod
    def best_precision(cls, bundle: Bundle) -> str:
        """Return what ``'auto'`` means for a bundle: what it says where the class has that."""
        wanted = bundle.manifest.precision
        return wanted if wanted in cls.precisions else 'fp32'

    def _check_open(self) -> None:
        if not self._is_open:
            msg = f'{type(self).__name__} is not open. Use it in a with statement.'
            raise EngineError(msg)

    @abstractmethod
    def _open(self) -> None:
        """Load the network and set ``device``."""

    @abstractmethod
    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        """Do what ``segment`` promises for images that were checked."""

    @abstractmethod
    def _close(self) -> None:
        """Free what ``_open`` took, also when it failed half-way."""


class ScoreEngine(Engine):
    """An engine whose network gives scores: the processor does the rest, in the same way for all.

    Subclasses write ``_infer`` instead of ``_segment``. From frame to frame nothing is allocated
    but what is handed out: batch and scores lie in arrays that are overwritten.
    """

    _fitters: dict[tuple[int, ...], Fitter] | None = None
    _scores: Float32Array | None = None
    _drivable: UInt8Array | None = None

    def infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Turn images into class scores.

        Args:
            batch: (N, 3, H, W) float32 RGB levels 0 to 255, at the size of the manifest.

        Returns:
            (N, K, h, w) float32 unnormalised scores (logits), not yet divided by the temperature;
            h = H / output stride, w likewise. The array is a new one, the caller's own.

        Raises:
            EngineError: If the engine is not open, or the run failed.
            TensorMismatchError: If the batch or the scores have another shape or dtype.
        """
        self._check_open()
        return self._checked(batch).copy()

    def _checked(self, batch: Float32Array) -> Float32Array:
        self._check_batch(batch)
        scores = self._infer(batch)
        self._check_scores(scores, len(batch))
        return scores

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        return [self._segment_one(image, wanted) for image in images]

    def _segment_one(self, image: UInt8Array, wanted: Wanted) -> Inferred:
        started = time.monotonic()
        batch, placement = self._fitter_for(image.shape)(image)
        fitted = time.monotonic()
        scores = self._checked(batch)[0]
        inferred = time.monotonic()
        maps = finish(
            scores,
            placement,
            temperature=self.bundle.manifest.temperature,
            confidence=wanted.confidence or wanted.drivable is not None,
            entropy=wanted.entropy or wanted.drivable is not None,
            planes=wanted.planes,
            drivable=self._rule(wanted),
            threads=self.threads,
        )
        finished = time.monotonic()
        times = {
            'fit': fitted - started,
            'infer': inferred - fitted,
            'finish': finished - inferred,
        }
        asked = scores.copy() if wanted.scores else None
        return Inferred(maps, placement, maps.drivable_area, asked, times)

    def _fitter_for(self, shape: tuple[int, ...]) -> Fitter:
        """Return a fitter that keeps to images of one size: cameras may take turns."""
        fitters = self._fitters = self._fitters or {}
        if shape not in fitters:
            if len(fitters) == MOST_SIZES:  # a folder of pictures, where nothing comes again
                fitters.clear()
            fitters[shape] = Fitter(self.bundle.manifest.input)
        return fitters[shape]

    def _rule(self, wanted: Wanted) -> DrivableRule | None:
        if wanted.drivable is None:
            return None
        if self._drivable is None:
            self._drivable = drivable_table(self.bundle.manifest.taxonomy)
        return DrivableRule(self._drivable, *wanted.drivable)

    def _check_batch(self, batch: npt.NDArray[np.float32]) -> None:
        spec = self.bundle.manifest.input
        wanted = (CHANNELS, spec.height, spec.width)
        if batch.ndim != DIMENSIONS or batch.shape[1:] != wanted or batch.dtype != np.float32:
            raise TensorMismatchError(
                IMAGE,
                expected=f'(N, {CHANNELS}, {spec.height}, {spec.width}) float32',
                got=f'{batch.shape} {batch.dtype}',
                remedy='Fit images with imaging.Fitter(bundle.manifest.input).',
            )

    def _scores_for(self, count: int) -> Float32Array:
        """Return the array for the scores of a batch, the same for all batches of one size."""
        shape = self._shape_of_scores(count)
        if self._scores is None or self._scores.shape != shape:
            self._scores = np.empty(shape, np.float32)
        return self._scores

    def _shape_of_scores(self, count: int) -> tuple[int, int, int, int]:
        manifest = self.bundle.manifest
        stride = manifest.output_stride
        height, width = manifest.input.height // stride, manifest.input.width // stride
        return count, len(manifest.taxonomy), height, width

    def _check_scores(self, scores: Float32Array, count: int) -> None:
        wanted = self._shape_of_scores(count)
        if scores.shape != wanted or scores.dtype != np.float32:
            raise TensorMismatchError(
                SCORES,
                expected=f'{wanted} float32',
                got=f'{scores.shape} {scores.dtype}',
                remedy='Network and manifest of the bundle disagree: export it again.',
            )

    @abstractmethod
    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores of a batch whose shape was checked.

        The next call may overwrite them.
        """


def check_images(images: Sequence[UInt8Array]) -> None:
    """Refuse what is not a batch of RGB images of one size.

    Raises:
        TensorMismatchError: If it is not.
    """
    shapes = {image.shape for image in images}
    first = images[0].shape if images else ()
    is_rgb = len(first) == CHANNELS and first[2] == CHANNELS and 0 not in first
    if not (is_rgb and len(shapes) == 1 and all(image.dtype == np.uint8 for image in images)):
        raise TensorMismatchError(
            IMAGE,
            expected='(H, W, 3) uint8 RGB images of one size, at least one',
            got=', '.join(f'{image.shape} {image.dtype}' for image in images) or 'none',
            remedy='Send cameras of different sizes one after the other.',
        )
