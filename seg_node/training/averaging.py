# SPDX-License-Identifier: Apache-2.0
"""Exponential moving average of the weights (Polyak and Juditsky, 1992, in its moving form)."""

from __future__ import annotations

import torch
from torch import nn, Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage(nn.Module):
    """Follows a network slowly; measured and exported in its place.

    Parameters are averaged with a decay that rises to its final value over the first steps, so the
    random start is soon forgotten. Buffers (batch statistics) are averaged the same way.
    """

    step: Tensor

    def __init__(self, copy: nn.Module, decay: float) -> None:
        """Average into ``copy``, which must start equal to the network.

        Args:
            copy: Owned by this object from here on.
            decay: Weight of the old value, 0 (no averaging) to below 1.
        """
        super().__init__()
        self.network = copy.eval().requires_grad_(requires_grad=False)
        self.decay = decay
        self.register_buffer('step', torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the present weights of ``network``."""
        self.step += 1
        decay = min(self.decay, (1 + int(self.step)) / (10 + int(self.step)))
        own, new = self.network.state_dict(), network.state_dict()
        smooth = [name for name, value in new.items() if value.is_floating_point()]
        # all tensors in one call: on a GPU hundreds of small ones would cost more than the step
        follow = get_ema_multi_avg_fn(decay)
        follow([own[name] for name in smooth], [new[name] for name in smooth], None)
        for name in new.keys() - set(smooth):
            own[name].copy_(new[name])
