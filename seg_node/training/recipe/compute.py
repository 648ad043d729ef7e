# SPDX-License-Identifier: Apache-2.0
"""What a run is computed on: the part ``compute`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ComputePart:
    """Machines, processes and number format; none of them changes what is minimised.

    Attributes:
        accelerator: ``auto`` takes a GPU of CUDA where there is one.
        precision: ``bf16`` and ``fp16`` compute the network in half the width (AMP); weights, loss
            and averages stay fp32. fp16 is for GPUs that lack bf16.
        devices: Processes on each machine, one per GPU or per share of the CPU cores. They share
            every step's samples, so ``schedule.batch`` must be a multiple of all processes.
        nodes: Machines. Start the same command on each with MASTER_ADDR, MASTER_PORT and NODE_RANK
            set, or by SLURM or torchrun.
        strategy: How processes work together; ``auto`` is ``ddp`` when there are several.
        sync_norm: Whether batch statistics are taken over the samples of all processes.
    """

    accelerator: Literal['auto', 'cpu', 'gpu'] = 'auto'
    precision: Literal['fp32', 'bf16', 'fp16'] = 'fp32'
    devices: int = 1
    nodes: int = 1
    strategy: Literal['auto', 'ddp'] = 'auto'
    sync_norm: bool = True

    @property
    def processes(self) -> int:
        """Number of processes on all machines."""
        return self.devices * self.nodes
