# SPDX-License-Identifier: Apache-2.0
"""The torch definition of the deployed graph gives what the processor's pipeline gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from agreement import agreement, camvid_frames, LIMITS, PLANES
from seg_node.bundle import open_bundle
from seg_node.engines.deployed_spec import drivable_limits
from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.torch_engine import TorchEngine
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.deployed import Deployed
from seg_node.model.inference import for_inference
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

    UInt8Array = npt.NDArray[np.uint8]


class Brightest(nn.Module):
    """The network of the tiny bundle."""

    def __init__(self) -> None:
        """Make the only weight."""
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(tiny.GAIN))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Score images as ``tiny.tiny_onnx`` does."""
        blocks = nn.functional.avg_pool2d(images, 4)
        return nn.functional.interpolate(blocks, scale_factor=2.0) * self.gain


def run(module: Deployed, images: UInt8Array) -> dict[str, Any]:
    maps = module(torch.from_numpy(images), torch.from_numpy(drivable_limits(*LIMITS)))
    return {name: tensor.numpy() for name, tensor in maps._asdict().items()}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    plain = tiny.tiny_bundle(tmp_path / 'bundle')
    return replace(plain, manifest=replace(plain.manifest, temperature=1.5))


@pytest.mark.needs_onnx
@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
@pytest.mark.parametrize(
    'size', [(48, 64), (96, 128), (30, 40), (91, 60), (50, 137), (5, 3), (2, 2)], ids=str
)
def test_every_size_of_camera_is_fitted_as_on_the_processor(
    bundle: Bundle, size: tuple[int, int], fit: Any
) -> None:
    given = replace(bundle.manifest.input, fit=fit)
    placed = replace(bundle, manifest=replace(bundle.manifest, input=given))
    image, _ = tiny.scene(size)
    network = Brightest()

    def scores(batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(batch)).numpy()

    module = Deployed(network, placed.manifest, size, PLANES)

    with FakeEngine(placed, scores) as reference:
        result = agreement(reference, [image], [run(module, image[None])])
    assert result.labels >= 0.999
    assert result.largest <= 1


@pytest.mark.needs_camvid
@pytest.mark.parametrize('size', [None, (720, 960), (400, 900)], ids=str)
def test_module_gives_what_the_processor_gives_on_real_frames(
    size: tuple[int, int] | None,
) -> None:
    images = camvid_frames(2, size)
    default = open_bundle('default')

    with TorchEngine(default) as reference:
        given = default.manifest.input
        network = for_inference(reference._network, (given.height, given.width), half=False)
        module = Deployed(network, default.manifest, images[0].shape[:2], PLANES)
        result = agreement(reference, images, [run(module, image[None]) for image in images])

    assert result.labels >= 0.999
    assert result.area >= 0.999
    assert result.largest <= 2


@pytest.mark.needs_camvid
@pytest.mark.slow
def test_module_in_half_gives_nearly_the_same_on_real_frames() -> None:
    """Torch has no fast half precision on a processor."""
    images = camvid_frames(3)
    default = open_bundle('default')

    with TorchEngine(default) as reference:
        given = default.manifest.input
        network = for_inference(reference._network, (given.height, given.width), half=True)
        module = Deployed(network, default.manifest, images[0].shape[:2], PLANES)
        result = agreement(reference, images, [run(module, image[None]) for image in images])

    assert result.close >= 0.999
    assert result.largest <= 16


@pytest.mark.needs_onnx
def test_batch_is_so_many_single_images(bundle: Bundle) -> None:
    images = np.stack([tiny.scene((90, 120), seed)[0] for seed in range(3)])
    module = Deployed(Brightest(), bundle.manifest, (90, 120), PLANES)

    together = run(module, images)

    for index in range(3):
        alone = run(module, images[index : index + 1])
        for name, array in together.items():
            np.testing.assert_array_equal(array[index], alone[name][0], err_msg=name)


@pytest.mark.parametrize(('family', 'left'), [('lite0', 0), ('erfnet', 3)])
def test_network_for_inference_computes_the_same_with_fewer_normalisations(
    family: str, left: int
) -> None:
    """The downsamplers of ERFNet normalise a convolution and a pooling together."""
    torch.manual_seed(0)
    network = build_network(NetConfig(family, 3)).eval()
    for module in network.modules():  # statistics that are not those of a fresh network
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
    batch = torch.rand(2, 3, 64, 96) * 255

    fast = for_inference(network, (64, 96), half=False)

    with torch.inference_mode():
        expected, got = network(batch), fast(batch)
    assert torch.allclose(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in fast.modules()) == left
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) > left


def test_network_in_half_has_half_weights_and_leaves_the_other_alone() -> None:
    network = build_network(NetConfig('erfnet', 3)).eval()

    fast = for_inference(network, (64, 96), half=True)

    assert {one.dtype for one in fast.parameters()} == {torch.float16}
    assert {one.dtype for one in network.parameters()} == {torch.float32}
