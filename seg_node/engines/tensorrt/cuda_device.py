# SPDX-License-Identifier: Apache-2.0
"""The few calls of CUDA that an engine makes, through ``cuda-python``, each one checked.

Every resource is freed by the ``ExitStack`` of its owner, in reverse order, also when its owner
could be set up only half. Streams, events and graphs are handles of ``cuda-python``; memory is an
address.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import DeviceError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CudaDevice', 'DeviceInfo', 'find_runtime']

# cuda-python 12.6 and later, and the one that fits JetPack.
MODULES = ('cuda.bindings.runtime', 'cuda.cudart')
OUT_OF_MEMORY = 2
# After these, every call of the process fails: NVIDIA says to end it. What is unknown is no safer.
STICKY = frozenset(
    {
        4,  # the run time is being unloaded
        214,  # uncorrectable error of the memory (ECC)
        220,  # uncorrectable error of NVLink
        226,  # contained error
        700,  # illegal address
        702,  # a kernel took too long
        709,  # the context was destroyed
        710,  # assertion in a kernel
        714,  # error of the hardware stack
        715,  # illegal instruction
        716,  # misaligned address
        717,  # invalid address space
        718,  # invalid program counter
        719,  # a kernel failed
        721,  # leak of tensor memory
        999,  # unknown
    }
)
UNAVAILABLE = frozenset(
    {
        35,  # no driver, or an old one
        100,  # no GPU
        101,  # no such GPU
        803,  # driver and run time do not fit
    }
)
MILLISECOND = 1e-3


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What an engine depends on.

    Attributes:
        name: Of the GPU.
        capability: Compute capability, major and minor.
        driver: Newest CUDA that the driver supports, for example ``'13.0'``.
        runtime: CUDA of the run time.
    """

    name: str
    capability: tuple[int, int]
    driver: str
    runtime: str

    @property
    def title(self) -> str:
        """Name and compute capability."""
        return f'{self.name} ({self.capability[0]}.{self.capability[1]})'


def find_runtime() -> Any:
    """Import CUDA's run time.

    Raises:
        EngineUnavailableError: If ``cuda-python`` is not installed or cannot be loaded.
    """
    refusals = []
    for name in MODULES:
        try:
            return import_module(name)
        except (ImportError, OSError, RuntimeError) as err:  # noqa: PERF203 - two rounds at most
            refusals.append(f'{name}: {err}.')
    msg = f'CUDA cannot be used: {" ".join(refusals)} Install it with "pip install cuda-python".'
    raise EngineUnavailableError(msg)


