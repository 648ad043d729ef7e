# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation over the samples of all processes, for CPUs too.

torch's own ``SyncBatchNorm`` is for GPUs alone. With nothing else, training on several processes
could neither be used nor tested without several of them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn, Tensor

WIDE = 4  # bytes; sums of a narrower format would be too coarse
ALL_BUT_CHANNELS = (0, 2, 3)  # what statistics are taken over: samples, rows, columns


class SyncNorm(nn.BatchNorm2d):
    """A batch norm whose statistics are those of the whole batch, however it is split."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Normalise (N, C, H, W) features of this process's samples."""
        if not (self.training and distributed.is_initialized()):
            return super().forward(input)
        features = input if input.element_size() >= WIDE else input.float()
        mean, variance, count = _statistics(features)
        with torch.no_grad():
            self._follow(mean, variance * (count / (count - 1).clamp_min(1)))
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (features * scale[:, None, None] + shift[:, None, None]).to(input.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, as ``BatchNorm2d`` does."""
        counter, running = self.num_batches_tracked, (self.running_mean, self.running_var)
        if counter is None or running[0] is None or running[1] is None:
            return
        counter += 1
        share = 1 / int(counter) if self.momentum is None else self.momentum
        running[0].lerp_(mean, share)
        running[1].lerp_(variance, share)


def with_sync_norms(network: nn.Module, *, on_gpu: bool) -> nn.Module:
    """Replace every ``BatchNorm2d`` inside ``network``, in place; names and values stay.

    Args:
        network: Has batch norms inside, and is none itself.
        on_gpu: Whether to take torch's own, which is faster there.
    """
    if on_gpu:
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for name, part in network.named_children():
        if type(part) is nn.BatchNorm2d:
            setattr(network, name, _synced(part))
        else:
            with_sync_norms(part, on_gpu=False)
    return network


def _synced(norm: nn.BatchNorm2d) -> SyncNorm:
    options: dict[str, Any] = {
        'eps': norm.eps,
        'momentum': norm.momentum,
        'affine': norm.affine,
        'track_running_stats': norm.track_running_stats,
    }
    state = norm.state_dict()
    synced = SyncNorm(norm.num_features, **options)
    synced.to(next(iter(state.values()))).load_state_dict(state)  # also its type and device
    return synced.train(norm.training)


def _statistics(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and biased variance of each channel, and the number of values in it.

    Two passes, the second around the mean of all processes: no cancellation, as one process.
    """
    own = features.new_tensor(float(features.numel() // features.shape[1]))
    count = _SumOverAll.apply(own)
    mean = _SumOverAll.apply(features.sum(ALL_BUT_CHANNELS)) / count
    around = (features - mean[:, None, None]).square().sum(ALL_BUT_CHANNELS)
    return mean, _SumOverAll.apply(around) / count, count


class _SumOverAll(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        """Sum forwards."""
        del ctx
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Sum backwards."""
        del ctx
        total = gradients[0].clone().contiguous()
        distributed.all_reduce(total)
        return total
