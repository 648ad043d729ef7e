# SPDX-License-Identifier: Apache-2.0
"""The bundle, and the engines that can run it here."""

from __future__ import annotations

from importlib import import_module
import time
from typing import Any, cast, TYPE_CHECKING

import numpy as np

from seg_node.bundle import open_bundle
from seg_node.engines.base import Wanted
from seg_node.engines.registry import ENGINES, open_engine
from seg_node.engines.serving import GPU_BACKENDS
from seg_node.errors import SegNodeError

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.bundle import Bundle
    from seg_node.engines.standby.backend import GpuBackend

__all__ = ['look_at_model']

NOT_FOR_USE = ('fake',)
GPU_ONLY = ('tensorrt',)


def look_at_model(name: str) -> Iterator[Finding]:
    """Yield whether a bundle is whole and which engines run it.

    Args:
        name: Name or folder of the bundle.
    """
    try:
        bundle = open_bundle(name)
    except SegNodeError as err:
        yield Finding('fail', 'bundle', str(err), 'without it no engine can be tried')
        return
    manifest = bundle.manifest
    yield Finding(
        'ok',
        'bundle',
        f'{manifest.name} ({bundle.digest}), {len(manifest.taxonomy)} classes, network '
        f'{manifest.input.width}x{manifest.input.height}; all checksums fit',
    )
    yield from _engines(bundle)


def _engines(bundle: Bundle) -> Iterator[Finding]:
    on_cpu = [_on_cpu(name, bundle) for name in ENGINES if name not in (*NOT_FOR_USE, *GPU_ONLY)]
    on_gpu = [_on_gpu(name, bundle) for name in GPU_BACKENDS]
    if not any(one.level == 'ok' for one in on_cpu):
        yield Finding('fail', 'engines', 'none works on this CPU', "pip install 'seg_node[onnx]'")
    yield from (*on_cpu, *on_gpu)


def _on_cpu(name: str, bundle: Bundle) -> Finding:
    title = f'engine {name}'
    image = np.zeros((bundle.manifest.input.height, bundle.manifest.input.width, 3), np.uint8)
    try:
        with open_engine(name, bundle, threads=1, on_cpu=True) as engine:
            engine.segment([image], Wanted())
            started = time.perf_counter()
            engine.segment([image], Wanted())
    except SegNodeError as err:
        return Finding('note', title, str(err))
    milliseconds = 1e3 * (time.perf_counter() - started)
    return Finding('ok', title, f'works on the CPU: {milliseconds:.0f} ms with one thread')


def _on_gpu(name: str, bundle: Bundle) -> Finding:
    title = f'engine {name} on a GPU'
    module, _, kind = GPU_BACKENDS[name].partition(':')
    try:
        backend = cast('GpuBackend', cast('Any', getattr(import_module(module), kind))())
        device = backend.device()
        backend.check_bundle(bundle, backend.best_precision(bundle))
    except SegNodeError as err:
        return Finding('note', title, str(err))
    return Finding('ok', title, device)
