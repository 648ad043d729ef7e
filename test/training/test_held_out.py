# SPDX-License-Identifier: Apache-2.0
"""What is kept and when a run ends, by held-out figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

from safetensors.torch import load_file
import torch
from torch import nn

from seg_node.training.held_out import best_weights, HeldOut, Mark
from seg_node.training.recipe import SchedulePart

if TYPE_CHECKING:
    from pathlib import Path


class Watched:
    """A run that gives one mark after the other."""

    def __init__(self, folder: Path, schedule: SchedulePart, ious: list[float]) -> None:
        """Prepare marks."""
        self.said: list[str] = []
        self.logged: dict[str, float] = {}
        self.ious = iter(ious)
        self.network = nn.Linear(1, 1)
        self.held_out = HeldOut(schedule, folder, self.measure, self.said.append)
        strategy = SimpleNamespace(broadcast=lambda value: value)
        self.trainer: Any = SimpleNamespace(
            current_epoch=0, is_global_zero=True, should_stop=False, strategy=strategy
        )

    def measure(self, network: Any) -> Any:
        """Return the next mark; the network can be called with tensors on the CPU."""
        assert network(torch.zeros(1, 1)).shape == (1, 1)
        figures = {'groups': {'mean_iou': next(self.ious)}, 'fine': {'mean_iou': 0.1}, 'ece': 0.2}
        names = {
            'groups': SimpleNamespace(name='groups'),
            'taxonomy': SimpleNamespace(name='fine'),
        }
        return SimpleNamespace(figures=lambda: figures, **names)

    def epochs(self, count: int) -> None:
        """End so many epochs."""
        average = SimpleNamespace(network=self.network)
        task: Any = SimpleNamespace(average=average, log_dict=self.logged.update)
        for _ in range(count):
            nn.init.constant_(self.network.weight, self.trainer.current_epoch + 1)
            self.held_out.on_train_epoch_end(self.trainer, task)
            self.trainer.current_epoch += 1


def test_weights_of_the_best_marks_are_kept_and_others_go(tmp_path: Path) -> None:
    schedule = SchedulePart(epochs=9, measure_every=1, keep_best=2)
    run = Watched(tmp_path, schedule, [0.5, 0.3, 0.7, 0.5, 0.6])

    run.epochs(5)

    files = {path.name: load_file(path) for path in (tmp_path / 'best').iterdir()}
    assert sorted(files) == ['epoch0003_iou0.7000.safetensors', 'epoch0005_iou0.6000.safetensors']
    assert files['epoch0003_iou0.7000.safetensors']['weight'].item() == 3
    best = best_weights(tmp_path)
    assert best == (Mark(3, 0.7), tmp_path / 'best' / 'epoch0003_iou0.7000.safetensors')
    assert run.said[2] == 'held-out mean IoU 0.7000 after epoch 3'
    assert run.logged == {'val_mean_iou': 0.6, 'val_mean_iou_fine': 0.1, 'val_ece': 0.2}


def test_the_earlier_of_two_equal_marks_is_the_best(tmp_path: Path) -> None:
    schedule = SchedulePart(epochs=9, measure_every=1, keep_best=3)
    run = Watched(tmp_path, schedule, [0.2, 0.4, 0.4])
    nothing_yet = best_weights(tmp_path)

    run.epochs(3)

    best = best_weights(tmp_path)
    assert nothing_yet is None
    assert best is not None
    assert best[0] == Mark(2, 0.4)


def test_a_run_is_measured_every_few_epochs_and_at_its_end(tmp_path: Path) -> None:
    run = Watched(tmp_path, SchedulePart(epochs=5, measure_every=2), [0.1, 0.2, 0.3])

    run.epochs(5)

    assert run.held_out.marks == [Mark(2, 0.1), Mark(4, 0.2), Mark(5, 0.3)]


def test_patience_ends_a_run_that_no_longer_gets_better(tmp_path: Path) -> None:
    schedule = SchedulePart(epochs=9, measure_every=1, patience=2)
    run = Watched(tmp_path, schedule, [0.1, 0.4, 0.3, 0.4])

    run.epochs(3)
    stopped_after_three = run.trainer.should_stop
    run.epochs(1)

    assert not stopped_after_three
    assert run.trainer.should_stop


def test_a_run_that_ended_early_does_not_go_on(tmp_path: Path) -> None:
    schedule = SchedulePart(epochs=9, measure_every=1, patience=1)
    ended = Watched(tmp_path, schedule, [0.2, 0.1])
    ended.epochs(2)
    again = Watched(tmp_path, schedule, [])

    again.held_out.load_state_dict(ended.held_out.state_dict())
    again.held_out.on_train_start(again.trainer, None)

    assert again.trainer.should_stop
    assert again.held_out.marks == [Mark(1, 0.2), Mark(2, 0.1)]


def test_without_patience_a_run_never_ends_early(tmp_path: Path) -> None:
    run = Watched(tmp_path, SchedulePart(epochs=9, measure_every=1), [0.4, 0.1, 0.1, 0.1])

    run.epochs(4)

    assert not run.trainer.should_stop
