# SPDX-License-Identifier: Apache-2.0
"""Batches of one shape on their way through a GPU in torch; two of them at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, TYPE_CHECKING

import torch

from seg_node.imaging.device_scores import DeviceScores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from seg_node.engines.torch_cuda.queues import Queues
    from seg_node.model.deployed import Deployed

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['DEPTH', 'Lane']

SCORES = 'scores'
DEPTH = 2  # batches under way: one is computed while another one is copied


@dataclass
class _Slot:
    """Memory of one batch.

    Attributes:
        host: Where images are put, in memory that can be copied from in the background.
        image: Their copy on the device.
        limits: Both limits of the drivable area, on the host and on the device.
        kept: Results on the device, by name.
        found: Results on the host, by name; scores are left on the device.
        scores: Those of the network, in memory of their own on the device.
        marks: Start and end of each stage.
    """

    host: Tensor
    image: Tensor
    limits: tuple[Tensor, Tensor]
    kept: Mapping[str, Tensor]
    found: Mapping[str, Tensor] = field(default_factory=dict)
    scores: Tensor | None = None
    marks: tuple[Any, ...] = ()


class Lane:
    """Runs the deployed module on batches of one shape.

    What a CUDA graph reads and writes has its place for good. Each batch is copied there from a
    place of its own on the device, and its results from there: that takes microseconds, and lets
    the slow copies from and to the host go on meanwhile.
    """

    def __init__(self, module: Deployed, shape: tuple[int, int, int], queues: Queues) -> None:
        """Take memory and record the work.

        Args:
            module: On the device, for images of this size.
            shape: Number, height and width of the images.
            queues: Of the device.

        Raises:
            DeviceError: If the device failed or has not the memory.
        """
        self._queues = queues
        with queues.errors():
            image = torch.zeros((*shape, 3), dtype=torch.uint8, device=queues.device)
            limits = torch.zeros(2, device=queues.device)
            self._given = image, limits
            made, self._again = queues.recorded(lambda: module(image, limits))
            self._made = made._asdict()
            self._free = deque(self._slot() for _ in range(DEPTH))
        self._under_way: deque[_Slot] = deque()

    @property
    def is_full(self) -> bool:
        """Whether as many batches are under way as there is memory for."""
        return not self._free

    def submit(
        self,
        images: Sequence[UInt8Array],
        limits: npt.NDArray[np.float32],
        names: Sequence[str],
    ) -> None:
        """Queue a batch and return without waiting for it.

        Args:
            images: (H, W, 3) uint8 RGB each, as many as the lane is for.
            limits: (2,) float32, as from ``drivable_limits``.
            names: Which results are copied to the host.

        Raises:
            DeviceError: If the device failed.
        """
        slot, queues = self._free.popleft(), self._queues
        target = slot.host.numpy()
        for place, image in enumerate(images):
            target[place] = image
        slot.limits[0].numpy()[:] = limits
        with queues.errors(), torch.inference_mode():
            started = queues.mark('copy_in')
            with queues.on('copy_in'):
                slot.image.copy_(slot.host, non_blocking=True)
                slot.limits[1].copy_(slot.limits[0], non_blocking=True)
            copied = queues.mark('copy_in')
            begun, computed = self._infer(slot, copied, names)
            slot.found = self._copy_out(slot, computed, names)
            slot.marks = started, copied, begun, computed, queues.mark('copy_out')
        self._under_way.append(slot)

    def collect(self) -> tuple[dict[str, Any], dict[str, float]]:
        """Wait for the oldest batch; return its results by name and its times by stage [s].

        Scores are ``DeviceScores``: where no CRF runs, nobody fetches them.

        Raises:
            DeviceError: If the device failed with it.
        """
        slot, queues = self._under_way.popleft(), self._queues
        with queues.errors():
            queues.wait(slot.marks[-1])
            started, copied, begun, computed, done = slot.marks
            times = {
                'copy_in': queues.seconds(started, copied),
                'infer': queues.seconds(begun, computed),
                'copy_out': queues.seconds(computed, done),
            }
        found: dict[str, Any] = {name: tensor.numpy() for name, tensor in slot.found.items()}
        if slot.scores is not None:
            found[SCORES] = [DeviceScores(one) for one in slot.scores]
        slot.found, slot.scores, slot.marks = {}, None, ()
        self._free.append(slot)
        return found, times

    def _infer(self, slot: _Slot, copied: Any, names: Sequence[str]) -> tuple[Any, Any]:
        queues = self._queues
        queues.let_wait('infer', copied)
        begun = queues.mark('infer')
        with queues.on('infer'):
            self._given[0].copy_(slot.image)
            self._given[1].copy_(slot.limits[1])
            self._again()
            for name in names:
                if name == SCORES:
                    slot.scores = self._made[name].clone()
                else:
                    slot.kept[name].copy_(self._made[name])
        return begun, queues.mark('infer')

    def _copy_out(self, slot: _Slot, computed: Any, names: Sequence[str]) -> dict[str, Tensor]:
        queues, found = self._queues, {}
        queues.let_wait('copy_out', computed)
        with queues.on('copy_out'):
            for name in names:
                if name == SCORES:
                    continue
                kept = slot.kept[name]
                found[name] = queues.host(tuple(kept.shape), kept.dtype)
                found[name].copy_(kept, non_blocking=True)
        return found

    def _slot(self) -> _Slot:
        image, limits = self._given
        return _Slot(
            host=self._queues.host(tuple(image.shape), image.dtype),
            image=torch.empty_like(image),
            limits=(self._queues.host((2,), limits.dtype), torch.empty_like(limits)),
            kept={
                name: torch.empty_like(made) for name, made in self._made.items() if name != SCORES
            },
        )
