# SPDX-License-Identifier: Apache-2.0
"""A bundle's network with everything between the camera's image and the masks in one ONNX graph.

It computes what ``seg_node.model.deployed`` defines, by surgery on the bundle's ``model.onnx`` or
``model.int8.trt.onnx``: torch is not needed, and networks of others can be grafted as well. What
TensorRT's parsers refuse is avoided: the first operator is a Cast, and only a Cast gives bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import helper, TensorProto, version_converter

from seg_node.engines.graft_head import BATCH, write_head
from seg_node.engines.graft_tail import write_tail
from seg_node.engines.half_precision import to_half
from seg_node.engines.onnx_writer import PREFIX, Writer
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import GraphProto, ModelProto, ValueInfoProto

    from seg_node.bundle import Bundle, Manifest
    from seg_node.engines.deployed_spec import DeployedSpec

__all__ = ['deployed_onnx']

IMAGE, THRESHOLDS, SCORES = 'image', 'thresholds', 'scores'
NETWORK_SCORES = f'{PREFIX}scores'
MAPS = ('labels', 'confidence', 'entropy', 'drivable_area')
LEAST_OPSET = 13


def deployed_onnx(bundle: Bundle, spec: DeployedSpec) -> bytes:
    """Return the deployed graph of a bundle.

    Inputs: ``image`` uint8 (N, H, W, 3) RGB; ``thresholds`` float32 (2,), least probability and
    largest normalised entropy of a drivable pixel, as from ``drivable_limits``. Outputs:
    ``labels``, ``confidence``, ``entropy`` and ``drivable_area``, uint8 (N, H, W); ``planes``
    uint8 (N, P, H, W) if there are any; ``scores`` float32 (N, K, h, w) if asked for.

    Args:
        bundle: Its network is read.
        spec: What the graph is for.

    Returns:
        A serialised and checked ``ModelProto``; the same bytes for the same arguments.

    Raises:
        BundleError: If the bundle lacks the network for this precision, or it is damaged.
        EngineError: If the network cannot be grafted, or there is no such class.
    """
    manifest = bundle.manifest
    _check_planes(spec.planes, len(manifest.taxonomy))
    model = _loaded(bundle, spec)
    kind = int(TensorProto.FLOAT)
    if spec.precision == 'fp16':
        kind = int(TensorProto.FLOAT16)
        to_half(model.graph)
    _rename(model.graph, {IMAGE: BATCH, SCORES: NETWORK_SCORES})
    writer = Writer(_opset(model))
    layout = write_head(writer, manifest.input, spec, kind)
    head = len(writer.nodes)
    write_tail(writer, NETWORK_SCORES, layout, manifest, spec)
    nodes = [*writer.nodes[:head], *model.graph.node, *writer.nodes[head:]]
    values = [*model.graph.initializer, *writer.constants]
    graph = helper.make_graph(
        nodes, 'deployed', _inputs(spec), _outputs(spec, manifest), initializer=values
    )
    model.graph.CopyFrom(graph)
    return _checked(model)


def _loaded(bundle: Bundle, spec: DeployedSpec) -> ModelProto:
    """Read the network; its operator set is at least the oldest that the graft can be written in.

    Raises:
        EngineError: If it is no network, or made for another number of images.
    """
    path = bundle.int8_trt_path if spec.precision == 'int8' else bundle.onnx_path
    try:
        model = onnx.load_from_string(path.read_bytes())
        if _opset(model) < LEAST_OPSET:
            model = version_converter.convert_version(model, LEAST_OPSET)
    except Exception as err:  # the errors of protobuf and of the converter have no common base
        msg = f'{str(path)!r} cannot be read as an ONNX network: {err} Export the bundle again.'
        raise EngineError(msg) from err
    constants = {one.name for one in model.graph.initializer}
    image = next(one for one in model.graph.input if one.name not in constants)
    count = image.type.tensor_type.shape.dim[0].dim_value
    if count and spec.batch != (count, count, count):
        msg = (
            f'{str(path)!r} takes {count} image(s) at once and no other number; batches of '
            f'{spec.batch[0]} to {spec.batch[2]} were asked for. Export it with an open batch.'
        )
        raise EngineError(msg)
    return model


def _check_planes(planes: Sequence[int], classes: int) -> None:
    for index in planes:
        if not 0 <= index < classes:
            msg = f'Class {index} was asked for; the bundle has classes 0 to {classes - 1}.'
            raise EngineError(msg)


def _opset(model: ModelProto) -> int:
    return max(int(one.version) for one in model.opset_import if not one.domain)


def _rename(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Give tensors other names, in the graphs within nodes as well."""
    for node in graph.node:
        for side in (node.input, node.output):
            for place, name in enumerate(side):
                side[place] = names.get(name, name)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, names)


def _inputs(spec: DeployedSpec) -> list[ValueInfoProto]:
    image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, [*_shape(spec), 3])
    return [image, helper.make_tensor_value_info(THRESHOLDS, TensorProto.FLOAT, [2])]


def _outputs(spec: DeployedSpec, manifest: Manifest) -> list[ValueInfoProto]:
    count, height, width = _shape(spec)
    shapes = {name: [count, height, width] for name in MAPS}
    if spec.planes:
        shapes['planes'] = [count, len(spec.planes), height, width]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name, shape in shapes.items()
    ]
    if spec.scores:
        stride = manifest.output_stride
        sides = manifest.input.height // stride, manifest.input.width // stride
        shape = [count, len(manifest.taxonomy), *sides]
        outputs.append(helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, shape))
    return outputs


def _shape(spec: DeployedSpec) -> tuple[int | str, int | str, int | str]:
    """Return number, height and width of the images; names where they are open."""
    count = spec.batch[0] if spec.batch[0] == spec.batch[2] else 'count'
    return (count, *(spec.image_size or ('height', 'width')))


def _checked(model: ModelProto) -> bytes:
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as err:  # the checker's errors and those of shape inference differ
        msg = (
            f'The network cannot be grafted: {err} Run it with onnxruntime, or export it again '
            'with opset 17 and standard operators.'
        )
        raise EngineError(msg) from err
    return bytes(model.SerializeToString(deterministic=True))
