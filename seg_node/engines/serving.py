# SPDX-License-Identifier: Apache-2.0
"""Chooses the engine of a node: one that gives masks at once and gets faster beside them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import cast, TYPE_CHECKING

from seg_node.engines.fastest import open_fastest
from seg_node.engines.registry import AUTO, engine_class, ON_CPU, open_engine
from seg_node.engines.standby.context import spoilt
from seg_node.engines.standby.engine import StandbyEngine, StandbyOptions
from seg_node.engines.standby.supply import GpuSupply
from seg_node.errors import (
    BundleError,
    DeviceError,
    EngineError,
    EngineUnavailableError,
    one_of,
    SegNodeError,
)

if TYPE_CHECKING:
    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine
    from seg_node.engines.standby.backend import GpuBackend

__all__ = ['GPU_BACKENDS', 'open_for_serving']

# In order of preference. Strings, so that the running node imports only what it uses.
GPU_BACKENDS = {
    'tensorrt': 'seg_node.engines.tensorrt.backend:TensorRTBackend',
    'torch': 'seg_node.engines.torch_cuda.backend:TorchBackend',
}
CPU = 'onnxruntime'
DEFAULTS = StandbyOptions()


def open_for_serving(
    name: str,
    bundle: Bundle,
    *,
    threads: int = 1,
    precision: str = AUTO,
    options: StandbyOptions = DEFAULTS,
) -> Engine:
    """Return an opened engine; one on a GPU stands behind one on the CPU until it is ready.

    Args:
        name: Name of an engine, or ``'auto'``: one on a GPU where library and device are here,
            else the best on the CPU. A named one that cannot work is an error.
        bundle: What it shall run.
        threads: Threads that one inference on the CPU may use.
        precision: ``fp32``, ``fp16``, ``int8``, or ``'auto'``: the best that the GPU has; on a
            CPU int8 where that is worth it, see ``open_fastest``.
        options: Of the standby.

    Raises:
        EngineUnavailableError: If the library or the device of a named engine is not here.
        EngineError: If the engine is unknown or cannot run the bundle.
        BundleError: If the bundle lacks what a named engine needs.
    """
    asked = _Asked(bundle, threads, precision, options)
    if name == AUTO:
        return _open_best(asked)
    if name not in GPU_BACKENDS:
        return _on_cpu(name, asked)
    try:
        backend, device = _usable(name, asked)
    except EngineUnavailableError as err:
        if name not in ON_CPU:
            msg = (
                f'Engine {name!r} cannot be used: {err} With auto, the best one that can is taken.'
            )
            raise EngineUnavailableError(msg) from err
        engine = open_engine(name, bundle, threads=threads, precision=precision, on_cpu=True)
        engine.reason = f'asked for by name; on the CPU, because: {err}'
        return engine
    reason = f'asked for by name: {device}.'
    return _standby(asked, backend, reason)


@dataclass(frozen=True, slots=True)
class _Asked:
    bundle: Bundle
    threads: int
    precision: str
    options: StandbyOptions

    def gpu_precision(self, backend: GpuBackend) -> str:
        """Return the precision of the first attempt on a GPU."""
        return backend.best_precision(self.bundle) if self.precision == AUTO else self.precision


def _open_best(asked: _Asked) -> Engine:
    refusals = []
    for name in GPU_BACKENDS:
        try:
            backend, device = _usable(name, asked)
        except SegNodeError as err:
            refusals.append(f'{name}: {err}')
            continue
        words = f'auto: {name} is the best engine that works here: {device}.'
        return _standby(asked, backend, ' '.join([words, *refusals]))
    choices = AUTO, *engine_class(CPU).precisions
    if asked.precision not in choices:  # such as fp16, which only a GPU has
        what = f'precision of engine {CPU!r}:'
        raise EngineError(' '.join([one_of(what, asked.precision, choices), *refusals]))
    words = ' '.join([f'auto: {CPU} is the best engine that works here.', *refusals])
    return _on_cpu(CPU, asked, words)


def _on_cpu(name: str, asked: _Asked, words: str = '') -> Engine:
    """Open an engine on the CPU; ``words`` say why this one, if it was not asked for by name."""
    bundle, threads = asked.bundle, asked.threads
    if asked.precision == AUTO:
        return open_fastest(engine_class(name), bundle, threads=threads, words=words)
    engine = open_engine(name, bundle, threads=threads, precision=asked.precision)
    engine.reason = words or engine.reason
    return engine


def _usable(name: str, asked: _Asked) -> tuple[GpuBackend, str]:
    """Return a back end that can work here, and what it works with, in words.

    Raises:
        EngineUnavailableError: If library or device are not here.
        EngineError: If it has no such precision.
        BundleError: If the bundle lacks what it needs.
    """
    if spoilt():
        raise EngineUnavailableError(spoilt())
    module, _, kind = GPU_BACKENDS[name].partition(':')
    backend = cast('GpuBackend', getattr(import_module(module), kind)())
    try:
        device = backend.device()
    except DeviceError as err:
        raise EngineUnavailableError(str(err)) from err
    if asked.precision not in (AUTO, *backend.precisions):
        what = f'precision of engine {name!r}:'
        raise EngineError(one_of(what, asked.precision, (AUTO, *backend.precisions)))
    backend.check_bundle(asked.bundle, asked.gpu_precision(backend))
    return backend, device


def _standby(asked: _Asked, backend: GpuBackend, reason: str) -> StandbyEngine:
    bundle = asked.bundle
    on_gpu = asked.gpu_precision(backend)
    cpu = engine_class(CPU)(
        bundle, threads=asked.threads, precision=_cpu_precision(bundle, asked.precision)
    )

    def open_trusted() -> Engine:
        return open_engine(CPU, bundle, precision='fp32')

    supply = GpuSupply(backend, bundle, on_gpu, open_trusted, asked.options.patience)
    engine = StandbyEngine(cpu, supply, asked.options)
    engine.reason = reason
    engine.open()
    return engine


def _cpu_precision(bundle: Bundle, precision: str) -> str:
    """Return the precision of the engine on the CPU that comes closest to what is asked for."""
    kind = engine_class(CPU)
    if precision == AUTO:
        return kind.best_precision(bundle)
    try:
        has_int8 = bool(bundle.int8_cpu_path)
    except BundleError:
        has_int8 = False
    return 'int8' if precision == 'int8' and has_int8 else 'fp32'
