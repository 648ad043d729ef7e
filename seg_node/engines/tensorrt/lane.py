# SPDX-License-Identifier: Apache-2.0
"""Runs an engine on batches of one shape: pinned double buffers, three streams, a CUDA graph.

While the network works on one batch, the next is copied in and the last is copied out::

    copy in    | n+1 |         | n+2 |
    compute    |   n   |   |   n+1   |
    copy out   | n-1 |         |  n  |

Each batch goes through a slot: buffers on both sides, and the events that its stages wait for. A
slot is used again only after its batch was collected, so no stage can overtake another.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
import logging
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.engines.tensorrt.nvtx_stage import Stage
from seg_node.engines.tensorrt.pinned_pool import PinnedPool
from seg_node.engines.tensorrt.slot import fill, laid_out, Slot
from seg_node.errors import DeviceError, EngineError, TensorMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.engines.tensorrt.cuda_device import CudaDevice
    from seg_node.engines.tensorrt.library import Messages
    from seg_node.engines.tensorrt.tensors import Tensor

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Batch', 'Lane', 'Streams']

IMAGE, THRESHOLDS = 'image', 'thresholds'
SLOTS = 2
MOST_BLOCKS = 8  # of results: two in flight, one being made, the rest in callers' hands
STAGES = ('copy_in', 'infer', 'copy_out')

logger = logging.getLogger(__name__)


class Streams:
    """The three streams of an engine; its lanes share them."""

    def __init__(self, device: CudaDevice, owner: ExitStack) -> None:
        """Make them; ``owner`` ends them."""
        self.copy_in = device.stream(owner)
        self.compute = device.stream(owner)
        self.copy_out = device.stream(owner)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came out of the network for the images of a batch.

    Attributes:
        arrays: Of each output that was asked for, (N, …).
        times: Seconds of copying in, inference and copying out, by the GPU's clock.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    times: Mapping[str, float]


class Lane:
    """One execution context for batches of one shape.

    Attributes:
        shape: Images of a batch and their size, (N, H, W).
        graph_refusal: Why runs are not recorded in a CUDA graph; empty if they are.
    """

    def __init__(
        self,
        device: CudaDevice,
        streams: Streams,
        context: Any,
        *,
        tensors: Sequence[Tensor],
        shape: tuple[int, int, int],
        messages: Messages,
    ) -> None:
        """Make buffers, run once and record the run.

        Args:
            device: Where it runs.
            streams: Of the engine.
            context: A context of an engine whose inputs and outputs were checked, for this lane
                alone; ``None`` if the library could not make one.
            tensors: Inputs and outputs of the engine.
            shape: Images of a batch and their size, (N, H, W).
            messages: What the library says.

        Raises:
            EngineError: If the engine does not take this shape or fails.
            TensorMismatchError: If its outputs have other shapes.
            DeviceError: If the GPU fails or has too little memory.
        """
        self.shape = shape
        self.graph_refusal = ''
        self._device, self._streams, self._messages = device, streams, messages
        self._free: deque[Slot] = deque()
        self._busy: deque[Slot] = deque()
        self._stage = Stage()
        self._context = context
        if context is None:
            raise self._failure(what='create an execution context')
        with ExitStack() as owner:
            owner.callback(setattr, self, '_context', None)
            shapes = self._fix_shapes(tensors)
            self._outputs, block = laid_out(tensors, shapes)
            self._pool = PinnedPool(device, block, MOST_BLOCKS)
            owner.callback(self._pool.close)
            slots = [self._make_slot(owner, tensors, shapes) for _ in range(SLOTS)]
            self._warm_up(owner, slots)
            self._free.extend(slots)
            owner.callback(self._recall)
            for stream in (streams.copy_in, streams.compute, streams.copy_out):
                owner.callback(device.wait_for_stream, stream)  # the first thing in ``close``
            self._owner = owner.pop_all()

    @property
    def is_busy(self) -> bool:
        """Whether a batch is under way."""
        return bool(self._busy)

    def next_images(self) -> UInt8Array:
        """Return the pinned images (N, H, W, 3) of the next batch; filling them saves a copy.

        Raises:
            EngineError: If as many batches are under way as there are slots.
        """
        if not self._free:
            msg = f'{SLOTS} batches are under way. Collect the first before the next.'
            raise EngineError(msg)
        return self._free[0].images

    def submit(
        self,
        images: Sequence[UInt8Array],
        limits: tuple[float, float],
        outputs: tuple[str, ...],
    ) -> None:
        """Queue a batch.

        Args:
            images: (H, W, 3) uint8 each, at most N; they are copied before this returns.
            limits: What goes to the input ``thresholds``.
            outputs: Names of those to copy to the host.

        Raises:
            EngineError: If as many batches are under way as there are slots, or the library fails.
            DeviceError: If the GPU fails.
        """
        targets = self.next_images()[: len(images)]
        slot = self._free.popleft()
        self._busy.append(slot)
        slot.count, slot.outputs = len(images), outputs
        slot.block = self._pool.take()
        with self._stage('copy_in'):
            fill(targets, images)
            self._queue_copy_in(slot, limits)
        with self._stage('infer'):
            self._queue_run(slot)
        with self._stage('copy_out'):
            self._queue_copy_out(slot, slot.block)

    def collect(self) -> Batch:
        """Wait for the oldest batch that was submitted and return what came out.

        Raises:
            EngineError: If none is under way.
            DeviceError: If the GPU failed with it.
        """
        if not self._busy or self._busy[0].block is None:
            msg = 'No batch is under way. Submit one first.'
            raise EngineError(msg)
        slot = self._busy[0]
        with self._stage('wait'):
            self._device.wait(slot.events[-1])
        self._busy.popleft()
        self._free.append(slot)
        return Batch(self._results(slot), self._times(slot))

    def close(self) -> None:
        """Free all; arrays that were handed out stay valid.

        Raises:
            DeviceError: If the GPU refuses; the rest was freed all the same.
        """
        self._owner.close()

    def _recall(self) -> None:
        """Take back the blocks of batches that nobody will collect."""
        for slot in self._busy:
            if slot.block is not None:
                self._pool.give_back(slot.block)
                slot.block = None

    def _fix_shapes(self, tensors: Sequence[Tensor]) -> dict[str, tuple[int, ...]]:
        """Tell the context the shape of the batch and return those of all tensors."""
        count, height, width = self.shape
        if not self._context.set_input_shape(IMAGE, (count, height, width, 3)):
            raise self._failure(what=f'take {count} images of {width} x {height}')
        shapes = {one.name: tuple(self._context.get_tensor_shape(one.name)) for one in tensors}
        for one in tensors:
            per_pixel = not one.is_input and one.dtype == 'uint8'
            got = shapes[one.name]
            if min(got) < 1 or (per_pixel and (got[0], *got[-2:]) != self.shape):
                raise TensorMismatchError(
                    one.name,
                    expected=f'the size of the images, {self.shape}',
                    got=str(got),
                    remedy='Build the engine again.',
                )
        return shapes

    def _make_slot(
        self, owner: ExitStack, tensors: Sequence[Tensor], shapes: Mapping[str, tuple[int, ...]]
    ) -> Slot:
        device = self._device
        image_bytes = int(np.prod(shapes[IMAGE]))
        images, limits = (self._pinned(owner, size) for size in (image_bytes, 2 * 4))
        addresses = {
            one.name: device.allocate(owner, one.nbytes(shapes[one.name])) for one in tensors
        }
        first, second, third, fourth, fifth = (device.event(owner) for _ in range(5))
        images[:] = 0
        return Slot(
            images.reshape(shapes[IMAGE]),
            limits,
            addresses,
            (first, second, third, fourth, fifth),
        )

    def _pinned(self, owner: ExitStack, nbytes: int) -> UInt8Array:
        memory = self._device.allocate_pinned(nbytes)
        owner.callback(self._device.free_pinned, memory)
        return memory

    def _warm_up(self, owner: ExitStack, slots: Sequence[Slot]) -> None:
        """Run each slot once, so that nothing is left to be set up, and record it as a graph."""
        device, stream = self._device, self._streams.compute
        for slot in slots:
            self._queue_limits(slot, (0.0, 1.0), stream)
            device.copy_in(slot.addresses[IMAGE], _bytes(slot.images), slot.images.size, stream)
            self._execute(slot)
            device.wait_for_stream(stream)
            if self.graph_refusal:
                continue
            if not self._can_capture():
                self.graph_refusal = 'the library says that this engine cannot be recorded'
                continue
            try:
                slot.graph = device.capture(owner, stream, partial(self._execute, slot))
            except EngineError as err:
                if isinstance(err, DeviceError) and (err.sticky or err.out_of_memory):
                    raise
                self.graph_refusal = str(err)
                logger.warning('Runs are not recorded in a CUDA graph: %s', err)

    def _can_capture(self) -> bool:
        """Ask the library; TensorRT 10 and 11 cannot be asked, but tried."""
        ask = getattr(self._context, 'is_stream_capturable', None)
        return ask is None or bool(ask(int(self._streams.compute)))

    def _queue_limits(self, slot: Slot, limits: tuple[float, float], stream: Any) -> None:
        if THRESHOLDS in slot.addresses and limits != slot.limits_inside:
            slot.limits.view(np.float32)[:] = limits
            self._device.copy_in(slot.addresses[THRESHOLDS], slot.limits, slot.limits.size, stream)
            slot.limits_inside = limits

    def _queue_copy_in(self, slot: Slot, limits: tuple[float, float]) -> None:
        device, stream = self._device, self._streams.copy_in
        began, ended, *_ = slot.events
        device.record(began, stream)
        nbytes = slot.images[0].size * slot.count
        device.copy_in(slot.addresses[IMAGE], _bytes(slot.images), nbytes, stream)
        self._queue_limits(slot, limits, stream)
        device.record(ended, stream)

    def _queue_run(self, slot: Slot) -> None:
        device, stream = self._device, self._streams.compute
        _, copied_in, began, ended, _ = slot.events
        device.let_wait(stream, copied_in)
        device.record(began, stream)
        if slot.graph is not None:
            device.launch(slot.graph, stream)
        else:
            self._execute(slot)
        device.record(ended, stream)

    def _execute(self, slot: Slot) -> None:
        """Queue the network itself."""
        placed = [
            self._context.set_tensor_address(name, address)
            for name, address in slot.addresses.items()
        ]
        if not all(placed) or not self._context.execute_async_v3(int(self._streams.compute)):
            raise self._failure(what='run')

    def _queue_copy_out(self, slot: Slot, block: UInt8Array) -> None:
        device, stream = self._device, self._streams.copy_out
        *_, computed, done = slot.events
        device.let_wait(stream, computed)
        for name in slot.outputs:
            place = self._outputs[name]
            target = block[place.offset :]
            device.copy_out(target, slot.addresses[name], place.nbytes_each * slot.count, stream)
        device.record(done, stream)

    def _results(self, slot: Slot) -> dict[str, npt.NDArray[Any]]:
        """Hand the block of results over, or copies of it if many are in callers' hands."""
        block, slot.block = slot.block, None
        if block is None:
            return {}
        lent = self._pool.can_lend
        memory = self._pool.lend(block) if lent else block
        found = {name: self._view(memory, name, slot.count) for name in slot.outputs}
        if not lent:
            found = {name: view.copy() for name, view in found.items()}
            self._pool.give_back(block)
        return found

    def _view(self, block: UInt8Array, name: str, count: int) -> npt.NDArray[Any]:
        place = self._outputs[name]
        data = block[place.offset : place.offset + place.nbytes_each * count]
        return data.view(place.dtype).reshape(count, *place.shape[1:])

    def _times(self, slot: Slot) -> dict[str, float]:
        in_begun, in_ended, begun, ended, out_ended = slot.events
        pairs = ((in_begun, in_ended), (begun, ended), (ended, out_ended))
        return {
            stage: self._device.seconds(start, stop)
            for stage, (start, stop) in zip(STAGES, pairs, strict=True)
        }

    def _failure(self, *, what: str) -> EngineError:
        text = f'TensorRT could not {what}: {self._messages.explained()}'
        if self._messages.lacks_memory:
            remedy = 'Close other programs on the GPU, or use smaller batches and images.'
            return DeviceError(f'{text} {remedy}', out_of_memory=True)
        return EngineError(text)


def _bytes(images: UInt8Array) -> UInt8Array:
    return images.reshape(-1)
