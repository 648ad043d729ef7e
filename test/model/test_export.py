# SPDX-License-Identifier: Apache-2.0
"""What is exported computes what was trained, or is not written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from seg_node.engines.torch_engine import TorchEngine
from seg_node.errors import ExportError
from seg_node.model.build import build_network, skip_network_parts
from seg_node.model.config import NetConfig
from seg_node.model.encoder import Stage
from seg_node.model.export import check_parity, export_bundle, export_onnx
from seg_node.model.network import SegNet
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

HEIGHT, WIDTH = 44, 60  # no multiples of 32: the decoder must resize unevenly
WEIGHTED = {'Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization'}


def small_network(seed: int = 0) -> SegNet:
    """Return a network of the default family, thinned out."""
    torch.manual_seed(seed)
    stages = tuple(
        Stage(blocks=1, kernel=3, stride=stride, expansion=2, channels=8) for stride in (1, 2, 2)
    )
    encoder, decoder = skip_network_parts(3, stem=8, stages=stages, widths={4: 8, 8: 12})
    network = SegNet(encoder, decoder, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
    for module in network.modules():  # statistics that are not those of a fresh network
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def images(count: int) -> list[npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, (1, 3, HEIGHT, WIDTH)).astype(np.float32) for _ in range(count)]


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[SegNet, Path]:
    network, path = small_network(), tmp_path_factory.mktemp('onnx') / 'model.onnx'
    export_onnx(network, path, (HEIGHT, WIDTH))
    return network, path


@pytest.mark.parametrize('count', [1, 3, 7])
def test_onnx_computes_the_scores_of_torch_for_any_batch(
    exported: tuple[SegNet, Path], count: int
) -> None:
    network, path = exported
    batch = np.concatenate(images(count))

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    (scores,) = session.run(['scores'], {'image': batch})

    with torch.no_grad():
        expected = network(torch.from_numpy(batch)).numpy()
    assert scores.shape == (count, 3, HEIGHT // 2, WIDTH // 2)
    assert np.allclose(scores, expected, atol=1e-4)


def test_last_onnx_node_with_weights_is_a_transposed_convolution(
    exported: tuple[SegNet, Path],
) -> None:
    graph = onnx.load(exported[1]).graph
    constants = {one.name: list(one.dims) for one in graph.initializer}

    last = [node for node in graph.node if node.op_type in WEIGHTED][-1]

    assert last.op_type == 'ConvTranspose'
    assert constants[last.input[1]][1] == 3
    assert max(onnx.helper.get_node_attr_value(last, 'strides')) <= 4
    assert list(graph.node)[-1] == last


def test_onnx_tells_nothing_about_the_machine_it_was_made_on(
    exported: tuple[SegNet, Path],
) -> None:
    content = exported[1].read_bytes()

    assert b'.py' not in content
    assert b'/home' not in content


def test_bundle_runs_on_torch_as_on_onnxruntime(tmp_path: Path) -> None:
    bundle = erfnet_bundle(tmp_path)
    batch = images(1)[0]

    with TorchEngine(bundle) as engine:
        scores = engine.infer(batch)

    session = onnxruntime.InferenceSession(
        str(bundle.onnx_path), providers=['CPUExecutionProvider']
    )
    (expected,) = session.run(['scores'], {'image': batch})
    assert np.allclose(scores, expected, atol=1e-4)
    assert bundle.manifest.quality['export']['equal_labels'] >= 0.9999


def erfnet_bundle(folder: Path) -> Bundle:
    config = NetConfig('erfnet', 3)
    torch.manual_seed(0)
    manifest = replace(tiny.tiny_manifest((HEIGHT, WIDTH)), architecture=config.to_dict())
    return export_bundle(build_network(config), manifest, folder / 'bundle', images(2))


def test_export_is_refused_when_it_computes_something_else(
    exported: tuple[SegNet, Path],
) -> None:
    other = small_network(seed=1)

    with pytest.raises(ExportError, match='No bundle was written'):
        check_parity(other, exported[1], images(1))


def test_parity_is_refused_without_images(exported: tuple[SegNet, Path]) -> None:
    with pytest.raises(ExportError, match='at least one image'):
        check_parity(*exported, [])
