# SPDX-License-Identifier: Apache-2.0
"""Shapes, size and last layer of both families."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from seg_node.errors import BundleError
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig

if TYPE_CHECKING:
    from seg_node.model.network import SegNet

LARGEST_STRIDE = 4
MOST_PARAMETERS = 5_000_000

OURS = ('erfnet', 'lite0')  # test_segformer.py has the others


def network_of(family: str, classes: int = 5) -> SegNet:
    return build_network(NetConfig(family, classes)).eval()


@pytest.mark.parametrize('family', OURS)
@pytest.mark.parametrize('size', [(64, 96), (72, 104), (61, 83), (33, 40)], ids=str)
def test_scores_cover_the_image_at_the_output_stride(family: str, size: tuple[int, int]) -> None:
    network = network_of(family)

    with torch.no_grad():
        scores = network(torch.zeros(2, 3, *size))

    stride = network.output_stride
    assert scores.shape == (2, 5, -(-size[0] // stride), -(-size[1] // stride))


@pytest.mark.parametrize('family', OURS)
def test_network_stays_under_5_million_parameters(family: str) -> None:
    network = network_of(family, classes=19)

    assert sum(one.numel() for one in network.parameters()) < MOST_PARAMETERS


@pytest.mark.parametrize('family', OURS)
def test_last_learned_layer_is_a_transposed_convolution_with_one_filter_per_class(
    family: str,
) -> None:
    ran: list[nn.Module] = []
    network = network_of(family)
    for module in network.modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_hook(lambda module, _inputs, _output: ran.append(module))

    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))

    last = ran[-1]
    assert isinstance(last, nn.ConvTranspose2d)
    assert last.out_channels == 5
    assert max(last.stride) <= LARGEST_STRIDE
    assert network.output_stride <= LARGEST_STRIDE


@pytest.mark.parametrize('family', OURS)
def test_network_normalises_by_itself(family: str) -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    torch.manual_seed(0)
    plain = build_network(NetConfig(family, 3, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))).eval()
    own = build_network(NetConfig(family, 3, mean, std)).eval()
    own.load_state_dict(plain.state_dict())
    levels = torch.rand(1, 3, 32, 32) * 255

    with torch.no_grad():
        expected = plain(
            (levels - torch.tensor(mean).reshape(3, 1, 1)) / torch.tensor(std).reshape(3, 1, 1)
        )
        got = own(levels)

    assert torch.allclose(got, expected, atol=1e-5)


def test_erfnet_has_the_parameters_of_its_publication() -> None:
    network = network_of('erfnet', classes=20)

    names = set(network.state_dict())
    assert sum(one.numel() for one in network.parameters()) == erfnet_parameters(20)
    assert {
        'encoder.initial_block.conv.weight',
        'encoder.layers.0.conv.weight',
        'encoder.layers.6.bn.running_mean',
        'encoder.layers.14.conv1x3_2.bias',
        'decoder.layers.0.conv.weight',
        'decoder.layers.5.bn2.weight',
        'decoder.output_conv.weight',
    } <= names


def erfnet_parameters(classes: int) -> int:
    """Count by hand from table I of the paper."""
    count = conv(3, 13, 9) + 2 * 16
    count += conv(16, 48, 9) + 2 * 64
    count += 5 * non_bottleneck(64)
    count += conv(64, 64, 9) + 2 * 128
    count += 8 * non_bottleneck(128)
    count += conv(128, 64, 9) + 2 * 64 + 2 * non_bottleneck(64)
    count += conv(64, 16, 9) + 2 * 16 + 2 * non_bottleneck(16)
    return count + conv(16, classes, 4)


def conv(inputs: int, outputs: int, area: int) -> int:
    return inputs * outputs * area + outputs


def non_bottleneck(width: int) -> int:
    return 4 * conv(width, width, 3) + 2 * 2 * width


def test_dilations_of_erfnet_are_those_of_the_paper() -> None:
    network = network_of('erfnet')

    dilations = [
        module.dilation[0]
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and name.endswith('conv3x1_2')
    ]

    assert dilations == [1] * 5 + [2, 4, 8, 16] * 2 + [1] * 4


def test_frozen_blocks_keep_weights_and_statistics_in_training() -> None:
    network = network_of('lite0')
    network.encoder.freeze(1)  # type: ignore[operator]
    before = {name: value.clone() for name, value in network.state_dict().items()}

    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network.train()(torch.rand(2, 3, 64, 64) * 255).square().mean().backward()
    optimizer.step()

    after = network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = ('encoder._conv_stem.', 'encoder._bn0.', 'encoder._blocks.0.')
    assert changed
    assert not [name for name in changed if name.startswith(frozen)]
    assert any(name.startswith('encoder._blocks.1.') for name in changed)


def test_freezing_more_blocks_than_there_are_is_an_error() -> None:
    with pytest.raises(BundleError, match='cannot be frozen'):
        network_of('lite0').encoder.freeze(99)  # type: ignore[operator]


@pytest.mark.parametrize('size', [(64, 96), (61, 83)], ids=str)
def test_finer_features_leave_the_score_grid_as_it_is(size: tuple[int, int]) -> None:
    network = build_network(NetConfig('lite0', 5, finest_stride=2)).eval()

    with torch.no_grad():
        scores = network(torch.zeros(2, 3, *size))

    assert scores.shape == (2, 5, -(-size[0] // 2), -(-size[1] // 2))


def test_finer_features_keep_the_names_of_all_coarser_parts() -> None:
    coarse, fine = (
        build_network(NetConfig('lite0', 5, finest_stride=stride)).state_dict()
        for stride in (4, 2)
    )

    other = {name for name in coarse if fine[name].shape != coarse[name].shape}

    assert other == {'decoder.head.weight'}
