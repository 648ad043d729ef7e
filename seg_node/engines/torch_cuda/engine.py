# SPDX-License-Identifier: Apache-2.0
"""Torch on a GPU: the deployed module in half precision, where there is no TensorRT."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, cast, ClassVar, TYPE_CHECKING

from seg_node.engines.base import check_images, Inferred
from seg_node.engines.deployed_spec import drivable_limits
from seg_node.engines.pipelined import PipelinedEngine
from seg_node.engines.tensorrt.nvtx_stage import Stage
from seg_node.engines.torch_cuda.lane import Lane
from seg_node.engines.torch_cuda.queues import queues_of
from seg_node.engines.torch_engine import trained_network
from seg_node.errors import EngineError
from seg_node.imaging import PixelMaps
from seg_node.model.deployed import Deployed
from seg_node.model.inference import for_inference

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Wanted
    from seg_node.engines.torch_cuda.queues import Queues
    from seg_node.imaging import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Key = tuple[int, int, int, tuple[int, ...]]

__all__ = ['TorchCudaEngine']

MOST_LANES = 4  # of different sizes and planes; each takes memory of the GPU
NOWHERE_DRIVABLE = (1.0, 0.0)


class TorchCudaEngine(PipelinedEngine):
    """Runs ``model.deployed`` on a CUDA GPU, with own streams, pinned memory and a CUDA graph.

    Besides ``segment`` there are ``submit`` and ``collect``, with which the copies of one batch
    overlap the inference of another. On ``device='cpu'`` the same is done step by step.
    """

    name: ClassVar[str] = 'torch'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'fp16')

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int = 1,
        precision: str = 'fp16',
        device: str = 'cuda',
        most_lanes: int = MOST_LANES,
    ) -> None:
        """Remember what to run; nothing is loaded yet.

        Args:
            bundle: A verified bundle with torch weights.
            threads: Of no effect here.
            precision: Of the network; softmax and entropy are always in fp32.
            device: As torch names it.
            most_lanes: Sizes and planes that are ready at a time; fewer take less memory.
        """
        super().__init__(bundle, threads=threads, precision=precision)
        self._on = device
        self._most_lanes = most_lanes
        self._queues: Queues | None = None
        self._network: nn.Module | None = None
        self._lanes: OrderedDict[Key, tuple[Lane, Placement]] = OrderedDict()
        self._flights: list[tuple[Lane, Placement, Wanted]] = []
        self._stage = Stage()

    @classmethod
    def best_precision(cls, bundle: Bundle) -> str:  # noqa: ARG003
        """Return fp16, whatever the bundle says of processors."""
        return 'fp16'

    def submit(self, images: Sequence[UInt8Array], wanted: Wanted) -> None:
        """Queue a batch and return without waiting for it; two can be under way.

        Args:
            images: (H, W, 3) uint8 RGB each, at least one, of one size; they may be changed once
                this returns.
            wanted: What is asked for beside the labels.

        Raises:
            EngineError: If the engine is not open, or two batches are under way.
            TensorMismatchError: If the images are no RGB images of one size.
            DeviceError: If the GPU failed.
        """
        self._check_open()
        check_images(images)
        height, width, _ = images[0].shape
        with self._stage('submit'):
            lane, placement = self._lane((len(images), height, width, wanted.planes))
            if lane.is_full:
                msg = 'Two batches are under way. Collect one before the next is submitted.'
                raise EngineError(msg)
            limits = drivable_limits(*(wanted.drivable or NOWHERE_DRIVABLE))
            lane.submit(images, limits, _names(wanted))
        self._flights.append((lane, placement, wanted))

    def collect(self) -> list[Inferred]:
        """Wait for the oldest batch under way and return what was found in its images.

        Raises:
            EngineError: If none is under way.
            DeviceError: If the GPU failed with it.
        """
        self._check_open()
        if not self._flights:
            msg = 'No batch is under way. Submit one first.'
            raise EngineError(msg)
        lane, placement, wanted = self._flights.pop(0)
        with self._stage('collect'):
            found, times = lane.collect()
        count = len(found['labels'])
        return [
            _inferred(
                {name: array[index] for name, array in found.items()}, placement, wanted, times
            )
            for index in range(count)
        ]

    def _open(self) -> None:
        network = trained_network(self.bundle)  # first: an imported ONNX has none
        self._queues = queues_of(self._on)
        given = self.bundle.manifest.input
        fast = for_inference(network, (given.height, given.width), half=self.precision == 'fp16')
        with self._queues.errors():
            self._network = fast.to(self._queues.device)
        self.device = self._queues.title

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        self.submit(images, wanted)
        return self.collect()

    def _close(self) -> None:
        self._lanes.clear()
        self._flights.clear()
        queues, self._network, self._queues = self._queues, None, None
        if queues is not None:
            queues.give_back()

    def _lane(self, key: Key) -> tuple[Lane, Placement]:
        """Return the lane for a shape and planes; the one that rested longest makes room."""
        if key not in self._lanes:
            if len(self._lanes) == self._most_lanes:
                self._lanes.popitem(last=False)
                cast('Queues', self._queues).give_back()
            self._lanes[key] = self._new_lane(key)
        self._lanes.move_to_end(key)
        return self._lanes[key]

    def _new_lane(self, key: Key) -> tuple[Lane, Placement]:
        count, height, width, planes = key
        queues, network = cast('Queues', self._queues), cast('nn.Module', self._network)
        module = Deployed(network, self.bundle.manifest, (height, width), planes)
        with queues.errors():
            module.to(queues.device)
        return Lane(module, (count, height, width), queues), module.placement


def _names(wanted: Wanted) -> list[str]:
    """Return which results are copied to the host."""
    needed = {
        'labels': True,
        'confidence': wanted.confidence,
        'entropy': wanted.entropy,
        'drivable_area': wanted.drivable is not None,
        'planes': bool(wanted.planes),
        'scores': wanted.scores,
    }
    return [name for name, is_needed in needed.items() if is_needed]


def _inferred(
    arrays: dict[str, Any], placement: Placement, wanted: Wanted, times: dict[str, float]
) -> Inferred:
    maps = PixelMaps(
        labels=arrays['labels'],
        confidence=arrays.get('confidence'),
        entropy=arrays.get('entropy'),
        planes=dict(zip(wanted.planes, arrays.get('planes', ()), strict=True)),
    )
    return Inferred(maps, placement, arrays.get('drivable_area'), arrays.get('scores'), times)
