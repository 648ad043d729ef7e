# SPDX-License-Identifier: Apache-2.0
"""The grafted graph, run by ONNX Runtime, gives what the processor's pipeline gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

import onnx
from onnx import helper, numpy_helper, TensorProto
import onnxruntime as ort

from agreement import agreement, camvid_frames, LIMITS, PLANES, processor_maps
from layers import layered_onnx
from seg_node.bundle import open_bundle, write_bundle
from seg_node.bundle.import_onnx import import_onnx, Source
from seg_node.engines.deployed_spec import DeployedSpec, drivable_limits
from seg_node.engines.graft import deployed_onnx
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.errors import BundleError, EngineError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

    UInt8Array = npt.NDArray[np.uint8]

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]
SIZES = ((48, 64), (96, 128), (400, 400))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The tiny bundle, with a temperature; its network in int8 is a second float one."""
    plain = tiny.tiny_bundle(tmp_path / 'plain')
    manifest = replace(plain.manifest, temperature=1.5)
    files = dict.fromkeys(('model.onnx', 'model.int8.trt.onnx'), plain.onnx_path)
    return write_bundle(tmp_path / 'bundle', manifest, files)


def session_of(graph: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(graph, options, providers=['CPUExecutionProvider'])


def run(
    session: Any, images: UInt8Array, limits: tuple[float, float] = LIMITS
) -> dict[str, npt.NDArray[Any]]:
    """Run a graph on (N, H, W, 3) images; return its outputs by name."""
    feeds = {'image': images, 'thresholds': drivable_limits(*limits)}
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def spec_of(size: tuple[int, int], precision: Any = 'fp32', **others: Any) -> DeployedSpec:
    return DeployedSpec(size, precision=precision, planes=PLANES, **others)


@pytest.mark.needs_camvid
@pytest.mark.parametrize(
    ('precision', 'size'),
    [
        ('fp32', None),
        ('fp32', (720, 960)),
        ('fp32', (400, 900)),
        ('fp32', (250, 331)),
        ('fp16', None),
        ('fp16', (400, 900)),
    ],
    ids=str,
)
def test_graph_gives_what_the_processor_gives_on_real_frames(
    precision: str, size: tuple[int, int] | None
) -> None:
    """Where the camera's size is not the network's, OpenCV's rounding is in it."""
    images = camvid_frames(3, size)
    default = open_bundle('default')
    spec = spec_of((images[0].shape[0], images[0].shape[1]), precision)

    session = session_of(deployed_onnx(default, spec))
    found = [run(session, image[None]) for image in images]

    with OnnxEngine(default) as reference:
        result = agreement(reference, images, found)
    assert result.labels >= 0.999
    assert result.area >= 0.999
    if precision == 'fp32':
        assert result.largest <= 2
    else:
        assert result.close >= 0.999
        assert result.largest <= 16


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
@pytest.mark.parametrize(
    'size', [(48, 64), (96, 128), (30, 40), (91, 60), (50, 137), (5, 3), (2, 2)], ids=str
)
def test_every_size_of_camera_is_fitted_as_on_the_processor(
    bundle: Bundle, size: tuple[int, int], precision: str
) -> None:
    image, _ = tiny.scene(size)
    fixed = session_of(deployed_onnx(bundle, spec_of(size, precision)))
    smallest = ((2, 2), *SIZES[1:])
    any_size = DeployedSpec(None, smallest, precision=precision, planes=PLANES)  # type: ignore[arg-type]
    open_ = session_of(deployed_onnx(bundle, any_size))

    with OnnxEngine(bundle) as reference:
        results = [
            agreement(reference, [image], [run(session, image[None])])
            for session in (fixed, open_)
        ]

    for result in results:
        assert result.labels >= 0.999
        assert result.largest <= 2


@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
def test_open_sizes_are_placed_as_imaging_places_them(bundle: Bundle, fit: Any) -> None:
    """Sizes whose shape falls between two edges, at a half in some, must round the same way."""
    given = replace(bundle.manifest.input, fit=fit)
    placed = replace(bundle, manifest=replace(bundle.manifest, input=given))
    session = session_of(deployed_onnx(placed, DeployedSpec(None, SIZES, planes=PLANES)))
    rng = np.random.default_rng(0)
    sizes = [(48, 128), (60, 128), (36, 128), (128, 48), (97, 31), (33, 256), (100, 3), (2, 90)]

    with OnnxEngine(placed) as reference:
        for size in sizes:
            image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
            got = run(session, image[None])
            expected = processor_maps(reference, image)
            assert (got['labels'][0] == expected['labels']).mean() >= 0.99, size
            assert np.abs(got['confidence'][0].astype(int) - expected['confidence']).max() <= 3


def test_batches_of_any_number_are_so_many_single_images(bundle: Bundle) -> None:
    images = np.stack([tiny.scene((90, 120), seed)[0] for seed in range(3)])
    session = session_of(deployed_onnx(bundle, spec_of((90, 120), batch=(1, 2, 3))))

    together = run(session, images)

    for index in range(3):
        alone = run(session, images[index : index + 1])
        for name, array in together.items():
            np.testing.assert_array_equal(array[index], alone[name][0], err_msg=name)


@pytest.mark.parametrize('limits', [(0.0, 1.0), (0.9, 1.0), (0.0, 0.1), (1.0, 0.0)], ids=str)
def test_limits_of_the_drivable_area_are_inputs(
    bundle: Bundle, limits: tuple[float, float]
) -> None:
    image, _ = tiny.scene((90, 120))
    session = session_of(deployed_onnx(bundle, spec_of((90, 120))))

    got = run(session, image[None], limits)

    road = got['labels'] == tiny.TAXONOMY.index('green road')
    probable = got['confidence'] >= np.ceil(limits[0] * 255)
    calm = got['entropy'] <= np.floor(limits[1] * 255)
    np.testing.assert_array_equal(got['drivable_area'], 255 * (road & probable & calm))


def test_bundle_without_drivable_classes_has_no_drivable_area(bundle: Bundle) -> None:
    dull = replace(
        tiny.TAXONOMY,
        classes=tuple(replace(one, drivable=False) for one in tiny.TAXONOMY.classes),
    )
    walled = replace(bundle, manifest=replace(bundle.manifest, taxonomy=dull))
    image, _ = tiny.scene((90, 120))

    got = run(session_of(deployed_onnx(walled, spec_of((90, 120)))), image[None], (0.0, 1.0))

    assert not got['drivable_area'].any()


def test_outputs_nobody_wants_are_not_there(bundle: Bundle) -> None:
    lean = DeployedSpec((90, 120), precision='fp32', scores=False)

    names = {one.name for one in session_of(deployed_onnx(bundle, lean)).get_outputs()}

    assert names == {'labels', 'confidence', 'entropy', 'drivable_area'}


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_same_arguments_give_the_same_bytes(bundle: Bundle, precision: str) -> None:
    spec = spec_of((90, 120), precision)

    assert deployed_onnx(bundle, spec) == deployed_onnx(bundle, spec)


def test_cast_comes_first_and_only_casts_give_bytes(bundle: Bundle) -> None:
    """NVIDIA's parsers refuse all else."""
    model = onnx.load_from_string(deployed_onnx(bundle, spec_of((90, 120), 'fp16')))
    makers = {output: node.op_type for node in model.graph.node for output in node.output}

    assert model.graph.node[0].op_type == 'Cast'
    assert [node.op_type for node in model.graph.node if 'image' in node.input] == ['Cast']
    assert {makers[one.name] for one in model.graph.output} == {'Cast'}


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_bytes_are_made_from_floats_alone(bundle: Bundle, precision: str) -> None:
    """TensorRT documents no other cast to UINT8."""
    made = deployed_onnx(bundle, spec_of((90, 120), precision))
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(made), strict_mode=True).graph
    types = {one.name: one.type.tensor_type.elem_type for one in graph.value_info}

    sources = [
        types[node.input[0]]
        for node in graph.node
        if node.op_type == 'Cast' and node.attribute[0].i == onnx.TensorProto.UINT8
    ]

    assert sources == [onnx.TensorProto.FLOAT] * 5


