# SPDX-License-Identifier: Apache-2.0
"""The run of the learning rate, parameter groups and the average."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from seg_node.training.averaging import WeightAverage
from seg_node.training.descent import make_optimizer, rate_factor
from seg_node.training.recipe import OptimizerPart, SchedulePart

POLY = SchedulePart(warmup=0.1, decay='poly', power=1.0)
COSINE = SchedulePart(warmup=0.1, decay='cosine')


class Parts(nn.Module):
    """An encoder and a decoder of one layer each."""

    def __init__(self) -> None:
        """Make both."""
        super().__init__()
        self.encoder = nn.Conv2d(3, 2, 1)
        self.decoder = nn.Conv2d(2, 2, 1)


@pytest.mark.parametrize('options', [POLY, COSINE], ids=['poly', 'cosine'])
def test_rate_rises_to_its_largest_and_falls_to_zero(options: SchedulePart) -> None:
    factors = [rate_factor(step, 100, options) for step in range(101)]

    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == pytest.approx(1.0)
    assert factors[55] == pytest.approx(0.5)
    assert factors[100] == pytest.approx(0.0)
    assert factors[10:] == sorted(factors[10:], reverse=True)


@pytest.mark.parametrize('name', ['adamw', 'sgd'])
def test_encoder_learns_slower_and_vectors_do_not_decay(name: str) -> None:
    options = OptimizerPart(name=name, lr=1.0, encoder_lr=0.25, weight_decay=0.5)  # type: ignore[arg-type]

    groups = make_optimizer(Parts(), options).param_groups

    assert {
        (group['params'][0].shape[0], group['params'][0].ndim, group['lr'], group['weight_decay'])
        for group in groups
    } == {(2, 4, 0.25, 0.5), (2, 1, 0.25, 0.0), (2, 4, 1.0, 0.5), (2, 1, 1.0, 0.0)}


def test_descent_without_momentum_can_be_had() -> None:
    optimizer = make_optimizer(Parts(), OptimizerPart(name='sgd', momentum=0.0))

    assert not optimizer.defaults['nesterov']


def test_average_follows_with_a_decay_that_rises() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(deepcopy(network), decay=0.25)
    nn.init.ones_(network.weight)

    values = []
    for _ in range(3):
        average.update(network)
        values.append(float(average.network.state_dict()['weight']))

    # decays 2/11, 3/12, then 0.25
    expected = [1 - 2 / 11, 1 - 2 / 11 * 0.25, 1 - 2 / 11 * 0.25**2]
    assert values == pytest.approx(expected)


def test_average_of_nothing_is_the_network_itself() -> None:
    network = nn.BatchNorm2d(2)
    average = WeightAverage(deepcopy(network), decay=0.0)

    network(torch.randn(4, 2, 3, 3))
    average.update(network)

    state = average.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
