# SPDX-License-Identifier: Apache-2.0
"""A trained network as a bundle: ONNX, weights, and proof that both compute the same."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
import io
import logging
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch

from seg_node.bundle import write_bundle
from seg_node.errors import ExportError
from seg_node.model.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle, Manifest
    from seg_node.model.network import SegNet

    Float32Array = npt.NDArray[np.float32]

OPSET = 18  # the exporter's own, and what every supported ONNX Runtime and TensorRT reads
LEAST_EQUAL_LABELS = 0.9999
LARGEST_BATCH = 64
NOISY = ('onnxscript', 'onnx_ir', 'torch.onnx')


@dataclass(frozen=True, slots=True)
class Parity:
    """How far ONNX Runtime is from torch on the same images.

    Attributes:
        images: Number of images compared.
        equal_labels: Share of scores' pixels with the same winning class, 0..1.
        largest_difference: Of any score.
    """

    images: int
    equal_labels: float
    largest_difference: float


def export_bundle(
    network: SegNet, manifest: Manifest, folder: Path, images: Sequence[Float32Array]
) -> Bundle:
    """Export a network, prove that the export computes the same, and write the bundle.

    Args:
        network: Filled with its final weights; switched to evaluation mode.
        manifest: Everything but output stride, opset and parity, which are filled in here.
        folder: Where the bundle goes.
        images: (1, 3, H, W) float32 RGB levels 0..255 at the size of the manifest, at least one.

    Raises:
        ExportError: ONNX Runtime disagrees with torch; nothing is written.
        BundleError: The folder is in use by something else.
    """
    network = network.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    size = (manifest.input.height, manifest.input.width)
    with tempfile.TemporaryDirectory() as scratch:
        model, weights = Path(scratch) / 'model.onnx', Path(scratch) / 'weights.safetensors'
        opset = export_onnx(network, model, size)
        parity = check_parity(network, model, images)
        save_weights(network, weights)
        complete = replace(
            manifest,
            output_stride=network.output_stride,
            opset=opset,
            quality={**manifest.quality, 'export': _figures(parity)},
        )
        return write_bundle(folder, complete, {model.name: model, weights.name: weights})


def export_onnx(network: SegNet, path: Path, size: tuple[int, int]) -> int:
    """Write a network as ONNX: ``image`` (N, 3, H, W) to ``scores`` (N, K, h, w), N open.

    Args:
        network: In evaluation mode.
        path: File to write.
        size: Height and width of the input [px].

    Returns:
        The operator set.
    """
    batch = torch.export.Dim('N', min=1, max=LARGEST_BATCH)
    with _quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 3, *size),),
            dynamo=True,
            input_names=['image'],
            output_names=['scores'],
            dynamic_shapes=({0: batch},),
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        msg = 'torch.onnx.export returned no program; expected one. Check the torch version.'
        raise ExportError(msg)
    model = without_traces(program.model_proto)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    return OPSET


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says about itself (its progress, its own deprecations) to itself."""
    levels = {name: logging.getLogger(name).level for name in NOISY}
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's notes (stack traces, paths of the build machine) from a model."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    return model


def check_parity(network: SegNet, path: Path, images: Sequence[Float32Array]) -> Parity:
    """Compare torch with ONNX Runtime, image by image.

    Raises:
        ExportError: Too many labels differ, scores are not finite, or there is no image.
    """
    if not images:
        msg = 'Parity needs at least one image, got none. Give images of the training data.'
        raise ExportError(msg)
    session = _session(path)
    equal, largest = [], 0.0
    for image in images:
        with torch.no_grad():
            expected = network(torch.from_numpy(image)).numpy()
        (got,) = session.run(['scores'], {'image': image})
        equal.append(float((expected.argmax(1) == got.argmax(1)).mean()))
        largest = max(largest, float(np.abs(expected - got).max()))
    parity = Parity(len(images), float(np.mean(equal)), largest)
    if not (parity.equal_labels >= LEAST_EQUAL_LABELS and np.isfinite(largest)):
        msg = (
            f'The exported network is not the trained one: {100 * parity.equal_labels:.3f} % of '
            f'labels agree (expected at least {100 * LEAST_EQUAL_LABELS} %), the largest '
            f'difference of a score is {largest:.3g}. No bundle was written; try another version '
            'of torch or onnxruntime.'
        )
        raise ExportError(msg)
    return parity


def _session(path: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def _figures(parity: Parity) -> dict[str, float]:
    return {
        'images': parity.images,
        'equal_labels': round(parity.equal_labels, 6),
        'largest_difference': float(f'{parity.largest_difference:.2e}'),
    }