class CudaDevice:
    """One GPU.

    Attributes:
        index: Number of the GPU.
        info: What it is.
    """

    def __init__(self, index: int = 0, runtime: Any = None) -> None:
        """Look at a GPU.

        Args:
            index: Its number.
            runtime: CUDA's run time; by default the installed one.

        Raises:
            EngineUnavailableError: If there is no ``cuda-python``, driver or such GPU.
            DeviceError: If the GPU fails.
        """
        self._cuda = find_runtime() if runtime is None else runtime
        self.index = index
        count = int(self.call('cudaGetDeviceCount'))
        if not 0 <= index < count:
            msg = f'There is no GPU {index}: CUDA sees {count}. Choose another index.'
            raise EngineUnavailableError(msg)
        self.use()
        found = self.call('cudaGetDeviceProperties', index)
        self.info = DeviceInfo(
            name=found.name.rstrip(b'\0').decode(),
            capability=(int(found.major), int(found.minor)),
            driver=_dotted(self.call('cudaDriverGetVersion')),
            runtime=_dotted(self.call('cudaRuntimeGetVersion')),
        )

    def call(self, name: str, *args: Any) -> Any:
        """Call a function of the run time.

        Returns:
            What it gives beside its status: nothing, a value, or several as a tuple.

        Raises:
            DeviceError: If the status is an error.
            EngineUnavailableError: If it says that there is no GPU or no driver.
        """
        status, *values = getattr(self._cuda, name)(*args)
        if int(status) != 0:
            raise self._error(name, status)
        return values[0] if len(values) == 1 else tuple(values) or None

    def use(self) -> None:
        """Make it the GPU of the calling thread."""
        self.call('cudaSetDevice', self.index)

    def memory(self) -> tuple[int, int]:
        """Return free and total memory [bytes]."""
        self.use()  # whoever asks for the state may be another thread
        free, total = self.call('cudaMemGetInfo')
        return int(free), int(total)

    def stream(self, owner: ExitStack) -> Any:
        """Return a stream that does not wait for the default one."""
        made = self.call('cudaStreamCreateWithFlags', self._cuda.cudaStreamNonBlocking)
        return self._owned(owner, made, 'cudaStreamDestroy')

    def event(self, owner: ExitStack) -> Any:
        """Return an event that measures time; who waits for it sleeps instead of spinning."""
        made = self.call('cudaEventCreateWithFlags', self._cuda.cudaEventBlockingSync)
        return self._owned(owner, made, 'cudaEventDestroy')

    def allocate(self, owner: ExitStack, nbytes: int) -> int:
        """Return the address of memory on the GPU."""
        return int(self._owned(owner, self.call('cudaMalloc', nbytes), 'cudaFree'))

    def allocate_pinned(self, nbytes: int) -> UInt8Array:
        """Return memory of the host that the GPU copies from and to by itself.

        It has to be given to ``free_pinned``.
        """
        address = self.call('cudaHostAlloc', nbytes, self._cuda.cudaHostAllocDefault)
        buffer = (ctypes.c_uint8 * nbytes).from_address(int(address))
        return np.ctypeslib.as_array(buffer)

    def free_pinned(self, memory: UInt8Array) -> None:
        """Free memory of the host; nobody may look at it any more."""
        self.call('cudaFreeHost', address_of(memory))

    def copy_in(self, target: int, source: UInt8Array, nbytes: int, stream: Any) -> None:
        """Queue a copy from pinned memory to the GPU."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call('cudaMemcpyAsync', target, address_of(source), nbytes, kind, stream)

    def copy_out(self, target: UInt8Array, source: int, nbytes: int, stream: Any) -> None:
        """Queue a copy from the GPU to pinned memory."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call('cudaMemcpyAsync', address_of(target), source, nbytes, kind, stream)

    def record(self, event: Any, stream: Any) -> None:
        """Let an event happen once all that was queued in a stream is done."""
        self.call('cudaEventRecord', event, stream)

    def let_wait(self, stream: Any, event: Any) -> None:
        """Hold what is queued in a stream from now on until an event happens."""
        self.call('cudaStreamWaitEvent', stream, event, 0)

    def wait(self, event: Any) -> None:
        """Wait for an event; errors of all that was queued before it show here."""
        self.call('cudaEventSynchronize', event)

    def wait_for_stream(self, stream: Any) -> None:
        """Wait for all that was queued in a stream."""
        self.call('cudaStreamSynchronize', stream)

    def seconds(self, start: Any, stop: Any) -> float:
        """Return the time between two events that have happened [s]."""
        return float(self.call('cudaEventElapsedTime', start, stop)) * MILLISECOND

    def capture(self, owner: ExitStack, stream: Any, queue: Callable[[], None]) -> Any:
        """Record what is queued in a stream as a graph, without running it.

        Args:
            owner: Frees the graph.
            stream: Where it is recorded.
            queue: Queues the work in this stream.

        Returns:
            The graph, for ``launch``.

        Raises:
            DeviceError: If something cannot be recorded; the stream can be used as before.
        """
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call('cudaStreamBeginCapture', stream, mode)
        try:
            queue()
        except BaseException:
            # Its status repeats the error at hand, or there is a graph that nobody wants.
            status, *graphs = self._cuda.cudaStreamEndCapture(stream)
            if int(status) == 0:
                self._cuda.cudaGraphDestroy(*graphs)
            raise
        graph = self.call('cudaStreamEndCapture', stream)
        try:
            made = self.call('cudaGraphInstantiate', graph, 0)
        finally:
            self.call('cudaGraphDestroy', graph)
        return self._owned(owner, made, 'cudaGraphExecDestroy')

    def launch(self, graph: Any, stream: Any) -> None:
        """Queue all that was recorded in a graph."""
        self.call('cudaGraphLaunch', graph, stream)

    def _owned(self, owner: ExitStack, made: Any, free: str) -> Any:
        owner.callback(self.call, free, made)
        return made

    def _error(self, name: str, status: Any) -> DeviceError | EngineUnavailableError:
        code = int(status)
        _, text = self._cuda.cudaGetErrorString(status)
        said = text.decode() if isinstance(text, bytes) else str(text)
        what = f'{name} failed with error {code} of CUDA: {said}.'
        if code in UNAVAILABLE:
            return EngineUnavailableError(f'{what} Install or update the driver of the GPU.')
        if code == OUT_OF_MEMORY:
            remedy = 'Close other programs on the GPU, or use smaller batches and images.'
            return DeviceError(f'{what} {remedy}', out_of_memory=True)
        if code in STICKY:
            remedy = 'This process cannot use the GPU any more: start it again.'
            return DeviceError(f'{what} {remedy}', sticky=True)
        return DeviceError(what)


def address_of(memory: UInt8Array) -> int:
    """Return where an array begins."""
    return int(memory.__array_interface__['data'][0])


def _dotted(version: int) -> str:
    """Return CUDA's version, 1000 x major + 10 x minor, as people write it."""
    return f'{version // 1000}.{version % 1000 // 10}'
