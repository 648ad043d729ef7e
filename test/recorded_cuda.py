# SPDX-License-Identifier: Apache-2.0
"""A stand-in at the boundary to ``cuda-python``; ``fake_tensorrt`` runs its engines on it.

It says nothing about CUDA. It records every call, and keeps memory and streams apart as a GPU
does. A schedule tells when queued work is done: ``late``, only once somebody waits for it, which
finds a missing wait; ``eager``, at once, which finds memory that is written to while it is still
needed.
"""

from __future__ import annotations

import ctypes
import re
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['RecordedCuda']

GARBAGE, FREED = 0xCD, 0xDD
STICKY = range(700, 722)


class Call(NamedTuple):
    """A call of CUDA.

    Attributes:
        name: Of the function.
        args: What it got.
        values: How many values it gave, its status among them.
    """

    name: str
    args: tuple[Any, ...]
    values: int


class RecordedCuda:
    """CUDA's run time, as ``cuda.bindings.runtime`` gives it.

    Attributes:
        calls: All calls so far.
        live: What was made and not freed yet: handle or address, and the call that made it.
        failures: Name of a function, the number of its call and the status it returns then.
        spoilt: Status of every call after a sticky error.
        free_memory: Of the GPU [bytes].
        gpu: Its name.
        capability: Its compute capability.
        driver: Version of CUDA in the driver.
    """

    cudaStreamNonBlocking = 1  # noqa: N815 - CUDA's name
    cudaEventBlockingSync = 1  # noqa: N815
    cudaHostAllocDefault = 0  # noqa: N815
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice='in', cudaMemcpyDeviceToHost='out')  # noqa: N815
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal='thread')  # noqa: N815

    def __init__(self, schedule: Literal['late', 'eager'] = 'late') -> None:
        """Begin with an idle GPU."""
        self.calls: list[Call] = []
        self.live: dict[int, str] = {}
        self.failures: dict[str, tuple[int, int]] = {}
        self.spoilt = 0
        self.free_memory = 6 << 30
        self.gpu, self.capability, self.driver = b'Stand-in GPU', (8, 9), 13010
        self._schedule = schedule
        self._memory: dict[int, Any] = {}  # never let go, so that no mistake ends the test
        self._streams: dict[int, list[Any]] = {}
        self._done: dict[int, int] = {}
        self._events: dict[int, tuple[int, int]] = {}
        self._happened: dict[int, int] = {}
        self._graphs: dict[int, list[Callable[[], None]]] = {}
        self._capturing: tuple[int, list[Callable[[], None]]] | None = None
        self._counter = 100
        self._clock = 0

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        """Return a function of CUDA, which is recorded and may be made to fail."""
        if not name.startswith('cuda'):
            raise AttributeError(name)
        words = re.findall('[A-Z][a-z]*', name)
        function = object.__getattribute__(self, '_'.join(['', *words]).lower())

        def called(*args: Any) -> tuple[Any, ...]:
            status = self._status(name)
            made = None if status else function(*args)
            values = made if isinstance(made, tuple) else () if made is None else (made,)
            self.calls.append(Call(name, args, 1 + len(values)))
            return (status, None) if status else (0, *values)

        return called

    def names(self) -> list[str]:
        """Return the names of all calls so far."""
        return [call.name for call in self.calls]

    def count(self, name: str) -> int:
        """Return how often a function was called."""
        return self.names().count(name)

    def run(self, stream: int, until: int | None = None) -> None:
        """Do what was queued in a stream, and what it waits for."""
        stop = len(self._streams[stream]) if until is None else until
        while self._done[stream] < stop:
            work = self._streams[stream][self._done[stream]]
            if isinstance(work, tuple):
                self.run(*work)
            else:
                work()
            self._done[stream] += 1
            self._clock += 1

    def queue(self, stream: int, work: Callable[[], None]) -> None:
        """Queue work, or record it."""
        if self._capturing is not None and self._capturing[0] == stream:
            self._capturing[1].append(work)
            return
        self._append(stream, work)

    def array(self, address: int, dtype: Any, shape: tuple[int, ...]) -> Any:
        """Return live memory as an array."""
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        for begin, buffer in self._memory.items():
            if begin <= address and address + nbytes <= begin + len(buffer) and begin in self.live:
                part = (ctypes.c_uint8 * nbytes).from_address(address)
                return np.ctypeslib.as_array(part).view(dtype).reshape(shape)
        msg = f'{nbytes} bytes at {address} are not in live memory'
        raise AssertionError(msg)

    def _status(self, name: str) -> int:
        if self.spoilt and name != 'cudaGetErrorString':
            return self.spoilt
        number, status = self.failures.get(name, (0, 0))
        if not status or self.count(name) != number:
            return 0
        if status in STICKY:
            self.spoilt = status
        return status

    def _append(self, stream: int, work: Any) -> None:
        self._streams[stream].append(work)
        if self._schedule == 'eager':
            self.run(stream)

    def _made(self, name: str) -> int:
        self._counter += 1
        self.live[self._counter] = name
        return self._counter

    def _allocated(self, name: str, nbytes: int) -> int:
        buffer = (ctypes.c_uint8 * nbytes)()
        ctypes.memset(buffer, GARBAGE, nbytes)
        address = ctypes.addressof(buffer)
        self._memory[address] = buffer
        self.live[address] = name
        return address

    def _release(self, handle: int, kind: str) -> None:
        assert self.live.pop(int(handle), None) == kind, f'{kind} {handle} is freed but not live'
        if handle in self._memory:
            ctypes.memset(self._memory[handle], FREED, len(self._memory[handle]))

    def _get_device_count(self) -> int:
        return 1

    def _set_device(self, index: int) -> None:
        assert index == 0

    def _get_device_properties(self, index: int) -> Any:
        del index
        major, minor = self.capability
        return SimpleNamespace(name=self.gpu + b'\0\0', major=major, minor=minor)

    def _driver_get_version(self) -> int:
        return self.driver

    def _runtime_get_version(self) -> int:
        return 12060

    def _get_error_string(self, status: int) -> bytes:
        return f'words for {status}'.encode()

    def _mem_get_info(self) -> tuple[int, int]:
        return self.free_memory, 8 << 30

    def _stream_create_with_flags(self, flags: int) -> int:
        assert flags == self.cudaStreamNonBlocking
        stream = self._made('stream')
        self._streams[stream], self._done[stream] = [], 0
        return stream

    def _stream_destroy(self, stream: int) -> None:
        self._release(stream, 'stream')

    def _event_create_with_flags(self, flags: int) -> int:
        assert flags == self.cudaEventBlockingSync
        return self._made('event')

    def _event_destroy(self, event: int) -> None:
        self._release(event, 'event')

    def _malloc(self, nbytes: int) -> int:
        return self._allocated('device', nbytes)

    def _free(self, address: int) -> None:
        self._release(address, 'device')

    def _host_alloc(self, nbytes: int, flags: int) -> int:
        assert flags == self.cudaHostAllocDefault
        return self._allocated('pinned', nbytes)

    def _free_host(self, address: int) -> None:
        self._release(address, 'pinned')

    def _memcpy_async(self, target: int, source: int, nbytes: int, kind: str, stream: int) -> None:
        to, off = self.array(target, np.uint8, (nbytes,)), self.array(source, np.uint8, (nbytes,))
        assert kind == 'in' or source in self.live

        def copy() -> None:
            to[:] = off

        self.queue(stream, copy)

    def _event_record(self, event: int, stream: int) -> None:
        def happen() -> None:
            self._happened[event] = self._clock

        self._append(stream, happen)
        self._events[event] = stream, len(self._streams[stream])

    def _stream_wait_event(self, stream: int, event: int, flags: int) -> None:
        assert flags == 0
        self._append(stream, self._events[event])

    def _event_synchronize(self, event: int) -> None:
        self.run(*self._events[event])

    def _stream_synchronize(self, stream: int) -> None:
        assert self._capturing is None, 'a stream that is being recorded cannot be waited for'
        self.run(stream)

    def _event_elapsed_time(self, start: int, stop: int) -> float:
        return float(self._happened[stop] - self._happened[start])

    def _stream_begin_capture(self, stream: int, mode: str) -> None:
        assert mode == 'thread'
        self._capturing = stream, []

    def _stream_end_capture(self, stream: int) -> int:
        assert self._capturing is not None
        assert self._capturing[0] == stream
        graph = self._made('graph')
        self._graphs[graph] = self._capturing[1]
        self._capturing = None
        return graph

    def _graph_instantiate(self, graph: int, flags: int) -> int:
        assert flags == 0
        made = self._made('graph exec')
        self._graphs[made] = self._graphs[graph]
        return made

    def _graph_destroy(self, graph: int) -> None:
        self._release(graph, 'graph')

    def _graph_exec_destroy(self, graph: int) -> None:
        self._release(graph, 'graph exec')

    def _graph_launch(self, graph: int, stream: int) -> None:
        for work in self._graphs[graph]:
            self._append(stream, work)
