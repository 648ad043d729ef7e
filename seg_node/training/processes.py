# SPDX-License-Identifier: Apache-2.0
"""Several processes that together do what one would do.

Each takes its part of every step's samples; the loss is that of all samples of the step. So a loss
may be anything, also a ratio of sums over the batch, which a mean of the processes' own losses
would get wrong: a class-weighted mean, Dice, Lovász, the hardest pixels.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TYPE_CHECKING

from lightning.pytorch.strategies import DDPStrategy
import torch
from torch import distributed, Tensor
from torch.utils.data import Sampler

from seg_node.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.training.recipe.compute import ComputePart
    from seg_node.training.samples.samples import Draw, DrawSampler

LONGEST_WAIT = timedelta(days=1)
PRECISIONS = {'fp32': '32-true', 'bf16': 'bf16-mixed', 'fp16': '16-mixed'}


class RankShare(Sampler['Draw']):
    """The draws of one process: of every batch the same part, without the rest of the epoch."""

    def __init__(self, order: DrawSampler, *, batch: int, rank: int = 0, world: int = 1) -> None:
        """Take a part of ``order``.

        Args:
            order: All draws of the epoch.
            batch: Samples of a step over all processes; a multiple of ``world``.
            rank: Number of this process, from 0.
            world: Number of processes.
        """
        self._order, self._batch = order, batch
        self._own = batch // world
        self._first = rank * self._own

    def __len__(self) -> int:
        """Return the number of draws of this process."""
        return len(self._order) // self._batch * self._own

    def __iter__(self) -> Iterator[Draw]:
        """Yield this process's part of one batch after the other."""
        draws = list(self._order)
        for start in range(0, len(draws) - self._batch + 1, self._batch):
            first = start + self._first
            yield from draws[first : first + self._own]


def steps_of_epochs(order: DrawSampler, *, epochs: int, batch: int) -> list[int]:
    """Return the number of steps of each epoch; what does not fill a batch is left out.

    Args:
        order: All draws of an epoch.
        epochs: Number of epochs.
        batch: Samples of a step over all processes.

    Raises:
        DatasetError: An epoch has no step.
    """
    draws = [order.draws_in(epoch) for epoch in range(epochs)]
    if min(draws) < batch:
        msg = (
            f'Epoch {draws.index(min(draws)) + 1} has {min(draws)} samples, less than the batch '
            f'of {batch}, so nothing would be trained on. Set schedule.batch to {min(draws)} or '
            'less, or per_epoch of a data set to more, which takes its samples repeatedly.'
        )
        raise DatasetError(msg)
    return [count // batch for count in draws]


def gather(own: Tensor) -> Tensor:
    """Return the rows of all processes, (world * N, ...); gradients flow into ``own`` alone.

    Args:
        own: (N, ...), of the same shape in every process.
    """
    if not distributed.is_initialized():
        return own
    rank, world = distributed.get_rank(), distributed.get_world_size()
    parts = [own.new_empty(own.shape) for _ in range(world)]
    distributed.all_gather(parts, own.detach().contiguous())
    parts[rank] = own
    return torch.cat(parts)


def gpu_count() -> int:
    """Return the number of GPUs that torch can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def takes_gpu(options: ComputePart) -> bool:
    """Tell whether a run computes on GPUs."""
    return options.accelerator == 'gpu' or (options.accelerator == 'auto' and gpu_count() > 0)


def trainer_options(options: ComputePart, batch: int) -> dict[str, Any]:
    """Return the arguments of Lightning's trainer.

    Raises:
        ParameterError: The machine lacks the GPUs, or the batch cannot be shared evenly.
    """
    gpus, on_gpu = gpu_count(), takes_gpu(options)
    if on_gpu and gpus < options.devices:
        msg = (
            f'The recipe asks for {options.devices} GPU(s), and torch {torch.__version__} sees '
            f'{gpus}. Ask for as many with compute.devices=N, or set compute.accelerator=cpu.'
        )
        raise ParameterError(msg)
    if min(options.devices, options.nodes) < 1 or batch % options.processes:
        msg = (
            f'schedule.batch is {batch} samples per step over {options.devices} device(s) on '
            f'{options.nodes} node(s); expected a multiple of {max(options.processes, 1)}.'
        )
        raise ParameterError(msg)
    # The others wait while the first process measures, on large sets for more than half an hour.
    # One that fails is noticed all the same: its connections close, and Lightning ends the rest.
    together = DDPStrategy(timeout=LONGEST_WAIT)
    spreads = options.processes > 1 or options.strategy == 'ddp'
    return {
        'accelerator': 'gpu' if on_gpu else 'cpu',
        'devices': options.devices,
        'num_nodes': options.nodes,
        'strategy': together if spreads else 'auto',
        'precision': PRECISIONS[options.precision],
        'benchmark': on_gpu,
    }
