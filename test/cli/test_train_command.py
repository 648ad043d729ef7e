# SPDX-License-Identifier: Apache-2.0
"""What ``seg train`` says, and what it leaves to the next command."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from seg_node.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.training.run_progress import TimeLimit

pytestmark = pytest.mark.needs_lightning


class Training:
    """Takes the place of training: keeps what was asked for and says how far it came."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, epochs: int, ended: bool) -> None:
        """Stand in for ``train``."""
        self.epochs, self.ended = epochs, ended
        monkeypatch.setattr('seg_node.training.run.train', self)

    def __call__(
        self, recipe: Any, folder: Path, *, until: int | None, limit: TimeLimit | None
    ) -> Any:
        """Pretend to have used up all the time."""
        from seg_node.training.held_out import Mark  # noqa: PLC0415 - lightning may be absent
        from seg_node.training.run import Trained  # noqa: PLC0415

        self.recipe, self.folder, self.until = recipe, folder, until
        if limit:
            limit._longest = limit._end = 1.0
        marks = (Mark(2, 0.5), Mark(4, 0.25))
        return Trained(None, self.epochs, self.ended, marks)  # type: ignore[arg-type]


def test_command_out_of_time_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training = Training(monkeypatch, epochs=4, ended=False)

    status = main(['train', 'smoke', '--minutes', '8', '--run', str(tmp_path), 'seed=7'])

    out, err = capsys.readouterr()
    assert status == 0
    assert out == f'{tmp_path}\n'
    assert training.recipe.seed == 7
    assert err.splitlines() == [
        '4 of 18 epochs are trained.',
        'held-out mean IoU: 0.2500 after epoch 4, at best 0.5000 after epoch 2',
        f'run: {tmp_path} (checkpoint, best weights, recipe)',
        'The same command goes on.',
    ]


def test_bundle_is_left_to_the_next_command_where_no_time_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Training(monkeypatch, epochs=9, ended=True)

    main(['train', 'smoke', 'schedule.epochs=40', '--run', str(tmp_path), '--minutes', '8'])

    err = capsys.readouterr().err.splitlines()
    assert err[0] == '9 of 40 epochs are trained, ended early.'
    assert err[-1] == 'The same command writes the bundle.'


def test_runs_have_folders_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    training = Training(monkeypatch, epochs=1, ended=False)

    main(['train', 'fold', 'fold=0006R0', '--until', '1'])

    assert str(training.folder) == 'runs/fold-0006R0'
    assert training.until == 1
    assert capsys.readouterr().out == 'runs/fold-0006R0\n'
