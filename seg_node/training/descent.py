# SPDX-License-Identifier: Apache-2.0
"""Optimisers and the run of the learning rate."""

from __future__ import annotations

import math
from typing import Any, TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from seg_node.training.recipe import OptimizerPart, SchedulePart

LONGEST_VECTOR = 1  # dimensions; norms and biases are vectors and are not decayed


def make_optimizer(
    network: nn.Module, options: OptimizerPart, heads: nn.Module | None = None
) -> torch.optim.Optimizer:
    """Return an optimiser with four groups: encoder or rest, decayed or not.

    Args:
        network: Its parameters.
        options: Method and rates.
        heads: Further parameters, none of an encoder.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    others = heads.named_parameters() if heads else ()
    for name, parameter in (*network.named_parameters(), *others):
        key = (name.startswith('encoder.'), parameter.ndim > LONGEST_VECTOR)
        groups.setdefault(key, []).append(parameter)
    settings: list[dict[str, Any]] = [
        {
            'params': parameters,
            'lr': options.lr * (options.encoder_lr if in_encoder else 1.0),
            'weight_decay': options.weight_decay if decayed else 0.0,
        }
        for (in_encoder, decayed), parameters in groups.items()
    ]
    if options.name == 'sgd':
        momentum = options.momentum
        return torch.optim.SGD(settings, options.lr, momentum=momentum, nesterov=momentum > 0)
    return torch.optim.AdamW(settings, options.lr)


def rate_factor(step: int, steps: int, options: SchedulePart) -> float:
    """Return the learning rate at a step, as a share of the largest.

    Linear warm-up over the first ``warmup`` share, then ``poly``: (1 - t)^power, or ``cosine``:
    (1 + cos(pi t)) / 2, with t running from 0 to 1 over the rest.

    Args:
        step: Number of steps already taken.
        steps: Number of steps of the whole run.
        options: Form of the curve.
    """
    rise = max(round(options.warmup * steps), 1)
    if step < rise:
        return (step + 1) / rise
    share = min((step - rise) / max(steps - rise, 1), 1.0)
    if options.decay == 'cosine':
        return (1 + math.cos(math.pi * share)) / 2
    return (1 - share) ** options.power
