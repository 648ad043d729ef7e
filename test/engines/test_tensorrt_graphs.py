# SPDX-License-Identifier: Apache-2.0
"""Every family's deployed graph goes through NVIDIA's own parser and builder, without a GPU.

TensorRT for RTX builds here. That shows which operators and types it takes, and names, types and
shapes of what comes out; numbers and speed need a GPU.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

from seg_node.bundle import Bundle, open_bundle, write_bundle
from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.tensorrt.engine_cache import EngineCache
from seg_node.engines.tensorrt.files import EngineFiles
from seg_node.engines.tensorrt.library import find_library
import tiny

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]

NETWORK = (64, 96)
CAMERA = (120, 160)
SPECS = {
    'fp16': DeployedSpec(CAMERA),
    'fp16, any size': DeployedSpec(None, ((64, 64), CAMERA, (240, 320))),
    'fp16, 1 to 4 images, planes': DeployedSpec(CAMERA, batch=(1, 2, 4), planes=(0, 2)),
    'fp32, 1 to 4 images': DeployedSpec(CAMERA, batch=(1, 2, 4), precision='fp32'),
    'int8, 1 to 4 images': DeployedSpec(CAMERA, batch=(1, 2, 4), precision='int8'),
}


@lru_cache
def family_bundle(family: str) -> Bundle:
    """Return an untrained network as a bundle, in float and in 8-bit integers."""
    from seg_node.bundle.int8 import quantize, TENSORRT  # noqa: PLC0415 - not every lane has these
    from seg_node.model.build import build_network  # noqa: PLC0415
    from seg_node.model.config import NetConfig  # noqa: PLC0415
    from seg_node.model.export import export_bundle  # noqa: PLC0415

    folder = Path(mkdtemp())
    images = [np.random.default_rng(0).uniform(0, 255, (1, 3, *NETWORK)).astype(np.float32)]
    plain = export_bundle(
        build_network(NetConfig(family, 3)), tiny.tiny_manifest(NETWORK), folder / 'plain', images
    )
    quantize(plain.onnx_path, folder / TENSORRT.file, TENSORRT, images)
    files = {'model.onnx': plain.onnx_path, TENSORRT.file: folder / TENSORRT.file}
    return write_bundle(folder / 'bundle', plain.manifest, files)


@pytest.fixture
def files(tmp_path: Path) -> EngineFiles:
    return EngineFiles(find_library('tensorrt_rtx'), None, cache=EngineCache(tmp_path / 'cache'))


@pytest.mark.smoke
@pytest.mark.needs_torch
@pytest.mark.parametrize('name', SPECS)
@pytest.mark.parametrize(
    'family',
    ['lite0', 'erfnet', pytest.param('segformer-b0', marks=pytest.mark.needs_transformers)],
)
def test_the_graph_of_every_family_is_built(files: EngineFiles, family: str, name: str) -> None:
    built = files.get(family_bundle(family), SPECS[name])

    assert built.data.startswith(b'vtrt')


@pytest.mark.parametrize('bundle', ['default', 'procedural'])
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_the_shipped_bundles_are_built(files: EngineFiles, bundle: str, precision: Any) -> None:
    spec = DeployedSpec((720, 1280), precision=precision)

    assert files.get(open_bundle(bundle), spec).data.startswith(b'vtrt')


def test_half_and_integers_make_smaller_engines_than_float(files: EngineFiles) -> None:
    """A network that silently stayed in float would be as large."""
    bundle = open_bundle('default')
    spec = DeployedSpec(CAMERA, precision='fp32')

    whole = len(files.get(bundle, spec).data)
    half = len(files.get(bundle, replace(spec, precision='fp16')).data)

    assert half < 0.75 * whole
