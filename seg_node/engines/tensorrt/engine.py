# SPDX-License-Identifier: Apache-2.0
"""NVIDIA TensorRT: camera images in, masks out, all of it on the GPU and without torch."""

from __future__ import annotations

from collections import deque
import logging
import time
from typing import ClassVar, NamedTuple, TYPE_CHECKING

from seg_node.engines.base import check_images, Inferred
from seg_node.engines.deployed_spec import drivable_limits
from seg_node.engines.pipelined import PipelinedEngine
from seg_node.engines.tensorrt.nvtx_stage import Stage
from seg_node.engines.tensorrt.session import Session, TensorRTOptions
from seg_node.errors import DeviceError, EngineError
from seg_node.imaging import finish, PixelMaps, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Wanted
    from seg_node.engines.deployed_spec import Size
    from seg_node.engines.tensorrt.builder import BuildOptions
    from seg_node.engines.tensorrt.engine_cache import EngineCache
    from seg_node.engines.tensorrt.lane import Batch
    from seg_node.imaging import Placement

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['TensorRTEngine', 'TensorRTOptions']

INT8_FILE = 'model.int8.trt.onnx'
NOWHERE_DRIVABLE = (1.0, 0.0)
MEMORY_INTERVAL_S = 1.0  # asking the driver may take longer than a frame
MIB = 1 << 20

logger = logging.getLogger(__name__)


class _Flight(NamedTuple):
    """A batch under way."""

    wanted: Wanted
    placement: Placement


