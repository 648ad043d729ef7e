# SPDX-License-Identifier: Apache-2.0
"""Build deployed graphs where there is no GPU: NVIDIA's parser and builder read them all."""

from __future__ import annotations

import time
from typing import Any, TYPE_CHECKING

from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.graft import deployed_onnx
from seg_node.engines.tensorrt.builder import build_engine
from seg_node.engines.tensorrt.library import find_library, TensorRTLibrary
from seg_node.engines.tensorrt.tensors import deployed_profile, deployed_tensors
from seg_node.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import Precision

__all__ = ['build_graphs']

SMALLEST = (64, 64)


def build_graphs(bundle: Bundle, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Build a bundle's graph in fp32 and fp16, for one size of image and for many.

    Returns:
        What was built, its bytes, the seconds it took, and what went wrong; nothing if TensorRT
        for RTX, which needs no GPU, is not installed.
    """
    try:
        library = find_library('tensorrt_rtx')
    except EngineUnavailableError as err:
        print(f'Nothing was built: {err}')
        return []
    specs = []
    precisions: tuple[Precision, ...] = ('fp32', 'fp16')
    for precision in precisions:
        specs.append(DeployedSpec(size, precision=precision))
        sizes = (SMALLEST, size, size)
        specs.append(DeployedSpec(None, sizes, batch=(1, 2, 4), precision=precision))
    return [_built(library, bundle, spec) for spec in specs]


def _built(library: TensorRTLibrary, bundle: Bundle, spec: DeployedSpec) -> dict[str, Any]:
    form = 'any size, 1 to 4 images' if spec.image_size is None else f'{spec.image_size}'
    started, error, plan = time.monotonic(), '', b''
    try:
        plan = build_engine(
            library,
            deployed_onnx(bundle, spec),
            deployed_tensors(bundle.manifest, spec),
            profile=deployed_profile(spec),
        )
    except EngineError as err:
        error = str(err)
    return {
        'what': f'{spec.precision}, {form}, {library.title}',
        'bytes': len(plan),
        'seconds': time.monotonic() - started,
        'error': error,
    }
