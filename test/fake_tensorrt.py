# SPDX-License-Identifier: Apache-2.0
"""A stand-in for NVIDIA's run time: its engines are ONNX graphs, its GPU is ``RecordedCuda``.

It says nothing about TensorRT. It queues its runs in CUDA's streams, refuses what a test tells it
to refuse, and calculates with ONNX Runtime.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recorded_cuda import RecordedCuda

__all__ = ['runtime_of']

TYPES = {'tensor(uint8)': ('UINT8', np.uint8), 'tensor(float)': ('FLOAT', np.float32)}


class Engine:
    """An engine of NVIDIA's run time whose file is an ONNX graph."""

    def __init__(self, cuda: RecordedCuda, onnx: bytes, runs: list[Any]) -> None:
        """Read the graph."""
        import onnxruntime  # noqa: PLC0415 - only these tests need it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            onnx, options, providers=['CPUExecutionProvider']
        )
        self.cuda, self.runs = cuda, runs
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.inputs = [one.name for one in inputs]
        self.ports: dict[str, Any] = {one.name: one for one in [*inputs, *outputs]}
        self.num_io_tensors = len(self.ports)
        self.capturable = True
        self.config: Any = None
        self.refuses = ''

    def get_tensor_name(self, index: int) -> str:
        """Return the name of an input or output."""
        return list(self.ports)[index]

    def get_tensor_mode(self, name: str) -> Any:
        """Return whether it is an input or output."""
        return SimpleNamespace(name='INPUT' if name in self.inputs else 'OUTPUT')

    def get_tensor_dtype(self, name: str) -> Any:
        """Return its type."""
        return SimpleNamespace(name=TYPES[self.ports[name].type][0])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """Return its shape, -1 for what is open."""
        return tuple(one if isinstance(one, int) else -1 for one in self.ports[name].shape)

    def create_runtime_config(self) -> Any:
        """Return what a context can be made with."""
        self.config = SimpleNamespace()
        return self.config

    def create_execution_context(self, config: Any = None) -> Context | None:
        """Return a context."""
        assert config is self.config
        return None if self.refuses == 'context' else Context(self)


class Context:
    """An execution context."""

    def __init__(self, engine: Engine) -> None:
        """Begin without shapes and addresses."""
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """Fix the shape of an input."""
        sides = zip(self._engine.get_tensor_shape(name), shape, strict=True)
        self._shapes[name] = shape
        return all(own in (-1, side) for own, side in sides) and self._engine.refuses != 'shape'

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """Return the shape that follows, from a run with nothing in it."""
        if name in self._engine.inputs:
            return self._shapes.get(name, self._engine.get_tensor_shape(name))
        feeds = {
            one: np.zeros(self.get_tensor_shape(one), TYPES[self._engine.ports[one].type][1])
            for one in self._engine.inputs
        }
        return tuple(self._engine.session.run([name], feeds)[0].shape)

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Say where an input or output lies."""
        self._addresses[name] = address
        return self._engine.refuses != 'address'

    def is_stream_capturable(self, stream: int) -> bool:
        """Say whether a run can be recorded."""
        del stream
        return self._engine.capturable

    def execute_async_v3(self, stream: int) -> bool:
        """Queue a run."""
        if self._engine.refuses == 'run':
            return False
        engine, cuda = self._engine, self._engine.cuda
        arrays = {
            name: cuda.array(
                self._addresses[name], TYPES[port.type][1], self.get_tensor_shape(name)
            )
            for name, port in engine.ports.items()
        }
        engine.runs.append(stream)

        def work() -> None:
            outputs = [name for name in engine.ports if name not in engine.inputs]
            feeds = {name: arrays[name].copy() for name in engine.inputs}
            found = engine.session.run(outputs, feeds)
            for name, value in zip(outputs, found, strict=True):
                arrays[name][...] = value

        cuda.queue(stream, work)
        return True


def runtime_of(cuda: RecordedCuda, told: SimpleNamespace) -> Any:
    """Return a class that stands for ``Runtime`` of NVIDIA's library.

    Args:
        cuda: Where engines run.
        told: ``engines`` and ``runs`` are filled; ``refusals`` are reasons for which the next
            files are not taken; ``old_driver`` is why there is no run time at all, if so.
    """

    class Runtime:
        """Deserialises files that are ONNX graphs."""

        def __init__(self, log: Any) -> None:
            """Remember where to complain; refuse as NVIDIA's bindings do."""
            self._log = log
            if told.old_driver:
                log.log(SimpleNamespace(name='ERROR'), told.old_driver)
                msg = 'pybind11::init(): factory function returned nullptr'
                raise TypeError(msg)

        def deserialize_cuda_engine(self, data: bytes) -> Engine | None:
            """Return an engine, or None with a message, as NVIDIA's does."""
            if told.refusals:
                self._log.log(SimpleNamespace(name='ERROR'), told.refusals.pop(0))
                return None
            engine = Engine(cuda, data, told.runs)
            told.engines.append(engine)
            for change in told.changes:
                change(engine)
            return engine

    return Runtime
