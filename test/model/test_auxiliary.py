# SPDX-License-Identifier: Apache-2.0
"""Heads on coarser decoder levels, which the network itself knows nothing of."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from seg_node.errors import ParameterError
from seg_node.model.auxiliary import AuxiliaryHeads
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.network import SegNet

IMAGES = torch.linspace(0, 255, 3 * 64 * 96).reshape(1, 3, 64, 96)


@pytest.mark.parametrize(
    ('family', 'sizes'),
    [
        ('lite0', [(32, 48), (8, 12), (4, 6), (2, 3)]),
        ('erfnet', [(64, 96), (16, 24), (8, 12)]),
    ],
)
def test_heads_score_every_coarser_level(family: str, sizes: list[tuple[int, int]]) -> None:
    network = build_network(NetConfig(family, 5)).eval()
    heads = AuxiliaryHeads(network, 5)

    with torch.no_grad():
        scores = heads(network, IMAGES)

    assert [tuple(one.shape) for one in scores] == [(1, 5, *size) for size in sizes]
    assert torch.equal(scores[0], network(IMAGES))


def test_heads_are_no_part_of_the_network() -> None:
    network = build_network(NetConfig('lite0', 5))
    before = deepcopy(network.state_dict())

    heads = AuxiliaryHeads(network, 5)

    after = network.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not {id(one) for one in heads.parameters()} & {id(one) for one in network.parameters()}


def test_gradient_of_an_auxiliary_score_reaches_the_encoder_past_the_finer_levels() -> None:
    network = build_network(NetConfig('lite0', 5))
    heads = AuxiliaryHeads(network, 5)

    heads(network, IMAGES.expand(2, -1, -1, -1))[-1].sum().backward()

    assert all(one.grad is not None for one in heads.heads[0].parameters())
    assert any(one.grad is not None for one in network.encoder.parameters())
    assert all(one.grad is None for one in network.decoder.head.parameters())  # type: ignore[union-attr]


def test_decoder_without_levels_is_refused() -> None:
    decoder = nn.ConvTranspose2d(3, 5, 2)
    decoder.output_stride = 1  # type: ignore[assignment]
    network = SegNet(nn.Identity(), decoder, mean=(0, 0, 0), std=(1, 1, 1))

    with pytest.raises(ParameterError, match=r'Set loss\.auxiliary to 0'):
        AuxiliaryHeads(network, 5)