def test_weights_and_arithmetic_of_the_network_are_in_half(tmp_path: Path) -> None:
    plain = tiny.tiny_bundle(tmp_path / 'plain')
    plain.onnx_path.write_bytes(layered_onnx(noise=0.1))
    model = onnx.load_from_string(deployed_onnx(plain, spec_of((90, 120), 'fp16')))

    types = {one.name: one.data_type for one in model.graph.initializer}
    shapes = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    inferred = {one.name: one.type.tensor_type.elem_type for one in shapes.graph.value_info}
    layers = [node for node in model.graph.node if node.op_type in ('Conv', 'ConvTranspose')]

    assert len(layers) == 7
    for node in layers:
        assert types[node.input[1]] == TensorProto.FLOAT16
        assert inferred[node.output[0]] == TensorProto.FLOAT16
    exponential = next(node for node in model.graph.node if node.op_type == 'Exp')
    assert inferred[exponential.output[0]] == TensorProto.FLOAT


def imported(folder: Path, opset: int, kind: int) -> Bundle:
    """Import a network of others: blue first, probabilities of an eighth of its input's size."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    kernel = (4 * np.eye(3)[::-1, :, None, None]).astype(dtype)
    nodes = [
        helper.make_node('Conv', ['pixels', 'kernel'], ['scores']),
        helper.make_node('AveragePool', ['scores'], ['mean'], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node('Softmax', ['mean'], ['odds'], axis=1),
    ]
    pixels = helper.make_tensor_value_info('pixels', kind, ['n', 3, *tiny.SIZE])
    odds = helper.make_tensor_value_info('odds', kind, ['n', 'k', 'h', 'w'])
    values = [numpy_helper.from_array(kernel, 'kernel')]
    graph = helper.make_graph(nodes, 'foreign', [pixels], [odds], values)
    path = folder / 'foreign.onnx'
    version = helper.make_opsetid('', opset)
    onnx.save(helper.make_model(graph, opset_imports=[version], ir_version=8), path)
    source = Source(path, tiny.TAXONOMY, (127.5,) * 3, (127.5,) * 3, size=tiny.SIZE, bgr=True)
    return import_onnx(source, folder / 'imported').bundle


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
@pytest.mark.parametrize(
    ('opset', 'kind'), [(13, TensorProto.FLOAT), (17, TensorProto.FLOAT16)], ids=['float', 'half']
)
def test_networks_of_others_can_be_grafted(
    tmp_path: Path, opset: int, kind: int, precision: str
) -> None:
    """The logarithm of their probabilities and the scaling of their scores stay in float32."""
    foreign = imported(tmp_path, opset, kind)
    image, _ = tiny.scene((90, 120))

    graph = deployed_onnx(foreign, spec_of((90, 120), precision))

    with OnnxEngine(foreign) as reference:
        result = agreement(reference, [image], [run(session_of(graph), image[None])])
    assert result.labels >= 0.999
    assert result.largest <= 2
    model = onnx.load_from_string(graph)
    types = {one.name: one.data_type for one in model.graph.initializer}
    assert [types[node.input[1]] for node in model.graph.node if node.op_type == 'Max'] == [
        TensorProto.FLOAT
    ]


def test_bundle_without_the_int8_network_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match='seg quantize'):
        deployed_onnx(tiny.tiny_bundle(tmp_path / 'plain'), spec_of((90, 120), 'int8'))


def test_class_that_is_not_there_is_refused(bundle: Bundle) -> None:
    with pytest.raises(EngineError, match='Class 3 was asked for; the bundle has classes 0 to 2'):
        deployed_onnx(bundle, DeployedSpec((90, 120), planes=(3,)))


def test_file_that_is_no_network_is_a_clear_error(bundle: Bundle) -> None:
    bundle.onnx_path.write_bytes(b'not a network')

    with pytest.raises(EngineError, match=r'model\.onnx.* cannot be read as an ONNX network'):
        deployed_onnx(bundle, spec_of((90, 120)))


def test_network_for_single_images_refuses_batches(bundle: Bundle) -> None:
    model = onnx.load(bundle.onnx_path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, bundle.onnx_path)

    assert deployed_onnx(bundle, spec_of((90, 120)))
    with pytest.raises(EngineError, match=r'takes 1 image.* batches of 1 to 4 were asked for'):
        deployed_onnx(bundle, spec_of((90, 120), batch=(1, 2, 4)))


def test_weight_beyond_half_precision_is_refused(bundle: Bundle) -> None:
    model = onnx.load(bundle.onnx_path)
    kernel = model.graph.initializer[0]
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel) * 1e7, kernel.name))
    onnx.save(model, bundle.onnx_path)

    with pytest.raises(EngineError, match=r"'kernel' .* holds .*; half precision ends at 65504"):
        deployed_onnx(bundle, spec_of((90, 120), 'fp16'))
