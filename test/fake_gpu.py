# SPDX-License-Identifier: Apache-2.0
"""A GPU made up for tests: it does what a JSON file says, in this process and in the builder's.

The file's path is in the environment variable ``FAKE_GPU``; the ids of builders are written to
the file that ``FAKE_GPU_PIDS`` names. Keys, all optional::

    folder     where engines are kept; by default beside the file
    build_s    how long a build takes
    prints     what the builder writes to its log
    build      for each precision what its build does: a kind of ``FaultKind``, 'hang', 'full'
    open_s     how long an engine takes to open
    open       for each precision what its opening does: 'memory', 'device', 'spoilt'
    results    for each precision what comes out: 'nan', 'wrong', 'stuck', 'impossible'
    at         for each number of a frame, counted from the first after the self-check, what it
               does: 'memory', 'device', 'spoilt', 'bug', 'hang'
    close_s    how long an engine takes to be freed
    missing    why there is no such GPU
"""

from __future__ import annotations

from dataclasses import replace
import json
import os
from pathlib import Path
import time
from typing import Any, ClassVar, NoReturn, TYPE_CHECKING

import numpy as np

from seg_node.engines import serving
from seg_node.engines.base import Engine, Inferred
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.standby import context as gpu_context
from seg_node.engines.standby.backend import GpuBackend, GpuError
from seg_node.errors import DeviceError, EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import pytest

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Wanted
    from seg_node.engines.standby.backend import GpuPlan

    UInt8Array = npt.NDArray[np.uint8]

VARIABLE, PIDS = 'FAKE_GPU', 'FAKE_GPU_PIDS'
TESTS = Path(__file__).parent
STEPS = 20
CHECKS = 3  # images of the self-check
ERRORS = {
    'spoilt': DeviceError('CUDA error 700: an illegal address was met.', sticky=True),
    'memory': DeviceError('CUDA error 2: out of memory.', out_of_memory=True),
    'device': DeviceError('CUDA error 999: something passing.'),
    'refused': EngineError('The parser does not know the operator Frobnicate.'),
    'bug': ZeroDivisionError('division by zero'),
}


def settings() -> dict[str, Any]:
    """Return what the fake shall do."""
    data: dict[str, Any] = json.loads(Path(os.environ[VARIABLE]).read_text(encoding='utf-8'))
    return data


