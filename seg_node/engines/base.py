# SPDX-License-Identifier: Apache-2.0
"""The contract of all inference back ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, TYPE_CHECKING

import numpy as np

from seg_node.errors import EngineError, one_of, TensorMismatchError

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt
    from typing_extensions import Self

    from seg_node.bundle import Bundle

__all__ = ['Engine']

IMAGE = 'image'
SCORES = 'scores'
DIMENSIONS = 4
CHANNELS = 3


class Engine(ABC):
    """Runs the network of one bundle.

    Use it as a context manager; ``infer`` before opening or after closing is an error. An engine
    is used by one thread at a time. Subclasses write ``_open``, ``_infer`` and ``_close`` and
    never check inputs themselves.

    Attributes:
        name: Name in the registry.
        bundle: What it runs.
        threads: Threads that one ``infer`` may use.
        precision: Of the arithmetic, ``fp32`` or ``int8``.
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

    def infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Turn images into class scores.

        Args:
            batch: (N, 3, H, W) float32 RGB levels 0 to 255, at the size of the manifest.

        Returns:
            (N, K, h, w) float32 unnormalised scores (logits), not yet divided by the temperature;
            h = H / output stride, w likewise. The array is the caller's own: the engine does not
            write to it again.

        Raises:
            EngineError: If the engine is not open, or the run failed.
            TensorMismatchError: If the batch or the scores have another shape or dtype.
        """
        if not self._is_open:
            msg = f'{type(self).__name__} is not open. Use it in a with statement.'
            raise EngineError(msg)
        self._check_batch(batch)
        scores = self._infer(batch)
        self._check_scores(scores, len(batch))
        return scores

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

    def _check_scores(self, scores: npt.NDArray[np.float32], count: int) -> None:
        manifest = self.bundle.manifest
        stride = manifest.output_stride
        height, width = manifest.input.height // stride, manifest.input.width // stride
        wanted = (count, len(manifest.taxonomy), height, width)
        if scores.shape != wanted or scores.dtype != np.float32:
            raise TensorMismatchError(
                SCORES,
                expected=f'{wanted} float32',
                got=f'{scores.shape} {scores.dtype}',
                remedy='Network and manifest of the bundle disagree: export it again.',
            )

    @abstractmethod
    def _open(self) -> None:
        """Load the network and set ``device``."""

    @abstractmethod
    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores of a batch whose shape was checked."""

    @abstractmethod
    def _close(self) -> None:
        """Free what ``_open`` took, also when it failed half-way."""
