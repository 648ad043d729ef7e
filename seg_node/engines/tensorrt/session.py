# SPDX-License-Identifier: Apache-2.0
"""One GPU and the engines of a bundle that are loaded there: batches in, arrays out."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, replace
import logging
from typing import Any, cast, NamedTuple, TYPE_CHECKING

from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.standby.build_bar import BuildBar
from seg_node.engines.tensorrt.cuda_device import CudaDevice
from seg_node.engines.tensorrt.files import EngineFiles
from seg_node.engines.tensorrt.lane import Lane, Streams
from seg_node.engines.tensorrt.library import collecting_logger, find_library, Messages
from seg_node.engines.tensorrt.tensors import check_engine, deployed_tensors
from seg_node.errors import DeviceError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import Precision, Size
    from seg_node.engines.tensorrt.builder import BuildOptions
    from seg_node.engines.tensorrt.engine_cache import CachedEngine, EngineCache
    from seg_node.engines.tensorrt.lane import Batch

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Session', 'TensorRTOptions']

MOST_LANES = 4  # each has an execution context with its memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TensorRTOptions:
    """What may be chosen beside bundle and precision.

    Attributes:
        image_size: Height and width of the camera's images [px], so that ``open`` prepares all;
            without it, and for images of another size, an engine is prepared when they come.
        sizes: Smallest, usual and largest (height, width) [px] for one engine of many sizes,
            instead of ``image_size``.
        batch: Fewest, usual and most images at once.
        planes: Ids of classes whose probability the GPU computes; that of others is computed by
            the processor, from the scores, when it is asked for.
        scores: Whether the GPU can give the network's scores, which a dense CRF and other planes
            need.
        may_build: Whether an engine that is not there is built at once, which takes minutes.
        flavour: Which library; by default the best that is here.
        device: Number of the GPU.
    """

    image_size: Size | None = None
    sizes: tuple[Size, Size, Size] | None = None
    batch: tuple[int, int, int] = (1, 1, 1)
    planes: tuple[int, ...] = ()
    scores: bool = True
    may_build: bool = True
    flavour: str | None = None
    device: int = 0

    @property
    def knows_size(self) -> bool:
        """Whether an engine can be prepared before the first image."""
        return self.image_size is not None or self.sizes is not None

    def spec(self, precision: str) -> DeployedSpec:
        """Return what an engine is built for.

        Raises:
            EngineError: If the choices contradict each other, or there is no size.
        """
        return DeployedSpec(
            image_size=self.image_size,
            sizes=self.sizes,
            batch=self.batch,
            precision=cast('Precision', precision),
            planes=self.planes,
            scores=self.scores,
        )


class _Loaded(NamedTuple):
    """A deserialised engine and what it was built for."""

    spec: DeployedSpec
    engine: Any

    def takes(self, size: Size) -> bool:
        """Say whether images of a size fit."""
        least, _, largest = self.spec.size_range
        sides = zip(least, size, largest, strict=True)
        return all(low <= side <= high for low, side, high in sides)


class Session:
    """Loads engines as images need them, and keeps batches in the order they came.

    Attributes:
        device: The GPU.
        title: GPU and library, for people.
        graph_refusal: Why runs are not recorded in a CUDA graph; empty if they are.
    """

    def __init__(
        self,
        bundle: Bundle,
        precision: str,
        options: TensorRTOptions,
        *,
        cache: EngineCache | None = None,
        build_options: BuildOptions | None = None,
    ) -> None:
        """Look for library and GPU, and prepare the engine of the size that is known.

        Args:
            bundle: What is run.
            precision: Of the network.
            options: Sizes, batch, outputs and device.
            cache: Keeps engines.
            build_options: Of the builder.

        Raises:
            EngineUnavailableError: If there is no library or GPU that works together.
            EngineError: If an engine cannot be built or loaded.
            DeviceError: If the GPU fails or has too little memory.
        """
        self.graph_refusal = ''
        self._bundle, self._precision, self._options = bundle, precision, options
        self._messages = Messages()
        self._loaded: list[_Loaded] = []
        self._lanes: dict[tuple[int, int, int], Lane] = {}
        self._flights: deque[Lane] = deque()
        self._failure: EngineError | None = None
        library = self._library = find_library(options.flavour)
        self.device = CudaDevice(options.device)
        self.title = f'{self.device.info.title}, {library.title}'
        self._files = EngineFiles(library, self.device.info, cache=cache, options=build_options)
        self._log = collecting_logger(library, self._messages)
        self._runtime = self._new_runtime()
        with ExitStack() as owner:
            self._streams = Streams(self.device, owner)
            owner.callback(self._unload)
            if options.knows_size:
                spec = options.spec(precision)
                self._load(spec)
                self._lane(spec.batch[1], spec.size_range[1])
            owner.callback(self.device.use)  # the first thing in ``close``, from any thread
            self._owner = owner.pop_all()

    def next_images(self, count: int, size: Size) -> UInt8Array:
        """Return pinned memory (N, H, W, 3) for the next batch; filling it saves a copy.

        Raises:
            EngineError: If two batches are under way, or there is no engine of that size.
            DeviceError: If the GPU fails.
        """
        self.device.use()
        with self._final(DeviceError):
            lane = self._lane(count, size)
        return lane.next_images()[:count]

    def submit(
        self, images: Sequence[UInt8Array], limits: tuple[float, float], outputs: tuple[str, ...]
    ) -> None:
        """Queue a batch; see ``Lane.submit``.

        Raises:
            EngineError: If there are too many images or batches, no engine of that size, or the
                library fails.
            DeviceError: If the GPU fails.
        """
        most = self._options.batch[2]
        if len(images) > most:
            msg = f'{len(images)} images were sent at once; the engine takes at most {most}.'
            raise EngineError(msg)
        self.device.use()
        height, width, _ = images[0].shape
        with self._final(DeviceError):
            lane = self._lane(len(images), (height, width))
        lane.next_images()  # refuses a third batch, which harms nothing
        with self._final(EngineError):
            lane.submit(images, limits, outputs)
        self._flights.append(lane)

    def collect(self) -> Batch:
        """Wait for the oldest batch.

        Raises:
            EngineError: If none is under way.
            DeviceError: If the GPU failed with it.
        """
        if not self._flights:
            msg = 'No batch is under way. Submit one first.'
            raise EngineError(msg)
        self.device.use()
        with self._final(EngineError):
            return self._flights.popleft().collect()

    def close(self) -> None:
        """Free all on the GPU.

        Raises:
            DeviceError: If the GPU refuses.
        """
        self._owner.close()

    def _new_runtime(self) -> Any:
        try:
            return self._library.module.Runtime(self._log)
        except TypeError as err:  # how the bindings say that there is none
            msg = (
                f'{self._library.title} cannot run here: {self._messages.explained()} Update the '
                'driver of the GPU, or install a library that is made for it.'
            )
            raise DeviceError(msg) from err

    @contextmanager
    def _final(self, kind: type[EngineError]) -> Iterator[None]:
        """Let nothing run any more after an error: buffers and streams are in an unknown state."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except kind as err:
            self._failure = err
            raise

    def _find(self, size: Size) -> _Loaded | None:
        return next((one for one in self._loaded if one.takes(size)), None)

    def _lane(self, count: int, size: Size) -> Lane:
        """Return the lane for a batch; a small batch is run in the smallest one there is."""
        shape = (max(count, self._options.batch[0]), *size)
        lane = self._lanes.pop(shape, None)
        if lane is None:
            lane = self._new_lane(shape)
        self._lanes[shape] = lane  # the last one used is the last one in the dictionary
        return lane

    def _new_lane(self, shape: tuple[int, int, int]) -> Lane:
        self._make_room()
        loaded = self._find(shape[1:])
        if loaded is None:
            fixed = replace(self._options, image_size=shape[1:], sizes=None)
            loaded = self._load(fixed.spec(self._precision))
        self._messages.errors.clear()
        lane = Lane(
            self.device,
            self._streams,
            self._library.new_context(loaded.engine, is_fixed=loaded.spec.is_fixed),
            tensors=deployed_tensors(self._bundle.manifest, loaded.spec),
            shape=shape,
            messages=self._messages,
        )
        self.graph_refusal = lane.graph_refusal
        return lane

    def _make_room(self) -> None:
        """Free the lane that was not used for longest, and engines that no lane uses any more."""
        if len(self._lanes) < MOST_LANES:
            return
        idle = (shape for shape, lane in self._lanes.items() if not lane.is_busy)
        oldest = next(idle, None)
        if oldest is None:
            msg = f'Batches of {MOST_LANES} shapes are under way. Collect first.'
            raise EngineError(msg)
        self._lanes.pop(oldest).close()
        sizes = [shape[1:] for shape in self._lanes]
        self._loaded = [one for one in self._loaded if any(one.takes(size) for size in sizes)]

    def _load(self, spec: DeployedSpec) -> _Loaded:
        """Deserialise an engine; one from the cache that the library refuses is built again."""
        self._check_present(spec)
        found = self._get(spec)
        engine = self._deserialised(found.data)
        if engine is None and found.reused:
            self._files.discard(self._bundle, spec, self._messages.explained())
            self._check_present(spec)
            engine = self._deserialised(self._get(spec).data)
        if engine is None:
            msg = f'TensorRT does not load its own engine: {self._messages.explained()}'
            raise EngineError(msg)
        check_engine(engine, deployed_tensors(self._bundle.manifest, spec))
        loaded = _Loaded(spec, engine)
        self._loaded.append(loaded)
        return loaded

    def _get(self, spec: DeployedSpec) -> CachedEngine:
        """Return an engine from the cache; somebody who waits for a build sees how far it is."""
        with BuildBar(f'building an engine in {spec.precision}') as bar:
            found = self._files.get(self._bundle, spec, bar.show)
        if found.unstored:
            logger.warning('%s', found.unstored)
        return found

    def _check_present(self, spec: DeployedSpec) -> None:
        if not self._options.may_build and not self._files.has(self._bundle, spec):
            msg = (
                f'There is no engine of {self._bundle.manifest.name!r} for {spec} in the cache. '
                'Build it with "seg build-engine".'
            )
            raise EngineError(msg)

    def _deserialised(self, data: bytes) -> Any:
        """Return an engine; ``None`` if the library does not take the file.

        Raises:
            DeviceError: If the GPU has too little memory, for which the file is not to blame.
        """
        self._messages.errors.clear()
        engine = self._runtime.deserialize_cuda_engine(data)
        if engine is None and self._messages.lacks_memory:
            why = self._messages.explained()
            msg = (
                f'The engine does not fit into the memory of the GPU: {why} '
                'Close other programs on the GPU, or use smaller batches and images.'
            )
            raise DeviceError(msg, out_of_memory=True)
        return engine

    def _unload(self) -> None:
        """Free lanes before their engines; all of them, whatever fails."""
        with ExitStack() as owner:
            owner.callback(self._loaded.clear)
            for lane in self._lanes.values():
                owner.callback(lane.close)
            self._lanes, self._flights = {}, deque()
