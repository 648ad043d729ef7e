# SPDX-License-Identifier: Apache-2.0
"""Torch on a GPU as a standby sees it: there is nothing to build."""

from __future__ import annotations

from ctypes import CDLL
from importlib import import_module
from typing import Any, ClassVar, TYPE_CHECKING

from seg_node.engines.gpu_backend import GpuBackend
from seg_node.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine
    from seg_node.engines.gpu_backend import GpuPlan

__all__ = ['TorchBackend']

DRIVER = 'libcuda.so.1'


class TorchBackend(GpuBackend):
    """Opens the ``torch`` engine on a GPU; torch is not imported where there is no driver."""

    name: ClassVar[str] = 'torch'
    precisions: ClassVar[Sequence[str]] = ('fp16', 'fp32')

    def device(self) -> str:
        """Return torch and GPU for people.

        Raises:
            EngineUnavailableError: If there is no NVIDIA driver, no torch, or torch finds no GPU.
        """
        try:
            CDLL(DRIVER)
        except OSError as err:
            msg = f'No NVIDIA driver is here ({err}).'
            raise EngineUnavailableError(msg) from err
        queues = _module('torch_queues').queues_of('cuda')
        return str(queues.title)

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
        kind = _module('torch_cuda_engine').TorchCudaEngine
        engine: Engine = kind(bundle, precision=plan.precision)
        engine.open()
        return engine


def _module(name: str) -> Any:
    """Import a module of ours that needs torch.

    Raises:
        EngineUnavailableError: If torch is not installed.
    """
    try:
        return import_module(f'seg_node.engines.{name}')
    except ImportError as err:
        msg = f'Torch cannot be imported ({err}): pip install torch safetensors.'
        raise EngineUnavailableError(msg) from err
