# SPDX-License-Identifier: Apache-2.0
"""Engines of a bundle for one GPU: from the cache, or built now."""

from __future__ import annotations

import hashlib
import platform
import sys
from typing import TYPE_CHECKING

from seg_node.engines.tensorrt.builder import build_engine, BuildOptions
from seg_node.engines.tensorrt.engine_cache import EngineCache, EngineKey
from seg_node.engines.tensorrt.tensors import deployed_profile, deployed_tensors
from seg_node.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import DeployedSpec
    from seg_node.engines.tensorrt.cuda_device import DeviceInfo
    from seg_node.engines.tensorrt.engine_cache import CachedEngine
    from seg_node.engines.tensorrt.library import TensorRTLibrary

    OnProgress = Callable[[float, str], None]

__all__ = ['EngineFiles']

ANY = 'any'


class EngineFiles:
    """Finds, builds and discards engines with one library, for one GPU."""

    def __init__(
        self,
        library: TensorRTLibrary,
        gpu: DeviceInfo | None,
        *,
        cache: EngineCache | None = None,
        options: BuildOptions | None = None,
    ) -> None:
        """Remember with what to build.

        Args:
            library: Builds.
            gpu: What the engines are for; ``None`` on a machine without a GPU, where only
                TensorRT for RTX can build.
            cache: Keeps them; by default that of the user.
            options: Of the builder.

        Raises:
            EngineUnavailableError: If the library needs a GPU or does not support this one.
        """
        if gpu is not None:
            library.check_gpu(gpu.name, gpu.capability)
        elif not library.is_portable:
            msg = (
                f'{library.title} builds engines only on the GPU that they are for, and there is '
                'none here. Build in the vehicle, or use TensorRT for RTX.'
            )
            raise EngineUnavailableError(msg)
        self._library, self._gpu = library, gpu
        self._cache = cache or EngineCache()
        self._options = options or BuildOptions()
        self._keys: dict[tuple[Path, DeployedSpec], EngineKey] = {}

    def has(self, bundle: Bundle, spec: DeployedSpec) -> bool:
        """Say whether there is a verified engine.

        Raises:
            EngineError: If the graph cannot be made, or others may write to the cache.
            BundleError: If the bundle lacks the network.
        """
        return self._cache.load(self._key(bundle, spec)) is not None

    def get(
        self, bundle: Bundle, spec: DeployedSpec, on_progress: OnProgress | None = None
    ) -> CachedEngine:
        """Return an engine; if there is none, it is built, which may take minutes.

        Args:
            bundle: What it shall run.
            spec: Sizes, precision and outputs.
            on_progress: Gets the share that is done, 0 to 1, and what goes on.

        Raises:
            EngineError: If it cannot be built.
            DeviceError: If the GPU fails or has too little memory.
            BundleError: If the bundle lacks the network.
        """
        return self._cache.get_or_build(
            self._key(bundle, spec),
            lambda: build_engine(
                self._library,
                _graph(bundle, spec),
                deployed_tensors(bundle.manifest, spec),
                profile=deployed_profile(spec),
                options=self._options,
                on_progress=on_progress,
            ),
        )

    def discard(self, bundle: Bundle, spec: DeployedSpec, why: str) -> None:
        """Put an engine aside that the library does not take, so that it is built again."""
        self._cache.quarantine(self._key(bundle, spec), why)

    def _key(self, bundle: Bundle, spec: DeployedSpec) -> EngineKey:
        """Return the key; the graph is made once for it."""
        known = self._keys.get((bundle.path, spec))
        if known is None:
            known = self._new_key(bundle, spec, _graph(bundle, spec))
            self._keys[bundle.path, spec] = known
        return known

    def _new_key(self, bundle: Bundle, spec: DeployedSpec, onnx: bytes) -> EngineKey:
        gpu = None if self._library.is_portable else self._gpu
        return EngineKey(
            bundle=bundle.manifest.name,
            network=hashlib.sha256(onnx).hexdigest(),
            library=f'{self._library.flavour} {self._library.version}',
            gpu=ANY if gpu is None else gpu.title,
            driver=ANY if gpu is None else f'driver {gpu.driver}, run time {gpu.runtime}',
            platform=f'{sys.platform} {platform.machine()}',
            precision=spec.precision,
            shapes=f'batch {spec.batch}, sizes {spec.size_range}',
            options=str(self._options),
        )


def _graph(bundle: Bundle, spec: DeployedSpec) -> bytes:
    """Return the deployed graph.

    Raises:
        EngineUnavailableError: If ``onnx`` is not installed.
    """
    try:
        from seg_node.engines.graft import deployed_onnx  # noqa: PLC0415 - it needs onnx
    except ImportError as err:
        msg = f'The graph for TensorRT cannot be made ({err}): pip install onnx.'
        raise EngineUnavailableError(msg) from err
    return deployed_onnx(bundle, spec)
