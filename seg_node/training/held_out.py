# SPDX-License-Identifier: Apache-2.0
"""What held-out images say during a run: the log, the best weights, and when to stop."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, TYPE_CHECKING

from lightning.pytorch.callbacks import Callback

from seg_node.model.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import lightning
    from torch import nn, Tensor

    from seg_node.training.measure import Measured
    from seg_node.training.recipe import SchedulePart
    from seg_node.training.task import SegmentationTask

BEST = 'best'  # folder in a run
_NAME = re.compile(r'epoch(?P<epoch>\d+)_iou(?P<iou>[\d.]+)\.safetensors')


class Mark(NamedTuple):
    """The held-out mean IoU after an epoch, counted from 1."""

    epoch: int
    iou: float

    @property
    def file(self) -> str:
        """Name of the weights with this mark."""
        return f'epoch{self.epoch:04d}_iou{self.iou:.4f}.safetensors'


def best_weights(folder: Path) -> tuple[Mark, Path] | None:
    """Return the best mark of a run and its weights, of equal ones the earlier; None without any.

    Args:
        folder: Of the run.
    """
    named = [_NAME.fullmatch(path.name) for path in (folder / BEST).glob('*')]
    marks = [Mark(int(name['epoch']), float(name['iou'])) for name in named if name]
    best = min(marks, key=_rank, default=None)
    return best and (best, folder / BEST / best.file)


def _rank(mark: Mark) -> tuple[float, int]:
    """Sort the better before the worse; of equal ones the earlier first."""
    return -mark.iou, mark.epoch


class HeldOut(Callback):
    """Measures the averaged weights every few epochs; on several processes the first one does.

    Keeps the weights of the best marks and ends the run when there was no better one for long.
    """

    def __init__(
        self,
        schedule: SchedulePart,
        folder: Path,
        measure: Callable[[nn.Module], Measured],
        say: Callable[[str], None],
    ) -> None:
        """Watch one run.

        Args:
            schedule: How often to measure, how much to keep, when to stop.
            folder: Of the run; the best weights go below it.
            measure: Counts on held-out images; its network takes and gives tensors on the CPU.
            say: Takes a line for people.
        """
        self._schedule, self._folder = schedule, folder / BEST
        self._measure, self._say = measure, say
        self.marks: list[Mark] = []

    @property
    def best(self) -> tuple[Mark, ...]:
        """The marks whose weights are kept, best first; of equal ones the earlier."""
        return tuple(sorted(self.marks, key=_rank)[: self._schedule.keep_best])

    @property
    def waits_in_vain(self) -> bool:
        """Whether ``patience`` measurements in a row brought no better mark."""
        if not self.marks or not self._schedule.patience:
            return False
        top = max(range(len(self.marks)), key=lambda number: self.marks[number].iou)
        return len(self.marks) - 1 - top >= self._schedule.patience

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {'marks': [list(mark) for mark in self.marks]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self.marks = [Mark(int(epoch), float(iou)) for epoch, iou in state_dict['marks']]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Do not go on with a run that had ended early."""
        del pl_module
        trainer.should_stop = trainer.should_stop or self.waits_in_vain

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: SegmentationTask) -> None:  # type: ignore[override]
        """Measure when it is time, and at the end."""
        done = trainer.current_epoch + 1
        if done % self._schedule.measure_every and done != self._schedule.epochs:
            return
        network = pl_module.average.network
        figures = self._figures(network) if trainer.is_global_zero else None
        figures = trainer.strategy.broadcast(figures)
        assert figures is not None  # noqa: S101 - the first process has sent them
        pl_module.log_dict({f'val_{name}': value for name, value in figures.items()})
        self.marks.append(Mark(done, figures['mean_iou']))
        if trainer.is_global_zero:
            self._keep(network)
        trainer.should_stop = trainer.should_stop or self.waits_in_vain

    def _figures(self, network: nn.Module) -> dict[str, float]:
        measured = self._measure(_OnCpu(network))  # type: ignore[arg-type]
        figures = measured.figures()
        group = figures[measured.groups.name]['mean_iou']
        full = figures[measured.taxonomy.name]['mean_iou']
        return {'mean_iou': group, 'mean_iou_fine': full, 'ece': figures['ece']}

    def _keep(self, network: nn.Module) -> None:
        mark, best = self.marks[-1], self.best
        self._say(f'held-out mean IoU {mark.iou:.4f} after epoch {mark.epoch}')
        self._folder.mkdir(exist_ok=True)
        if mark in best:
            save_weights(network, self._folder / mark.file)
        kept = {one.file for one in best}
        for path in self._folder.glob('epoch*_iou*.safetensors'):
            if path.name not in kept:
                path.unlink()


class _OnCpu:
    """A network wherever it is, with tensors on the CPU at both ends."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._device = next(network.parameters()).device

    def __call__(self, images: Tensor) -> Tensor:
        scores: Tensor = self._network(images.to(self._device))
        return scores.float().cpu()