class TensorRTEngine(PipelinedEngine):
    """Runs the deployed graph of a bundle with TensorRT 10, TensorRT 11 or TensorRT for RTX.

    Images that fit no engine at hand get one of their own, from the cache or built at once: they
    are never scaled to fit another one. After a failure of the GPU the engine has to be closed and
    opened again. Besides ``segment`` there are ``submit`` and ``collect``, with which the copies
    of one batch overlap the inference of another.
    """

    name: ClassVar[str] = 'tensorrt'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'fp16', 'int8')

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int = 1,
        precision: str = 'fp16',
        options: TensorRTOptions | None = None,
        cache: EngineCache | None = None,
        build_options: BuildOptions | None = None,
    ) -> None:
        """Remember what to run; nothing is loaded yet.

        Args:
            bundle: A verified bundle.
            threads: Those that share the class planes that the GPU does not give.
            precision: Of the network; softmax and entropy are always in fp32.
            options: Sizes, batch, outputs and device.
            cache: Keeps engines; by default that of the user.
            build_options: Of the builder.

        Raises:
            EngineError: If the choices contradict each other.
        """
        super().__init__(bundle, threads=threads, precision=precision)
        self.options = options or TensorRTOptions()
        if self.options.knows_size:
            self.options.spec(precision)
        self._cache, self._build_options = cache, build_options
        self._session: Session | None = None
        self._flights: deque[_Flight] = deque()
        self._placements: dict[Size, Placement] = {}
        self._stage = Stage()
        self._memory = (-MEMORY_INTERVAL_S, '')

    @classmethod
    def best_precision(cls, bundle: Bundle) -> str:
        """Return int8 where the bundle asks for it and has it for TensorRT, else fp16."""
        has_int8 = INT8_FILE in bundle.manifest.files
        return 'int8' if bundle.manifest.precision == 'int8' and has_int8 else 'fp16'

    def submit(self, images: Sequence[UInt8Array], wanted: Wanted) -> None:
        """Queue a batch and return without waiting for it; two can be under way.

        Args:
            images: (H, W, 3) uint8 RGB each, at least one, of one size, at most
                ``options.batch[2]``; they may be changed once this returns.
            wanted: What is asked for beside the labels.

        Raises:
            EngineError: If the engine is not open, cannot give what is wanted, two batches are
                under way, or the run failed.
            TensorMismatchError: If the images are no RGB images of one size.
            DeviceError: If the GPU failed.
        """
        check_images(images)
        session = self._opened()
        height, width, _ = images[0].shape
        outputs = self._outputs(wanted)
        session.submit(images, _limits(wanted), outputs)
        self._flights.append(_Flight(wanted, self._place((height, width))))

    def collect(self) -> list[Inferred]:
        """Wait for the oldest batch under way and return what was found in its images.

        Raises:
            EngineError: If none is under way.
            DeviceError: If the GPU failed with it.
        """
        session = self._opened()
        batch = session.collect()
        flight = self._flights.popleft()
        count = len(batch.arrays['labels'])
        with self._stage('finish'):
            return [self._inferred(batch, index, flight) for index in range(count)]

    def next_images(self, count: int, size: Size) -> UInt8Array:
        """Return pinned memory (N, H, W, 3) uint8 for the next batch.

        A camera's image that is decoded into it and then submitted is not copied once more. It is
        valid until then.

        Args:
            count: Images of the batch.
            size: Their height and width [px].

        Raises:
            EngineError: If two batches are under way, or there is no engine of that size.
            DeviceError: If the GPU failed.
        """
        return self._opened().next_images(count, size)

    def described(self) -> dict[str, str]:
        """Return what runs here and why, the memory of the GPU, and if there is a CUDA graph."""
        told = super().described()
        session = self._session  # once: another thread may close the engine meanwhile
        if session is not None:
            refusal = session.graph_refusal
            told['cuda_graph'] = f'no: {refusal}' if refusal else 'yes'
            told['gpu_memory'] = self._memory_used(session)
        return told

    def _open(self) -> None:
        self._flights.clear()
        self._session = Session(
            self.bundle,
            self.precision,
            self.options,
            cache=self._cache,
            build_options=self._build_options,
        )
        self.device = self._session.title

    def _close(self) -> None:
        session, self._session = self._session, None
        self._flights.clear()
        if session is None:
            return
        try:
            session.close()
        except EngineError as err:
            if isinstance(err, DeviceError) and not err.sticky:
                raise
            # The driver frees all when the process ends, which is all that is left to do.
            logger.warning('The GPU does not free its memory: %s', err)

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        if self._flights:
            msg = 'Batches are under way. Collect them before an image is segmented by itself.'
            raise EngineError(msg)
        most = self.options.batch[2]
        batches = [images[first : first + most] for first in range(0, len(images), most)]
        return [one for batch in self.stream(batches, wanted) for one in batch]

    def _opened(self) -> Session:
        self._check_open()
        if self._session is None:
            msg = f'{type(self).__name__} is not open. Use it in a with statement.'
            raise EngineError(msg)
        return self._session

    def _place(self, size: Size) -> Placement:
        known = self._placements.get(size)
        if known is None:
            known = self._placements[size] = place(size, self.bundle.manifest.input)
        return known

    def _outputs(self, wanted: Wanted) -> tuple[str, ...]:
        """Return what has to be copied to the host."""
        missing = [index for index in wanted.planes if index not in self.options.planes]
        if (missing or wanted.scores) and not self.options.scores:
            what = f'the planes of classes {missing}' if missing else 'scores'
            msg = (
                f'This engine was built without scores and cannot give {what}. Build it with '
                'scores, or with these planes.'
            )
            raise EngineError(msg)
        needed = {
            'labels': True,
            'confidence': wanted.confidence or wanted.drivable is not None,
            'entropy': wanted.entropy or wanted.drivable is not None,
            'drivable_area': wanted.drivable is not None,
            'planes': len(missing) < len(wanted.planes),
            'scores': wanted.scores or bool(missing),
        }
        return tuple(name for name, is_needed in needed.items() if is_needed)

    def _inferred(self, batch: Batch, index: int, flight: _Flight) -> Inferred:
        arrays = {name: array[index] for name, array in batch.arrays.items()}
        scores = arrays.get('scores')
        planes = dict(zip(self.options.planes, arrays.get('planes', ()), strict=False))
        missing = [one for one in flight.wanted.planes if one not in planes]
        if missing:
            planes.update(self._planes(arrays['scores'], missing, flight.placement))
        maps = PixelMaps(
            labels=arrays['labels'],
            confidence=arrays.get('confidence'),
            entropy=arrays.get('entropy'),
            planes={one: planes[one] for one in flight.wanted.planes},
        )
        return Inferred(
            maps,
            flight.placement,
            drivable_area=arrays.get('drivable_area'),
            scores=scores if flight.wanted.scores else None,
            times=batch.times,
        )

    def _planes(
        self, scores: Float32Array, missing: Sequence[int], placement: Placement
    ) -> Mapping[int, UInt8Array]:
        """Compute class planes that the GPU does not give."""
        return finish(
            scores,
            placement,
            temperature=self.bundle.manifest.temperature,
            confidence=False,
            entropy=False,
            planes=missing,
            threads=self.threads,
        ).planes

    def _memory_used(self, session: Session) -> str:
        """Return how much memory of the GPU is in use, of all programs."""
        asked, text = self._memory
        now = time.monotonic()
        if now - asked >= MEMORY_INTERVAL_S:
            try:
                free, total = session.device.memory()
                text = f'{(total - free) // MIB} of {total // MIB} MiB'
            except EngineError as err:  # a driver that is gone is no DeviceError
                text = f'unknown: {err}'
            self._memory = now, text
        return text


def _limits(wanted: Wanted) -> tuple[float, float]:
    if wanted.drivable is None:
        return NOWHERE_DRIVABLE
    least, most = drivable_limits(*wanted.drivable)
    return float(least), float(most)
