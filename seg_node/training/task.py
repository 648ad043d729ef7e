# SPDX-License-Identifier: Apache-2.0
"""One training step and one measurement, as Lightning calls them."""

from __future__ import annotations

from copy import deepcopy
import logging
from typing import Any, TYPE_CHECKING

import lightning
import numpy as np
import torch
from torch import nn, Tensor
from torch.optim.lr_scheduler import LambdaLR

from seg_node.training.averaging import WeightAverage
from seg_node.training.descent import make_optimizer, rate_factor

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.training.measure import Measured
    from seg_node.training.recipe import Recipe

logger = logging.getLogger(__name__)


class SegmentationTask(lightning.LightningModule):
    """Trains a network and keeps its average, which is what is measured and exported."""

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        recipe: Recipe,
        *,
        steps: int,
        measure: Callable[[nn.Module], Measured],
    ) -> None:
        """Join network, loss and schedule.

        Args:
            network: Changed in place.
            loss: Of (N, K, h, w) scores and (N, h, w) labels.
            recipe: Optimiser, schedule, averaging, seed.
            steps: Number of steps of the whole run.
            measure: Counts on held-out images.
        """
        super().__init__()
        self.network = network
        self.average = WeightAverage(deepcopy(network), recipe.ema)
        self.loss = loss
        self._recipe = recipe
        self._steps = steps
        self._measure = measure

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make dropout a function of seed and step, so that a resumed run repeats it."""
        del batch, batch_idx
        state = np.random.SeedSequence([self._recipe.seed, self.global_step]).generate_state(1)
        torch.manual_seed(int(state[0]))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of one batch of (N, 3, H, W) uint8 images and (N, h, w) labels."""
        del batch_idx
        images, labels = batch
        levels = images.float().contiguous(memory_format=torch.channels_last)
        loss: Tensor = self.loss(self.network(levels), labels)
        self.log('loss', loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Let the average follow."""
        del outputs, batch, batch_idx
        self.average.update(self.network)

    def on_train_epoch_end(self) -> None:
        """Measure the average now and then, and at the end."""
        done = self.current_epoch + 1
        schedule = self._recipe.schedule
        if done % schedule.measure_every and done != schedule.epochs:
            return
        measured = self._measure(self.average.network)
        figures = measured.figures()
        group = figures[measured.groups.name]['mean_iou']
        full = figures[measured.taxonomy.name]['mean_iou']
        self.log_dict(
            {'val_mean_iou': group, 'val_mean_iou_fine': full, 'val_ece': figures['ece']}
        )
        logger.info(
            'epoch %d: held-out mean IoU %.4f (%s), %.4f (%s), ECE %.4f',
            done,
            group,
            measured.groups.name,
            full,
            measured.taxonomy.name,
            figures['ece'],
        )

    def configure_optimizers(self) -> Any:
        """Return the optimiser and the run of its learning rate, per step."""
        optimizer = make_optimizer(self.network, self._recipe.optimizer)
        schedule = self._recipe.schedule
        scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, self._steps, schedule))
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': scheduler, 'interval': 'step'},
        }
