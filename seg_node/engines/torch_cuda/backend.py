# SPDX-License-Identifier: Apache-2.0
"""Torch on a GPU as a standby sees it: there is nothing to build."""

from __future__ import annotations

from ctypes import byref, c_int, CDLL, create_string_buffer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
import re
from typing import Any, ClassVar, TYPE_CHECKING

from seg_node.engines.standby.backend import GpuBackend
from seg_node.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine
    from seg_node.engines.standby.backend import GpuPlan

__all__ = ['TorchBackend']

DRIVER = 'libcuda.so.1'
NAME_BYTES = 256
FRUGAL_LANES = 1


class TorchBackend(GpuBackend):
    """Opens the ``torch`` engine on a GPU; torch is not imported where there is no driver."""

    name: ClassVar[str] = 'torch'
    precisions: ClassVar[Sequence[str]] = ('fp16', 'fp32')

    def device(self) -> str:
        """Return torch and GPU for people.

        Torch itself is imported by ``open``: that takes seconds, in which frames are answered.

        Raises:
            EngineUnavailableError: If there is no NVIDIA driver or GPU, or no torch for CUDA.
        """
        try:
            driver = CDLL(DRIVER)
        except OSError as err:
            msg = f'No NVIDIA driver is here ({DRIVER}).'
            raise EngineUnavailableError(msg) from err
        gpu = _first_gpu(driver)
        return f'torch {_version()} on {gpu}'

    def check_bundle(self, bundle: Bundle, precision: str) -> None:  # noqa: ARG002
        """Refuse a bundle without weights for torch, such as an imported ONNX network.

        Raises:
            BundleError: If it has none.
        """
        _ = bundle.weights_path

    def best_precision(self, bundle: Bundle) -> str:  # noqa: ARG002
        """Return fp16, whatever the bundle says of processors."""
        return 'fp16'

    def is_built(self, bundle: Bundle, plan: GpuPlan) -> bool:  # noqa: ARG002
        """Return that all is there: torch compiles nothing beforehand."""
        return True

    def build(self, bundle: Bundle, plan: GpuPlan, on_progress: Callable[[float], None]) -> None:  # noqa: ARG002
        """Do nothing."""
        on_progress(1.0)

    def open(self, bundle: Bundle, plan: GpuPlan) -> Engine:
        """Return an opened engine.

        Raises:
            EngineError: If the bundle has no weights for torch.
            DeviceError: If the GPU failed.
        """
        module = _module('torch_cuda.engine')
        lanes = FRUGAL_LANES if plan.frugal else module.MOST_LANES
        engine: Engine = module.TorchCudaEngine(bundle, precision=plan.precision, most_lanes=lanes)
        engine.open()
        return engine


def _first_gpu(driver: Any) -> str:
    """Return the name of the first GPU.

    Raises:
        EngineUnavailableError: If the driver finds none.
    """
    count, device, name = c_int(), c_int(), create_string_buffer(NAME_BYTES)
    status = (
        driver.cuInit(0)
        or driver.cuDeviceGetCount(byref(count))
        or driver.cuDeviceGet(byref(device), 0)
        or driver.cuDeviceGetName(name, NAME_BYTES, device)
    )
    if status or not count.value:
        msg = f'The NVIDIA driver finds no GPU (error {status} of CUDA).'
        raise EngineUnavailableError(msg)
    return name.value.decode()


def _version() -> str:
    """Return torch's version without importing it.

    Raises:
        EngineUnavailableError: If torch is not installed, or not one for CUDA.
    """
    found = find_spec('torch')
    if found is None or found.origin is None:
        msg = 'Torch is not installed: pip install torch safetensors.'
        raise EngineUnavailableError(msg)
    text = Path(found.origin).with_name('version.py').read_text(encoding='utf-8')
    values = dict(re.findall(r"^(\w+)(?:: [^=]+)? = '([^']*)'$", text, re.MULTILINE))
    version: str = values.get('__version__', 'of unknown version')
    if 'cuda' not in values:
        msg = f'Torch {version} was built without CUDA. Install a build with CUDA.'
        raise EngineUnavailableError(msg)
    return version


def _module(name: str) -> Any:
    """Import a module of ours that needs torch.

    Raises:
        EngineUnavailableError: If torch is not installed.
    """
    try:
        return import_module(f'seg_node.engines.{name}')
    except ImportError as err:
        if str(err.name).startswith('seg_node'):
            raise  # a defect of ours, which no installation mends
        msg = f'Torch cannot be imported ({err}): pip install torch safetensors.'
        raise EngineUnavailableError(msg) from err
