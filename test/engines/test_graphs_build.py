# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's parser and builder take the deployed graph of every family, whole and in every form.

TensorRT for RTX builds without a GPU. That proves that graphs are read and typed as they should
be, not what they compute: ``test_graft.py`` is about that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('onnx')

from seg_node.bundle import open_bundle
from seg_node.engines.base import Wanted
from seg_node.engines.deployed_spec import DeployedSpec, drivable_limits
from seg_node.engines.graft import deployed_onnx
from seg_node.engines.registry import open_engine
from seg_node.engines.tensorrt.builder import build_engine
from seg_node.engines.tensorrt.library import find_library, TensorRTLibrary
from seg_node.engines.tensorrt.tensors import deployed_profile, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.bundle import Bundle
    from seg_node.engines.deployed_spec import Precision

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_tensorrt_rtx,
]

CAMERA = (90, 160)
RANGE = ((32, 32), CAMERA, (480, 640))
PLANES = (0, 2)
FORMS = ('fixed', 'native', 'open-batch', 'open-size')


@pytest.fixture(scope='module')
def library() -> TensorRTLibrary:
    return find_library('tensorrt_rtx')


@pytest.fixture(scope='module', params=['lite0', 'erfnet', 'segformer-b0'])
def bundle(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bundle]:
    from families import family_bundle  # noqa: PLC0415  # needs torch

    with pytest.MonkeyPatch.context() as patch:
        yield family_bundle(request.param, tmp_path_factory.mktemp(request.param), patch)


def size_of(form: str, bundle: Bundle) -> tuple[int, int]:
    given = bundle.manifest.input
    return (given.height, given.width) if form == 'native' else CAMERA


def spec_of(form: str, precision: Precision, bundle: Bundle) -> DeployedSpec:
    if form == 'open-size':
        return DeployedSpec(None, RANGE, batch=(1, 2, 4), precision=precision, planes=PLANES)
    batch = (1, 2, 4) if form == 'open-batch' else (1, 1, 1)
    return DeployedSpec(size_of(form, bundle), batch=batch, precision=precision, planes=PLANES)


def tensors_of(form: str, bundle: Bundle) -> list[Tensor]:
    """Return inputs and outputs; -1 is a side that is open."""
    count = -1 if form in ('open-batch', 'open-size') else 1
    height, width = (-1, -1) if form == 'open-size' else size_of(form, bundle)
    given, stride = bundle.manifest.input, bundle.manifest.output_stride
    scores = (count, len(bundle.manifest.taxonomy), given.height // stride, given.width // stride)
    pixels = (count, height, width)
    planes = (count, len(PLANES), height, width)
    maps = ('labels', 'confidence', 'entropy', 'drivable_area')
    return [
        Tensor('image', is_input=True, dtype='uint8', shape=(*pixels, 3)),
        Tensor('thresholds', is_input=True, dtype='float32', shape=(2,)),
        *(Tensor(name, is_input=False, dtype='uint8', shape=pixels) for name in maps),
        Tensor('planes', is_input=False, dtype='uint8', shape=planes),
        Tensor('scores', is_input=False, dtype='float32', shape=scores),
    ]


def build(library: TensorRTLibrary, bundle: Bundle, form: str, precision: Precision) -> bytes:
    spec = spec_of(form, precision, bundle)
    graph = deployed_onnx(bundle, spec)
    return build_engine(library, graph, tensors_of(form, bundle), profile=deployed_profile(spec))


@pytest.mark.slow
@pytest.mark.needs_torch
@pytest.mark.needs_transformers
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_graph_of_every_family_is_read_and_built(
    library: TensorRTLibrary, bundle: Bundle, precision: Precision, form: str
) -> None:
    assert len(build(library, bundle, form, precision)) > 10_000


@pytest.mark.slow
@pytest.mark.needs_onnxruntime
@pytest.mark.needs_torch
@pytest.mark.needs_transformers
def test_every_family_gives_the_same_three_ways(bundle: Bundle) -> None:
    """On the processor, as the grafted graph, and as the torch module."""
    import onnxruntime  # noqa: PLC0415  # not every lane has it

    image = np.random.default_rng(0).integers(0, 256, (*CAMERA, 3)).astype(np.uint8)
    graph = deployed_onnx(bundle, spec_of('fixed', 'fp32', bundle))
    session = onnxruntime.InferenceSession(graph, providers=['CPUExecutionProvider'])
    names = ['labels', 'confidence', 'entropy']
    grafted = session.run(names, {'image': image[None], 'thresholds': drivable_limits(0.5, 0.5)})
    with open_engine('onnxruntime', bundle) as engine:
        expected = engine.segment([image], Wanted())[0].maps
    torch_cuda_engine = import_module('seg_node.engines.torch_cuda.engine')
    with torch_cuda_engine.TorchCudaEngine(bundle, precision='fp32', device='cpu') as engine:
        module = engine.segment([image], Wanted())[0].maps

    for name, array in zip(names, grafted, strict=True):
        wanted = getattr(expected, name).astype(int)
        allowed = 1 if name != 'labels' else 0
        for got in (array[0], getattr(module, name)):
            assert (np.abs(got.astype(int) - wanted) <= allowed).mean() > 0.999, name


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_graph_of_the_shipped_bundle_is_read_and_built(
    library: TensorRTLibrary, precision: Precision, form: str
) -> None:
    assert len(build(library, open_bundle('default'), form, precision)) > 10_000


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_graph_of_the_shipped_bundle_is_built_for_a_large_camera(
    library: TensorRTLibrary, precision: Precision
) -> None:
    default = open_bundle('default')
    spec = DeployedSpec((1024, 2048), precision=precision)
    expected = [
        Tensor(
            one.name,
            one.is_input,
            one.dtype,
            (1, 1024, 2048, *one.shape[3:]) if one.dtype == 'uint8' else one.shape,
        )
        for one in tensors_of('fixed', default)
        if one.name != 'planes'
    ]

    engine = build_engine(library, deployed_onnx(default, spec), expected)

    weights = default.weights_path.stat().st_size
    assert len(engine) > weights * (0.9 if precision == 'fp16' else 1.8)
