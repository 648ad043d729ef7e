# SPDX-License-Identifier: Apache-2.0
"""TensorRT for a standby: is it here, is there an engine, build it, open it."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from typing import ClassVar, TYPE_CHECKING

from seg_node.engines.standby.backend import GpuBackend, GpuError
from seg_node.engines.tensorrt.builder import BuildOptions
from seg_node.engines.tensorrt.cuda_device import CudaDevice
from seg_node.engines.tensorrt.engine import TensorRTEngine, TensorRTOptions
from seg_node.engines.tensorrt.files import EngineFiles
from seg_node.engines.tensorrt.library import find_library
from seg_node.errors import DeviceError, EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import DeployedSpec
    from seg_node.engines.standby.backend import GpuPlan
    from seg_node.engines.tensorrt.cuda_device import DeviceInfo

__all__ = ['TensorRTBackend']

DRIVER = 'libcuda.so.1'
FRUGAL_MIB = 256
"""Workspace of a layer where memory does not suffice."""


class TensorRTBackend(GpuBackend):
    """TensorRT 10, TensorRT 11 or TensorRT for RTX, whichever is here."""

    name: ClassVar[str] = 'tensorrt'
    precisions: ClassVar[Sequence[str]] = ('int8', 'fp16', 'fp32')

    def __init__(self) -> None:
        """Prepare; nothing is looked for yet."""
        self._files: dict[bool, EngineFiles] = {}

    def device(self) -> str:
        """Return library and GPU for people.

        Raises:
            EngineUnavailableError: If there is no library or GPU that work together.
            DeviceError: If the GPU fails.
        """
        _check_driver()
        if find_spec('onnx') is None:
            msg = 'The graph for the GPU is made with onnx, which is not here: pip install onnx.'
            raise EngineUnavailableError(msg)
        gpu = CudaDevice().info
        library = find_library()
        library.check_gpu(gpu.name, gpu.capability)
        return f'{library.title} on {gpu.title}'

    def check_bundle(self, bundle: Bundle, precision: str) -> None:
        """Refuse a bundle that lacks the network.

        Raises:
            BundleError: If it does.
        """
        _ = bundle.int8_trt_path if precision == 'int8' else bundle.onnx_path

    def best_precision(self, bundle: Bundle) -> str:
        """Return what ``'auto'`` means for a bundle."""
        return TensorRTEngine.best_precision(bundle)

    def is_built(self, bundle: Bundle, plan: GpuPlan) -> bool:
        """Say whether the cache has a verified engine."""
        return self._files_for(plan).has(bundle, _spec(plan))

    def build(self, bundle: Bundle, plan: GpuPlan, on_progress: Callable[[float], None]) -> None:
        """Build an engine into the cache."""

        def told(share: float, _phase: str) -> None:
            on_progress(share)

        built = self._files_for(plan).get(bundle, _spec(plan), told)
        if built.path is None:
            raise GpuError(built.unstored, 'disk')

    def open(self, bundle: Bundle, plan: GpuPlan) -> TensorRTEngine:
        """Return an engine from the cache, loaded and run once."""
        engine = TensorRTEngine(
            bundle,
            precision=plan.precision,
            options=_options(plan),
            build_options=_build_options(plan),
        )
        try:
            engine.open()
        except DeviceError:
            raise
        except EngineError as err:
            if self.is_built(bundle, plan):
                raise
            msg = f'The library did not take the stored engine, which was put aside: {err}'
            raise GpuError(msg, 'stale') from err
        return engine

    def _files_for(self, plan: GpuPlan) -> EngineFiles:
        if plan.frugal not in self._files:
            self._files[plan.frugal] = EngineFiles(
                find_library(), _gpu(), options=_build_options(plan)
            )
        return self._files[plan.frugal]


def _check_driver() -> None:
    """Refuse a machine without a GPU before anything large is imported."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError as err:
        msg = f'There is no NVIDIA driver here ({DRIVER}).'
        raise EngineUnavailableError(msg) from err


def _gpu() -> DeviceInfo | None:
    """Return the GPU; TensorRT for RTX builds without one, the others say that they cannot."""
    try:
        return CudaDevice().info
    except EngineUnavailableError:
        return None


def _options(plan: GpuPlan) -> TensorRTOptions:
    return TensorRTOptions(image_size=plan.image_size, may_build=False)


def _spec(plan: GpuPlan) -> DeployedSpec:
    return _options(plan).spec(plan.precision)


def _build_options(plan: GpuPlan) -> BuildOptions:
    return BuildOptions(workspace_mib=FRUGAL_MIB) if plan.frugal else BuildOptions()
