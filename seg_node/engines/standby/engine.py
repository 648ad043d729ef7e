# SPDX-License-Identifier: Apache-2.0
"""Masks from the first frame on: the CPU serves until the GPU can, and whenever it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
import logging
from typing import ClassVar, Literal, TYPE_CHECKING

from seg_node.engines.base import Engine
from seg_node.engines.standby.frame_worker import FrameWorker
from seg_node.engines.standby.standing import Patience
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.engines.base import Inferred, Wanted
    from seg_node.engines.standby.supply import GpuSupply

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['OnGpuFailure', 'StandbyEngine', 'StandbyOptions']

OnGpuFailure = Literal['fallback', 'fail']

SETTLED_FRAMES = 10
"""After so many images of another size in a row, the camera's size has changed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StandbyOptions:
    """How a standby behaves.

    Attributes:
        on_gpu_failure: Whether frames go to the CPU while the GPU has failed, or fail too.
        image_size: Height and width of the camera's images [px]; None for those of the first.
        patience: With builders, frames and after failures.
    """

    on_gpu_failure: OnGpuFailure = 'fallback'
    image_size: tuple[int, int] | None = None
    patience: Patience = field(default_factory=Patience)


class StandbyEngine(Engine):
    """An engine on the CPU, and one on the GPU that takes its place between two frames.

    ``name``, ``device`` and ``precision`` in ``described()`` are those of the engine that answered
    the last frame.
    """

    name: ClassVar[str] = 'standby'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'fp16', 'int8')

    def __init__(self, cpu: Engine, supply: GpuSupply, options: StandbyOptions) -> None:
        """Join them; ``start`` has to be called before the GPU is used.

        Args:
            cpu: Serves until the GPU can.
            supply: Gets engines on the GPU.
            options: How to behave.
        """
        super().__init__(cpu.bundle, threads=cpu.threads, precision=cpu.precision)
        self._cpu = cpu
        self._supply = supply
        self._worker = FrameWorker()
        self._options = options
        self._answered = cpu
        self._size: tuple[int, int] | None = None
        self._others = 0
        self._is_started = False

    def start(self) -> None:
        """Begin to bring up the GPU: at once if the size of the images is known, else with one."""
        self._is_started = True
        self._supply.start()
        if self._options.image_size is not None:
            self._want(self._options.image_size)

    @property
    def trouble(self) -> str:
        """Why the GPU is not in use although it should be; empty while it is, or will be."""
        return self._supply.standing.fault

    @property
    def gpu(self) -> str:
        """What goes on with the engine on the GPU, in a few words."""
        return self._supply.standing.short

    @property
    def takes_batches(self) -> bool:
        """Whether the engine does that answered the last frame."""
        return self._answered.takes_batches

    def described(self) -> dict[str, str]:
        """Return what answered the last frame, why, and what the GPU is doing."""
        standing = self._supply.standing
        words = self._answered.described()
        reason = f'{self.reason} {standing.explained}'.strip()
        return {**words, 'reason': reason, 'gpu': standing.short}

    def _open(self) -> None:
        self._cpu.open()
        self.device = self._cpu.device

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        height, width = images[0].shape[:2]
        if self._is_started:
            self._watch((height, width))
        found = self._by_gpu((height, width), images, wanted)
        if found is not None:
            return found
        if self.trouble and self._options.on_gpu_failure == 'fail':
            msg = f'{self.trouble} Parameter on_gpu_failure is fail.'
            raise EngineError(msg)
        self._answers(self._cpu)
        return self._cpu.segment(images, wanted)

    def _by_gpu(
        self, size: tuple[int, int], images: Sequence[UInt8Array], wanted: Wanted
    ) -> list[Inferred] | None:
        """Return what the GPU found; None if there is none for this size, or it failed."""
        with self._supply.borrowed(size) as engine:
            if engine is None:
                return None
            try:
                found = self._worker.run(
                    lambda: engine.segment(images, wanted), self._options.patience.frame
                )
            except Exception as err:  # noqa: BLE001  # whatever a GPU does, the CPU has the frame
                self._supply.lost(err)
                self._answers(self._cpu)  # before the lost engine can be freed: others ask who did
                return None
            self._answers(engine)
            return found

    def _answers(self, engine: Engine) -> None:
        """Remember who answered."""
        if engine is not self._answered:
            self._answered = engine
            self.device, self.precision = engine.device, engine.precision
            words = engine.name, engine.precision, engine.device
            logger.info('Frames go to %s in %s on %s from now on.', *words)

    def _watch(self, size: tuple[int, int]) -> None:
        """Ask for an engine for the camera's size; a few odd images do not change it."""
        self._others = 0 if size == self._size else self._others + 1
        if self._size is None or self._others >= SETTLED_FRAMES:
            self._want(size)

    def _want(self, size: tuple[int, int]) -> None:
        self._size, self._others = size, 0
        self._supply.want(size)

    def _close(self) -> None:
        self._worker.close()
        self._supply.close()
        self._cpu.close()
