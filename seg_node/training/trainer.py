# SPDX-License-Identifier: Apache-2.0
"""Lightning's trainer as a recipe wants it."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
import logging
import os
from typing import TYPE_CHECKING
import warnings

import lightning
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seg_node.training.processes import trainer_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers import Logger

    from seg_node.training.recipe import Recipe
    from seg_node.training.recipe.compute import ComputePart

CHECKPOINT = 'last.ckpt'
LOG = 'log'  # and a number: one folder per start


def is_chief(compute: ComputePart) -> bool:
    """Tell whether this process is the one that writes files and speaks to people.

    Before Lightning has started, the first process of each machine believes to be the first of
    all, unless SLURM or torchrun has started it.
    """
    elsewhere = compute.nodes > 1 and os.environ.get('NODE_RANK', '0') != '0'
    return not elsewhere and not getattr(rank_zero_only, 'rank', 0)


def make_trainer(
    recipe: Recipe, folder: Path, *, epochs: int, callbacks: Sequence[Callback]
) -> lightning.Trainer:
    """Return a trainer that keeps a checkpoint after every epoch, and logs as CSV.

    Where tensorboard is installed, its log lies beside the CSV.

    Args:
        recipe: Devices, number format, clipping.
        folder: Of the run.
        epochs: After which to end.
        callbacks: Called before the checkpoint is written, in this order.

    Raises:
        ParameterError: The recipe's devices are not here, or do not fit its batch.
    """
    checkpoint = ModelCheckpoint(
        folder, filename='last', enable_version_counter=False, save_on_train_epoch_end=True
    )
    return lightning.Trainer(
        **trainer_options(recipe.compute, recipe.schedule.batch),
        max_epochs=epochs,
        gradient_clip_val=recipe.optimizer.clip_norm,
        logger=_loggers(folder),
        callbacks=[*callbacks, LearningRateMonitor('epoch'), checkpoint],
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )


def _loggers(folder: Path) -> list[Logger]:
    version = f'{LOG}{len(list(folder.glob(f"{LOG}*")))}'
    loggers: list[Logger] = [CSVLogger(folder, name='', version=version)]
    if find_spec('tensorboard'):
        loggers.append(TensorBoardLogger(folder, name='', version=version))
    return loggers


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's advice (loggers, worker counts, its own deprecations) to itself."""
    logs = [logging.getLogger(f'lightning.{part}') for part in ('fabric', 'pytorch')]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', module=r'lightning\..*')
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
