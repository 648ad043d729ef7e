# SPDX-License-Identifier: Apache-2.0
"""Small things that tests are made of, all built in code: a taxonomy, a scene, a real bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from seg_node.bundle import Bundle, Manifest, write_bundle
from seg_node.crf import CrfOptions, to_plain
from seg_node.imaging import InputSpec
from seg_node.taxonomy import SegClass, Taxonomy

if TYPE_CHECKING:
    from seg_node.datasets import Sample

TAXONOMY = Taxonomy(
    'tiny3',
    (
        SegClass('lava', (255, 0, 0), group='hot'),
        SegClass('green road', (0, 255, 0), drivable=True, group='cold'),
        SegClass('water', (0, 0, 255), group='cold'),
    ),
)
SIZE = (48, 64)
OUTPUT_STRIDE = 2
GAIN = 10.0 / 255.0


@dataclass(frozen=True)
class Scenes:
    """Samples that are held in memory."""

    taxonomy: Taxonomy
    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        return self.samples[index]


def tiny_manifest(size: tuple[int, int] = SIZE, name: str = 'tiny') -> Manifest:
    """Return the manifest that ``tiny_bundle`` writes."""
    height, width = size
    spec = InputSpec(height, width, 'letterbox', (124.0, 116.0, 104.0), (58.0, 57.0, 57.0))
    return Manifest(
        name=name,
        taxonomy=TAXONOMY,
        input=spec,
        architecture={'family': 'brightest channel'},
        output_stride=OUTPUT_STRIDE,
        temperature=1.0,
        opset=18,
        licence={'weights': 'Apache-2.0', 'data': 'none'},
    )


def tiny_bundle(folder: Path, size: tuple[int, int] = SIZE, name: str = 'tiny') -> Bundle:
    """Write a bundle whose real ONNX network gives each pixel the class of its brightest channel.

    Red is class 0, green (drivable) class 1, blue class 2; a score is 10 / 255 of the level,
    averaged over 4 x 4 pixels.

    Args:
        folder: Where the bundle goes.
        size: Height and width of the network's input [px], multiples of 4.
        name: Name in the manifest.
    """
    with tempfile.TemporaryDirectory() as scratch:
        onnx_file = Path(scratch) / 'model.onnx'
        onnx_file.write_bytes(tiny_onnx(size))
        return write_bundle(folder, tiny_manifest(size, name), {'model.onnx': onnx_file})


def tuned_bundle(folder: Path, options: CrfOptions) -> Bundle:
    """Write the tiny bundle with a CRF preset whose gate lets every frame pass."""
    crf = {
        'preset': to_plain(options),
        'entropy_threshold': 0.125,
        'min_uncertain_fraction': 0.0,
        'enabled': True,
    }
    with tempfile.TemporaryDirectory() as scratch:
        onnx_file = Path(scratch) / 'model.onnx'
        onnx_file.write_bytes(tiny_onnx())
        manifest = replace(tiny_manifest(), crf=crf)
        return write_bundle(folder, manifest, {'model.onnx': onnx_file})


def tiny_onnx(size: tuple[int, int] = SIZE) -> bytes:
    """Return the network: average over 4 x 4 pixels, then a transposed convolution to stride 2."""
    from onnx import helper, numpy_helper, TensorProto  # noqa: PLC0415 - only these tests need it

    height, width = size
    kernel = np.zeros((3, 3, 2, 2), np.float32)
    kernel[range(3), range(3)] = GAIN
    nodes = [
        helper.make_node('AveragePool', ['image'], ['mean'], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node('ConvTranspose', ['mean', 'kernel'], ['scores'], strides=[2, 2]),
    ]
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, height, width])
    shape: list[str | int | None] = ['n', 3, height // OUTPUT_STRIDE, width // OUTPUT_STRIDE]
    scores = helper.make_tensor_value_info('scores', TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes, 'tiny', [image], [scores], [numpy_helper.from_array(kernel, 'kernel')]
    )
    opset = helper.make_opsetid('', 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    return bytes(model.SerializeToString())


def scene(
    size: tuple[int, int] = (90, 120), seed: int = 0
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return an image of coloured rectangles and its exact labels in the tiny taxonomy.

    Args:
        size: Height and width [px].
        seed: Chooses the rectangles.

    Returns:
        (H, W, 3) uint8 RGB and (H, W) uint8 ids.
    """
    rng = np.random.default_rng(seed)
    height, width = size
    labels = np.zeros(size, np.uint8)
    for class_id in (1, 2, 1, 2):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        labels[top : top + height // 2, left : left + width // 3] = class_id
    return TAXONOMY.colors[labels], labels


def write_folder(folder: Path, count: int) -> Path:
    """Write the scenes of the first ``count`` seeds and their classes; return the folder."""
    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for seed in range(count):
        image, labels = scene(seed=seed)
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / 'labels' / f'{seed}.png'), labels)
    (folder / 'taxonomy.yaml').write_text(yaml.safe_dump(TAXONOMY.to_dict()), encoding='utf-8')
    return folder