def set_up(folder: Path, patch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have nodes and engines find this GPU; return a function that says what it does from now on.

    Args:
        folder: For settings and engines.
        patch: Takes all back after the test.
    """
    folder.mkdir()

    def say(**words: object) -> None:
        fresh = folder / 'fresh.json'
        fresh.write_text(json.dumps(words), encoding='utf-8')
        fresh.rename(folder / 'settings.json')

    say()
    code = [str(TESTS), str(TESTS.parent), os.environ.get('PYTHONPATH', '')]
    patch.setenv('PYTHONPATH', os.pathsep.join(filter(None, code)))
    patch.setenv(VARIABLE, str(folder / 'settings.json'))
    patch.setenv(PIDS, str(folder / 'pids'))
    patch.setitem(serving.GPU_BACKENDS, 'tensorrt', 'fake_gpu:FakeGpu')
    patch.setattr(gpu_context, '_causes', [])
    patch.setattr(gpu_context, '_abandoned', [])
    return say


def folder() -> Path:
    """Return where its engines are."""
    return Path(settings().get('folder', Path(os.environ[VARIABLE]).parent))


def fail(kind: str) -> NoReturn:
    """Raise what a device or its library would raise."""
    raise ERRORS.get(kind) or GpuError(f'The build failed: {kind}.', kind)  # type: ignore[arg-type]


class FakeGpu(GpuBackend):
    """Builds files that say nothing, and opens engines that compute like ONNX Runtime."""

    name: ClassVar[str] = 'tensorrt'

    def device(self) -> str:
        """Return its name."""
        if missing := settings().get('missing'):
            raise EngineUnavailableError(missing)
        return 'Fake library 1.0 on fake GPU'

    def check_bundle(self, bundle: Bundle, precision: str) -> None:
        """Take any bundle, but in int8 only if that is there."""
        if precision == 'int8':
            _ = bundle.int8_trt_path

    def best_precision(self, bundle: Bundle) -> str:
        """Return fp16."""
        del bundle
        return 'fp16'

    def is_built(self, bundle: Bundle, plan: GpuPlan) -> bool:
        """Say whether there is a file."""
        return self.file(bundle, plan).is_file()

    def file(self, bundle: Bundle, plan: GpuPlan) -> Path:
        """Return the file of an engine."""
        height, width = plan.image_size
        return folder() / f'{bundle.digest}-{plan.manner}-{height}-{width}.engine'

    def build(self, bundle: Bundle, plan: GpuPlan, on_progress: Callable[[float], None]) -> None:
        """Write the file after a while, as told."""
        told = settings()
        with Path(os.environ[PIDS]).open('a', encoding='utf-8') as stream:
            stream.write(f'{os.getpid()}\n')
        fate = told.get('build', {}).get(plan.manner, '')
        os.write(1, f'{told.get("prints", "")}\n'.encode())
        for step in range(STEPS):
            time.sleep(told.get('build_s', 0.0) / STEPS)
            on_progress(step / STEPS)
            if fate == 'hang' and step == STEPS // 2:
                time.sleep(1000.0)
        if fate == 'full':
            Path('/dev/full').write_text('engine', encoding='utf-8')
        elif fate:
            fail(fate)
        self.file(bundle, plan).write_text('engine', encoding='utf-8')

    def open(self, bundle: Bundle, plan: GpuPlan) -> Engine:
        """Open an engine that computes on the CPU and counts frames."""
        told = settings()
        time.sleep(told.get('open_s', 0.0))
        if fate := told.get('open', {}).get(plan.manner):
            fail(fate)
        engine = FakeGpuEngine(bundle, precision=plan.precision)
        engine.open()
        return engine


class FakeGpuEngine(Engine):
    """Answers as ONNX Runtime does, with confidences one level lower, or not at all."""

    name: ClassVar[str] = 'tensorrt'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'fp16', 'int8')
    opened: ClassVar[list[FakeGpuEngine]] = []

    def _open(self) -> None:
        self._real = OnnxEngine(self.bundle)
        self._real.open()
        self._calls = 0
        self._first: list[Inferred] | None = None
        self.is_closed = False
        self.device = 'fake GPU'
        self.opened.append(self)

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        self._calls += 1
        told = settings()
        if fate := told.get('at', {}).get(str(self._calls - CHECKS)):
            if fate == 'hang':
                time.sleep(1000.0)
            fail(fate)
        found = [self._changed(one, told) for one in self._real.segment(images, wanted)]
        self._first = self._first or found
        return self._first if self._fate(told) == 'stuck' else found

    def _fate(self, told: dict[str, Any]) -> str:
        return str(told.get('results', {}).get(self.precision, ''))

    def _changed(self, one: Inferred, told: dict[str, Any]) -> Inferred:
        """Return a result by which one can tell that it came from here, or a spoilt one."""
        maps, fate = one.maps, self._fate(told)
        confidence = None if maps.confidence is None else np.maximum(maps.confidence, 1) - 1
        maps = replace(maps, confidence=confidence)
        if fate == 'nan':
            labels = np.zeros_like(maps.labels)
            maps = replace(maps, labels=labels, confidence=np.zeros_like(maps.labels))
            return replace(one, maps=maps, scores=np.full((1, 1, 1), np.nan, np.float32))
        if fate == 'wrong':
            classes = len(self.bundle.manifest.taxonomy)
            return replace(one, maps=replace(maps, labels=(maps.labels + 1) % classes))
        if fate == 'impossible':
            return replace(one, maps=replace(maps, labels=maps.labels + np.uint8(100)))
        return replace(one, maps=maps)

    def _close(self) -> None:
        time.sleep(settings().get('close_s', 0.0))
        self._real.close()
        self.is_closed = True
