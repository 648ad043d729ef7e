# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a deployed graph: compared by name, type and shape, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import TensorMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['Tensor', 'check_engine', 'check_network']

OPEN = -1
DTYPES = {'UINT8': 'uint8', 'FLOAT': 'float32', 'HALF': 'float16', 'INT32': 'int32'}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output.

    Attributes:
        name: In the graph.
        is_input: Which of the two.
        dtype: Name of numpy's type.
        shape: Sides; -1 where it differs from run to run.
    """

    name: str
    is_input: bool
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """Return it in words."""
        sides = ', '.join('any' if side == OPEN else str(side) for side in self.shape)
        return f'{"input" if self.is_input else "output"} {self.dtype} ({sides})'

    def nbytes(self, shape: tuple[int, ...]) -> int:
        """Return how many bytes one of a shape takes."""
        return int(np.prod(shape)) * np.dtype(self.dtype).itemsize


def check_network(network: Any, expected: Sequence[Tensor]) -> None:
    """Compare a parsed network of the library with what the engine will feed and read.

    Raises:
        TensorMismatchError: If they differ.
    """
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    _compare([*_tensors(inputs, is_input=True), *_tensors(outputs, is_input=False)], expected)


def check_engine(engine: Any, expected: Sequence[Tensor]) -> None:
    """Compare a deserialised engine with what it will be fed and asked for.

    Raises:
        TensorMismatchError: If they differ.
    """
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    found = [
        Tensor(
            name,
            engine.get_tensor_mode(name).name == 'INPUT',
            _dtype(engine.get_tensor_dtype(name)),
            tuple(engine.get_tensor_shape(name)),
        )
        for name in names
    ]
    _compare(found, expected)


def _tensors(found: Sequence[Any], *, is_input: bool) -> list[Tensor]:
    return [Tensor(one.name, is_input, _dtype(one.dtype), tuple(one.shape)) for one in found]


def _dtype(found: Any) -> str:
    name = str(found.name)
    return DTYPES.get(name, name.lower())


def _compare(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    """Refuse what is missing, too much or different."""
    there = {one.name: one for one in found}
    wanted = {one.name: one for one in expected}
    for name in dict.fromkeys([*wanted, *there]):
        got, want = there.get(name), wanted.get(name)
        if got is None or want is None or not _fits(got, want):
            raise TensorMismatchError(
                name,
                expected='none of that name' if want is None else str(want),
                got='none' if got is None else str(got),
                remedy='Build the engine from a bundle that "seg export" wrote.',
            )


def _fits(got: Tensor, want: Tensor) -> bool:
    """Tell whether a tensor is the wanted one; an open side of an output may be known to it."""
    if (got.is_input, got.dtype, len(got.shape)) != (want.is_input, want.dtype, len(want.shape)):
        return False
    sides = zip(got.shape, want.shape, strict=True)
    return all(side == wish or (OPEN in (side, wish) and not got.is_input) for side, wish in sides)
