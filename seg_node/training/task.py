# SPDX-License-Identifier: Apache-2.0
"""One training step, as Lightning calls it."""

from __future__ import annotations

from copy import deepcopy
import math
from typing import Any, TYPE_CHECKING

import lightning
import numpy as np
import torch
from torch import nn, Tensor
from torch.optim.lr_scheduler import LambdaLR

from seg_node.errors import TrainingError
from seg_node.training.averaging import WeightAverage
from seg_node.training.descent import make_optimizer, rate_factor
from seg_node.training.processes import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.model.auxiliary import AuxiliaryHeads
    from seg_node.training.recipe import Recipe
    from seg_node.training.refinement import Refinement


class SegmentationTask(lightning.LightningModule):
    """Trains a network and keeps its average, which is what is measured and exported."""

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        recipe: Recipe,
        *,
        heads: AuxiliaryHeads | None = None,
        refinement: Refinement | None = None,
        steps: int,
        names: Callable[[int], Sequence[str]] = lambda _: (),
    ) -> None:
        """Join network, loss and schedule.

        Args:
            network: Changed in place.
            loss: Of (N, K, h, w) scores and (N, h, w) labels.
            recipe: Optimiser, schedule, averaging, seed.
            heads: Score coarser levels for the loss; neither measured nor averaged.
            refinement: The CRF that learns behind the network, and is averaged like it.
            steps: Number of steps of the whole run.
            names: Samples of a step of the current epoch, for a message.
        """
        super().__init__()
        self.network = network
        self.average = WeightAverage(deepcopy(network), recipe.ema)
        self.loss = loss
        self.heads = heads
        self.refinement = refinement
        self.refined_average = (
            WeightAverage(deepcopy(refinement), recipe.ema) if refinement else None
        )
        self._recipe = recipe
        self._steps = steps
        self._names = names
        self.latest_loss = math.nan
        if recipe.crf.train == 'head':
            network.eval().requires_grad_(requires_grad=False)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make dropout a function of seed, step and process, so that a resumed run repeats it."""
        del batch, batch_idx
        entropy = [self._recipe.seed, self.global_step, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of one batch of (N, 3, H, W) uint8 images and (N, h, w) labels.

        On several processes it is the loss of all their samples together, times their number:
        the gradients, of which each process has its samples' part, are averaged and not summed.
        """
        images, labels = batch
        dtype = next(self.network.parameters()).dtype
        levels = images.to(dtype).contiguous(memory_format=torch.channels_last)
        scores = self.heads(self.network, levels) if self.heads else [self.network(levels)]
        scores = [one.to(dtype) for one in scores]  # AMP's are too coarse for a loss
        with torch.autocast(labels.device.type, enabled=False):
            loss = self._loss_of(scores, levels, gather(labels))
        self.latest_loss = float(loss.detach())
        if not math.isfinite(self.latest_loss):
            raise TrainingError(self._no_number(self.latest_loss, batch_idx))
        self.log('loss', loss, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss * self.trainer.world_size

    def _loss_of(self, scores: list[Tensor], levels: Tensor, labels: Tensor) -> Tensor:
        """Return the loss over all processes; that of the refined scores where there is a CRF."""
        factor = self._recipe.crf.scores_factor
        loss = scores[0].new_zeros(())
        if factor:
            loss = factor * self.loss([gather(one) for one in scores], labels)
        if self.refinement is not None:
            loss = loss + self.loss(gather(self.refinement(scores[0], levels)), labels)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Let the average follow."""
        del outputs, batch, batch_idx
        self.average.update(self.network)
        if self.refinement is not None and self.refined_average is not None:
            self.refined_average.update(self.refinement)

    def _no_number(self, loss: float, batch_idx: int) -> str:
        optimizer, compute = self._recipe.optimizer, self._recipe.compute
        shown = ', '.join(self._names(batch_idx)) or 'not known'
        advice = (
            f'Try a smaller optimizer.lr (now {optimizer.lr:g}) or optimizer.clip_norm (now '
            f'{optimizer.clip_norm:g}), or a longer schedule.warmup, and look at the samples with '
            'seg check-dataset.'
        )
        if compute.precision == 'fp16':
            advice = f'Set compute.precision to bf16 or fp32: fp16 ends at 65504. {advice}'
        return (
            f'The loss became {loss} in step {batch_idx + 1} of epoch {self.current_epoch + 1}, '
            f'so training has ended; the last complete epoch is kept. Samples: {shown}. {advice}'
        )

    def configure_optimizers(self) -> Any:
        """Return the optimiser and the run of its learning rate, per step."""
        optimizer = make_optimizer(self.network, self._recipe.optimizer, self.heads)
        if self.refinement is not None:
            rate = self._recipe.optimizer.lr * self._recipe.crf.lr
            group = {'params': list(self.refinement.parameters()), 'lr': rate, 'weight_decay': 0.0}
            optimizer.add_param_group(group)
        schedule = self._recipe.schedule
        scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, self._steps, schedule))
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': scheduler, 'interval': 'step'},
        }
