# SPDX-License-Identifier: Apache-2.0
"""Targets in either form behind one face: ids or maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

LEAST = 1e-6  # keeps empty sums from dividing by zero
IDS, MAPS = 3, 4  # dimensions


def at_least_single(values: Tensor) -> Tensor:
    """Return half-precision values as float32 and others as they are."""
    return values if values.dtype == torch.float64 else values.float()


def thinned(given: Tensor, height: int, width: int) -> Tensor:
    """Return the targets at the centres of a coarser grid that covers the same image."""
    rows, columns = (
        ((torch.arange(count, device=given.device) + 0.5) * (size / count)).long()
        for count, size in zip((height, width), given.shape[-2:], strict=True)
    )
    return given[..., rows[:, None], columns]


def as_labels(given: Tensor) -> npt.NDArray[np.uint8]:
    """Return ids or maps as (N, H, W) uint8 label maps; of soft shares the largest counts."""
    if given.ndim == MAPS:
        labelled = given.sum(1) > 0
        given = given.argmax(1).where(labelled, UNLABELLED)
    return given.to(torch.uint8).cpu().numpy()


class Targets:
    """What the losses ask of a truth t, one-hot or soft.

    Attributes:
        valid: (N, H, W) bool, the labelled pixels.
    """

    def __init__(self, given: Tensor, classes: int) -> None:
        """Take ids or maps.

        Args:
            given: (N, H, W) ids below ``classes`` or 255, or (N, K, H, W) shares.
            classes: Number of classes K.

        Raises:
            ValueError: The shape is neither.
        """
        self.classes = classes
        self._maps: Tensor | None = None
        self._index = given  # of the true class; unused with maps
        if given.ndim == IDS:
            self.valid = given != UNLABELLED
            self._index = given.long().where(self.valid, 0)
        elif given.ndim == MAPS and given.shape[1] == classes:
            self._maps = at_least_single(given)
            self.valid = self._maps.sum(1) > 0
        else:
            msg = (
                f'Targets of shape {tuple(given.shape)} do not fit {classes} classes; expected '
                f'(N, H, W) ids or (N, {classes}, H, W) maps.'
            )
            raise ValueError(msg)

    def pick(self, values: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Return ``sum_k t[k] change(v[k])`` per pixel, 0 where unlabelled.

        Args:
            values: (N, K, H, W).
            change: Of each value; for ids it is spared for all classes but the true one.

        Returns:
            (N, H, W).
        """
        if self._maps is not None:
            return (self._maps * (change(values) if change else values)).sum(1)
        chosen = values.gather(1, self._index[:, None])[:, 0]
        return (change(chosen) if change else chosen).where(self.valid, 0)

    def pick_weights(self, weights: Tensor) -> Tensor:
        """Return ``sum_k t[k] w[k]`` per pixel, 0 where unlabelled: (K,) to (N, H, W)."""
        if self._maps is not None:
            return torch.einsum('nkhw,k->nhw', self._maps, weights.to(self._maps.dtype))
        return weights[self._index].where(self.valid, 0)

    def overlap(self, values: Tensor) -> Tensor:
        """Return ``sum_i t_i[k] v_i[k]`` over all pixels: (N, K, H, W) to (K,)."""
        if self._maps is not None:
            return (self._maps * values).sum((0, 2, 3))
        zeros = torch.zeros(self.classes, dtype=values.dtype, device=values.device)
        return zeros.index_add(0, self._index.flatten(), self.pick(values).flatten())

    def sums(self, *, squared: bool = False) -> Tensor:
        """Return ``sum_i t_i[k]``, or that of the squares, over all pixels: (K,) float."""
        if self._maps is not None:
            maps = self._maps.square() if squared else self._maps
            return maps.sum((0, 2, 3))
        return torch.bincount(self._index[self.valid], minlength=self.classes).float()

    def of_class(self, number: int) -> Tensor:
        """Return the shares of one class, (N, H, W) float."""
        if self._maps is not None:
            return self._maps[:, number]
        return ((self._index == number) & self.valid).float()
