# SPDX-License-Identifier: Apache-2.0
"""Work that is queued on a GPU in torch, and the same on a processor, where nothing waits."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
import time
from typing import Any, Literal, Protocol, TYPE_CHECKING

import torch

from seg_node.engines.torch_cuda.faults import device_error
from seg_node.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

__all__ = ['CudaQueues', 'ProcessorQueues', 'Queues', 'queues_of']

Name = Literal['copy_in', 'infer', 'copy_out']
WARM_UPS = 3  # cuDNN tries its algorithms in the first run; torch's guide to CUDA graphs runs 3
MILLISECOND = 1e-3


class Queues(Protocol):
    """Three queues, so that the copies of one batch overlap the inference of another."""

    device: torch.device
    title: str

    def on(self, name: Name) -> AbstractContextManager[Any]:
        """Return a context in which torch queues its work here."""

    def mark(self, name: Name) -> Any:
        """Return a mark that is passed when all that is queued here was done."""

    def let_wait(self, name: Name, mark: Any) -> None:
        """Let what is queued here from now on wait for a mark."""

    def wait(self, mark: Any) -> None:
        """Wait for a mark."""

    def seconds(self, start: Any, stop: Any) -> float:
        """Return the time between two marks that were passed [s]."""

    def host(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return memory of the processor that copies can be queued from and to."""

    def recorded(self, run: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        """Run something; return what it gave, and how to compute that again in the same place."""

    def give_back(self) -> None:
        """Give memory that is kept for later back to the device."""

    def errors(self) -> AbstractContextManager[None]:
        """Return a context in which torch's errors become ours."""


class CudaQueues:
    """Streams of their own, pinned memory, and a CUDA graph."""

    def __init__(self, device: torch.device) -> None:
        """Make the streams.

        Raises:
            EngineUnavailableError: If torch finds no GPU.
        """
        if not torch.cuda.is_available():
            msg = (
                f'Torch {torch.__version__} finds no CUDA GPU. Install a build of torch with CUDA '
                'and a driver that it supports, or choose the engine onnxruntime.'
            )
            raise EngineUnavailableError(msg)
        self.device = device
        gpu = torch.cuda.get_device_name(device)
        self.title = f'torch {torch.__version__}, CUDA {torch.version.cuda}, on {gpu}'
        self._streams = {
            name: torch.cuda.Stream(device) for name in ('copy_in', 'infer', 'copy_out')
        }

    def on(self, name: Name) -> AbstractContextManager[Any]:
        """See ``Queues``."""
        return torch.cuda.stream(self._streams[name])

    def mark(self, name: Name) -> Any:
        """See ``Queues``."""
        event = torch.cuda.Event(enable_timing=True, blocking=True)  # who waits for it sleeps
        event.record(self._streams[name])
        return event

    def let_wait(self, name: Name, mark: Any) -> None:
        """See ``Queues``."""
        self._streams[name].wait_event(mark)

    def wait(self, mark: Any) -> None:
        """See ``Queues``."""
        mark.synchronize()

    def seconds(self, start: Any, stop: Any) -> float:
        """See ``Queues``."""
        return float(start.elapsed_time(stop)) * MILLISECOND

    def host(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See ``Queues``; torch keeps pinned memory that nobody uses any more for the next one."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def recorded(self, run: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        """See ``Queues``."""
        stream, graph = self._streams['infer'], torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream(self.device))
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
        with exact, torch.inference_mode():
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    run()
            stream.synchronize()
            # What other threads do on the GPU, such as a CRF in torch, must not end the capture.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode='thread_local'):
                made = run()
        return made, graph.replay

    def give_back(self) -> None:
        """See ``Queues``."""
        with self.errors():
            torch.cuda.empty_cache()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """See ``Queues``."""
        try:
            yield
        except RuntimeError as err:
            raise device_error(self.title, err) from err


class ProcessorQueues:
    """The same without a GPU: everything is done at once."""

    def __init__(self, device: torch.device) -> None:
        """Name the device."""
        self.device = device
        self.title = f'torch {torch.__version__} on the CPU'

    def on(self, name: Name) -> AbstractContextManager[Any]:  # noqa: ARG002
        """See ``Queues``."""
        return nullcontext()

    def mark(self, name: Name) -> Any:  # noqa: ARG002
        """See ``Queues``."""
        return time.monotonic()

    def let_wait(self, name: Name, mark: Any) -> None:
        """See ``Queues``."""

    def wait(self, mark: Any) -> None:
        """See ``Queues``."""

    def seconds(self, start: Any, stop: Any) -> float:
        """See ``Queues``."""
        return float(stop - start)

    def host(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See ``Queues``."""
        return torch.empty(shape, dtype=dtype)

    def recorded(self, run: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        """See ``Queues``."""
        made = run()

        def again() -> None:
            for place, value in zip(made, run(), strict=True):
                place.copy_(value)

        return made, again

    def give_back(self) -> None:
        """See ``Queues``."""

    @contextmanager
    def errors(self) -> Iterator[None]:
        """See ``Queues``."""
        try:
            yield
        except RuntimeError as err:
            msg = f'{self.title} failed: {err}'
            raise EngineError(msg) from err


def queues_of(device: str) -> Queues:
    """Return queues of a device.

    Args:
        device: As torch names it, ``'cuda'``, ``'cuda:1'`` or ``'cpu'``.

    Raises:
        EngineUnavailableError: If it is not here.
    """
    named = torch.device(device)
    return CudaQueues(named) if named.type == 'cuda' else ProcessorQueues(named)
