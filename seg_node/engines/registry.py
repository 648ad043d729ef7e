# SPDX-License-Identifier: Apache-2.0
"""Engines by name; nothing is imported before it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast, TYPE_CHECKING

from seg_node.errors import EngineError, EngineUnavailableError, one_of

if TYPE_CHECKING:
    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine

__all__ = ['AUTO', 'ENGINES', 'PRECISIONS', 'engine_class', 'open_engine', 'precision_offline']

# Classes, and a function that chooses one. Strings, so that no import chain leads from the running
# node to torch.
ENGINES = {
    'fake': 'seg_node.engines.fake_engine:FakeEngine',
    'onnxruntime': 'seg_node.engines.onnx_engine:OnnxEngine',
    'openvino': 'seg_node.engines.openvino_engine:OpenVinoEngine',
    'tensorrt': 'seg_node.engines.tensorrt.engine:TensorRTEngine',
    'torch': 'seg_node.engines.torch_engine:best_torch_engine',
}
ON_CPU = {'torch': 'seg_node.engines.torch_engine:TorchEngine'}
LIBRARIES = {
    'onnxruntime': 'onnxruntime',
    'openvino': 'openvino',
    'tensorrt': 'tensorrt cuda-python onnx',
    'torch': 'torch safetensors',
}
AUTO = 'auto'
PRECISIONS = (AUTO, 'fp32', 'fp16', 'int8')
# In order of preference; the first that opens is taken.
CANDIDATES = ('onnxruntime',)


def engine_class(name: str, *, on_cpu: bool = False) -> type[Engine]:
    """Return the class of an engine.

    Args:
        name: One of ``ENGINES``.
        on_cpu: Of engines that are at home on both, take the one for the CPU, GPU or not.

    Raises:
        EngineError: If there is no engine of that name.
        EngineUnavailableError: If its library is not installed.
    """
    if name not in ENGINES:
        raise EngineError(one_of('engine', name, (AUTO, *ENGINES)))
    path = ON_CPU.get(name, ENGINES[name]) if on_cpu else ENGINES[name]
    module, _, attribute = path.partition(':')
    try:
        found = getattr(import_module(module), attribute)
        return cast('type[Engine]', found if isinstance(found, type) else found())
    except ImportError as err:
        msg = (
            f'Engine {name!r} needs a library that cannot be imported ({err}): '
            f'pip install {LIBRARIES.get(name, name)}.'
        )
        raise EngineUnavailableError(msg) from err


def open_engine(
    name: str,
    bundle: Bundle,
    *,
    threads: int = 1,
    precision: str = AUTO,
    on_cpu: bool = False,
) -> Engine:
    """Return an opened engine for a bundle; its ``reason`` says why it was chosen.

    Args:
        name: One of ``ENGINES``, or ``'auto'`` for the best one on a CPU, whose figures do not
            depend on the machine; ``serving`` chooses for a node, which takes a GPU too. A named
            engine that does not work is an error, never silently replaced.
        bundle: What it shall run.
        threads: Threads that one inference may use.
        precision: ``fp32``, ``int8``, or ``'auto'`` for what the manifest says where the engine
            has it, else ``fp32``. A node's own choice is ``fastest.open_fastest``.
        on_cpu: As for ``engine_class``.

    Raises:
        EngineError: If the engine is unknown or cannot run the bundle.
    """
    if name == AUTO:
        return _open_best(bundle, threads, precision)
    kind = engine_class(name, on_cpu=on_cpu)
    if precision == AUTO:
        precision = kind.best_precision(bundle)
    engine = kind(bundle, threads=threads, precision=precision)
    engine.open()
    return engine


def precision_offline(name: str, bundle: Bundle) -> str:
    """Return the precision that ``open_engine`` takes for ``'auto'``; no machine changes it.

    Args:
        name: As for ``open_engine``.
        bundle: What shall be run.
    """
    return engine_class(CANDIDATES[0] if name == AUTO else name).best_precision(bundle)


def _open_best(bundle: Bundle, threads: int, precision: str) -> Engine:
    refusals = []
    for name in CANDIDATES:
        try:
            engine = open_engine(name, bundle, threads=threads, precision=precision)
        except EngineUnavailableError as err:
            refusals.append(str(err))
            continue
        words = f'auto: {name} is the best engine on a CPU; others are asked for by name.'
        engine.reason = ' '.join([words, *refusals])
        return engine
    msg = f'No engine works here. {" ".join(refusals)}'
    raise EngineUnavailableError(msg)
