# SPDX-License-Identifier: Apache-2.0
"""An engine without a network: for tests, dry runs and transport measurements, ours and users'."""

from __future__ import annotations

from typing import ClassVar, TYPE_CHECKING

import numpy as np

from seg_node.engines.base import ScoreEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.bundle import Bundle

__all__ = ['FakeEngine', 'bands']


class FakeEngine(ScoreEngine):
    """Calls a function where another engine runs a network.

    Example:
        ``FakeEngine(bundle, lambda batch: scores)`` answers every batch with the same scores.
    """

    name: ClassVar[str] = 'fake'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'int8')

    def __init__(
        self,
        bundle: Bundle,
        function: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]] | None = None,
        *,
        threads: int = 1,
        precision: str = 'fp32',
    ) -> None:
        """Remember the function.

        Args:
            bundle: Gives classes and sizes; its network is not read.
            function: (N, 3, H, W) float32 to (N, K, h, w) float32; without one, ``bands``.
            threads: Of no effect here.
            precision: Of no effect here.
        """
        super().__init__(bundle, threads=threads, precision=precision)
        self._function = function

    def _open(self) -> None:
        self.device = 'none'

    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return (self._function or self._bands)(batch)

    def _bands(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        manifest = self.bundle.manifest
        stride = manifest.output_stride
        size = (manifest.input.height // stride, manifest.input.width // stride)
        return np.repeat(bands(len(manifest.taxonomy), size)[None], len(batch), axis=0)

    def _close(self) -> None:
        pass


def bands(classes: int, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return scores in which class k wins the k-th of K horizontal bands.

    As a network's, they change slowly: a score falls by 6 from one band to the next, so two
    neighbours compete at their border and the others are far behind.

    Args:
        classes: Number of classes K.
        size: Height and width of the scores [px].

    Returns:
        (K, h, w) float32; 6 in the middle of a class's band, 3 at its border, -12 far away.
    """
    height, width = size
    band = (np.arange(height) + 0.5) * classes / height
    middle = np.arange(classes) + 0.5
    scores = np.maximum(6.0 - 6.0 * np.abs(band - middle[:, None]), -12.0)
    return np.repeat(scores[:, :, None], width, axis=2).astype(np.float32)
