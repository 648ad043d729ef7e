# SPDX-License-Identifier: Apache-2.0
"""The batch norm of several processes, here in a group of one."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import distributed, nn

from seg_node.training.sync_norm import SyncNorm, with_sync_norms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def _group(tmp_path: Path) -> Iterator[None]:
    """Make this process a group of one."""
    store = f'file://{tmp_path / "store"}'
    distributed.init_process_group('gloo', init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def network() -> nn.Module:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5, eps=1e-3, momentum=0.01))
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), inner).double()


@pytest.mark.usefixtures('_group')
@pytest.mark.parametrize('trains', [True, False])
def test_norm_over_processes_is_batch_norm(trains: bool) -> None:  # noqa: FBT001
    plain = network().train(trains)
    synced = with_sync_norms(deepcopy(plain), on_gpu=False)
    images = torch.randn(3, 3, 9, 8, dtype=torch.float64)

    for one in (plain, synced):
        one(images).pow(3).sum().backward()

    torch.testing.assert_close(dict(synced.state_dict()), dict(plain.state_dict()))
    gradients = [[parameter.grad for parameter in one.parameters()] for one in (plain, synced)]
    torch.testing.assert_close(gradients[1], gradients[0])


def test_every_norm_is_replaced_and_keeps_its_values() -> None:
    plain = network().eval()
    state = deepcopy(plain.state_dict())

    synced = with_sync_norms(plain, on_gpu=False)

    assert sum(isinstance(one, SyncNorm) for one in synced.modules()) == 2
    assert not any(type(one) is nn.BatchNorm2d for one in synced.modules())
    assert not any(one.training for one in synced.modules())
    torch.testing.assert_close(dict(synced.state_dict()), dict(state))


def test_a_gpu_gets_torchs_own() -> None:
    synced = with_sync_norms(network(), on_gpu=True)

    assert sum(type(one) is nn.SyncBatchNorm for one in synced.modules()) == 2
