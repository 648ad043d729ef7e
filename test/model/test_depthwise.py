# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions equal torch's own, also where bfloat16 has a path of its own."""

from __future__ import annotations

import pytest
import torch
from torch import nn, Tensor

from seg_node.model.depthwise import DepthwiseConv

BFLOAT16_STEP = 2.0**-8


@pytest.fixture(params=[(3, 1), (5, 2)], ids=['3x3', '5x5, stride 2'])
def filters(request: pytest.FixtureRequest) -> DepthwiseConv:
    torch.manual_seed(0)
    kernel, stride = request.param
    return DepthwiseConv(6, kernel=kernel, stride=stride)


def like_torch(filters: DepthwiseConv) -> nn.Conv2d:
    kernel, stride = filters.kernel_size[0], filters.stride[0]
    plain = nn.Conv2d(6, 6, kernel, stride, padding=kernel // 2, groups=6, bias=False)
    plain.load_state_dict(filters.state_dict())
    return plain


def gradients(module: nn.Module, features: Tensor, *, bfloat16: bool) -> tuple[Tensor, ...]:
    features = features.clone().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
        filtered = module(features)
    filtered.float().square().sum().backward()
    (weight,) = module.parameters()
    assert features.grad is not None
    assert weight.grad is not None
    return filtered.detach().float(), features.grad, weight.grad


def test_equals_torch_in_single_precision(filters: DepthwiseConv) -> None:
    features = torch.randn(2, 6, 9, 11)
    found = gradients(filters, features, bfloat16=False)
    expected = gradients(like_torch(filters), features, bfloat16=False)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_gradients_under_bfloat16_are_those_of_single_precision(filters: DepthwiseConv) -> None:
    features = torch.randn(2, 6, 9, 11).bfloat16().float()
    found = gradients(filters, features, bfloat16=True)
    expected = gradients(like_torch(filters), features, bfloat16=False)
    for one, other in zip(found, expected, strict=True):
        assert torch.linalg.norm(one - other) < 2 * BFLOAT16_STEP * torch.linalg.norm(other)
        assert not torch.equal(one, other)


def test_bfloat16_leaves_out_gradients_that_nobody_wants() -> None:
    filters = DepthwiseConv(4, kernel=3, stride=1).requires_grad_(requires_grad=False)
    features = torch.randn(1, 4, 5, 5, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        filters(features).float().sum().backward()
    assert features.grad is not None
    assert filters.weight.grad is None
