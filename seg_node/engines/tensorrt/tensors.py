# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a deployed graph: compared by name, type and shape, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import TensorMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.bundle import Manifest
    from seg_node.engines.deployed_spec import DeployedSpec

    Shape = tuple[int, ...]

__all__ = ['Tensor', 'check_engine', 'check_network', 'deployed_profile', 'deployed_tensors']

OPEN = -1
MAPS = ('labels', 'confidence', 'entropy', 'drivable_area')
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


def deployed_tensors(manifest: Manifest, spec: DeployedSpec) -> tuple[Tensor, ...]:
    """Return inputs and outputs of a deployed graph, as ``graft.deployed_onnx`` makes it.

    Args:
        manifest: Of the bundle.
        spec: What the graph is for.
    """
    batch, height, width = (_side(*sides) for sides in _sides(spec))
    pixels = (batch, height, width)
    tensors = [
        Tensor('image', is_input=True, dtype='uint8', shape=(*pixels, 3)),
        Tensor('thresholds', is_input=True, dtype='float32', shape=(2,)),
        *(Tensor(name, is_input=False, dtype='uint8', shape=pixels) for name in MAPS),
    ]
    if spec.planes:
        shape = (batch, len(spec.planes), height, width)
        tensors.append(Tensor('planes', is_input=False, dtype='uint8', shape=shape))
    if spec.scores:
        stride = manifest.output_stride
        size = (manifest.input.height // stride, manifest.input.width // stride)
        shape = (batch, len(manifest.taxonomy), *size)
        tensors.append(Tensor('scores', is_input=False, dtype='float32', shape=shape))
    return tuple(tensors)


def deployed_profile(spec: DeployedSpec) -> dict[str, tuple[Shape, Shape, Shape]]:
    """Return least, usual and largest shape of the inputs that are open; none if all is fixed."""
    if spec.is_fixed:
        return {}
    least, usual, largest = zip(*_sides(spec), strict=True)
    return {'image': ((*least, 3), (*usual, 3), (*largest, 3))}


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


def _sides(spec: DeployedSpec) -> list[tuple[int, int, int]]:
    """Return least, usual and largest of batch, height and width."""
    least, usual, largest = spec.size_range
    heights, widths = zip(least, usual, largest, strict=True)
    return [spec.batch, heights, widths]


def _side(least: int, usual: int, largest: int) -> int:
    """Return a side that is the same in every run, or -1."""
    return usual if least == largest else OPEN


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
