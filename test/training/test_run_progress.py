# SPDX-License-Identifier: Apache-2.0
"""The bar over a whole run, and its end in time."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

from seg_node import progress as progress_module
from seg_node.training.run_progress import RunBar, TimeLimit

if TYPE_CHECKING:
    import pytest


class Clock:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the real one."""
        self.now = 100.0
        monkeypatch.setattr(time, 'monotonic', lambda: self.now)


def trainer(epoch: int = 0) -> Any:
    strategy = SimpleNamespace(broadcast=lambda value: value)
    return SimpleNamespace(
        current_epoch=epoch, should_stop=False, strategy=strategy, is_global_zero=True
    )


def test_a_command_ends_after_the_last_epoch_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, run = Clock(monkeypatch), trainer()
    limit = TimeLimit(60.0, started=100.0)
    clock.now = 110.0
    limit.on_train_start(run, None)

    stops = []
    for seconds in (15, 10, 10):  # ends at 125, 135, 145: one more of 15 s would end at 160
        clock.now += seconds
        limit.on_train_epoch_end(run, None)
        stops.append(run.should_stop)

    assert stops == [False, False, False]
    clock.now += 1
    limit.on_train_epoch_end(run, None)
    assert run.should_stop
    assert limit.is_up


def test_a_bundle_is_made_where_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, run = Clock(monkeypatch), trainer()
    limit = TimeLimit(100.0, started=100.0)
    clock.now = 190.0

    assert limit.leaves_time_to_finish  # nothing was trained: the last command was too late for it
    limit.on_train_start(run, None)
    clock.now = 191.0
    limit.on_train_epoch_end(run, None)

    assert not limit.leaves_time_to_finish


def test_bar_counts_images_of_the_whole_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(progress_module, 'LONG_LOG_INTERVAL_S', 0.0)
    bar, run = RunBar([8, 8, 12], batch=4), trainer(epoch=2)
    task: Any = SimpleNamespace(latest_loss=0.25)

    bar.on_train_start(run, task)
    clock.now += 6.0
    bar.on_train_batch_end(run, task, None, None, 0)
    bar.say('held-out mean IoU 0.5000 after epoch 3')
    bar.on_train_end(run, task)

    lines = capsys.readouterr().err.splitlines()
    assert '16/28 images' in lines[0]
    assert '20/28 images' in lines[1]
    assert 'epoch 3/3, step 1/3, loss 0.250, 1.500 s/image' in lines[1]
    assert 'held-out mean IoU 0.5000 after epoch 3' in lines


def test_other_processes_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    bar, run = RunBar([8], batch=4), trainer()
    run.is_global_zero = False

    bar.on_train_start(run, None)
    bar.on_train_batch_end(run, None, None, None, 0)  # type: ignore[arg-type]
    bar.on_train_end(run, None)

    assert capsys.readouterr().err == ''
