# SPDX-License-Identifier: Apache-2.0
"""Buffers of one batch on its way through the GPU, and where its results lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.engines.tensorrt.cuda_device import address_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.engines.tensorrt.tensors import Tensor

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Output', 'Slot', 'fill', 'laid_out']

ALIGNMENT = 256


@dataclass(slots=True)
class Slot:
    """Buffers and events of one batch.

    Attributes:
        images: (N, H, W, 3) uint8, pinned.
        limits: Eight bytes, pinned: two float32, the input ``thresholds``.
        addresses: Of all inputs and outputs on the GPU, by name.
        events: Copying in began, ended; computing began, ended; copying out ended.
        graph: The recorded run; ``None`` if runs are not recorded.
        limits_inside: Those that the GPU has.
        block: Pinned memory for the results of the batch under way.
        count: Images of the batch under way.
        outputs: Names of those that it copies to the host.
    """

    images: UInt8Array
    limits: UInt8Array
    addresses: dict[str, int]
    events: tuple[Any, Any, Any, Any, Any]
    graph: Any = None
    limits_inside: tuple[float, float] | None = None
    block: UInt8Array | None = None
    count: int = 0
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """Where an output lies in a block of results.

    Attributes:
        offset: Of its first byte.
        shape: For a full batch.
        dtype: Name of numpy's type.
        nbytes_each: Size for one image.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: str
    nbytes_each: int


def fill(targets: UInt8Array, images: Sequence[UInt8Array]) -> None:
    """Copy images to pinned memory; those that were decoded there are left as they are."""
    for target, image in zip(targets, images, strict=True):
        if address_of(image) != address_of(target) or not image.flags.c_contiguous:
            np.copyto(target, image)


def laid_out(
    tensors: Sequence[Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Output], int]:
    """Return where outputs lie in a block of results, and its size [bytes].

    Args:
        tensors: Inputs and outputs; inputs are left out.
        shapes: Of each, without open sides.
    """
    places, end = {}, 0
    for one in tensors:
        if one.is_input:
            continue
        shape = shapes[one.name]
        places[one.name] = Output(end, shape, one.dtype, one.nbytes(shape[1:]))
        end += -(-one.nbytes(shape) // ALIGNMENT) * ALIGNMENT
    return places, max(end, 1)
