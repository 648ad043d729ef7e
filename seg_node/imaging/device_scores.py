# SPDX-License-Identifier: Apache-2.0
"""Scores that a network left on a GPU: what follows may use them there, or fetch them."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]

__all__ = ['DeviceScores']


class DeviceScores:
    """(K, h, w) float32 scores of one image in a torch tensor, wherever it is.

    ``np.asarray`` copies them to the host, once, and waits for that; nothing else does.

    Attributes:
        tensor: The torch tensor, complete: nobody has to wait for it.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, tensor: Any) -> None:
        """Take over a tensor that nobody writes to any more."""
        self.tensor = tensor
        self._fetched: Float32Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of classes, height and width."""
        return tuple(self.tensor.shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001
        """Return the scores on the host, as numpy asks for them."""
        if self._fetched is None:
            self._fetched = np.asarray(self.tensor.cpu().numpy(), np.float32)
        return np.array(self._fetched, dtype=dtype) if copy else np.asarray(self._fetched, dtype)
