# SPDX-License-Identifier: Apache-2.0
"""Engines are taken from folders that only this user or root could have filled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from seg_node.engines.private_folder import check_private
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

SOMEBODY_ELSE = 4711


def test_own_folder_and_one_that_is_not_there_yet_are_fine(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    check_private(tmp_path, 'PLACE')
    check_private(tmp_path / 'later', 'PLACE')


@pytest.mark.parametrize('mode', [0o770, 0o707, 0o1777])
def test_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(EngineError, match=f'mode {mode:o}.* choose another folder with PLACE'):
        check_private(tmp_path, 'PLACE')


def test_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to whoever runs the tests, or to user 1; the process is somebody else."""
    tmp_path.chmod(0o700)
    if os.getuid() == 0:
        os.chown(tmp_path, 1, 1)
    monkeypatch.setattr(os, 'geteuid', lambda: SOMEBODY_ELSE)

    with pytest.raises(EngineError, match=f'owner {tmp_path.stat().st_uid}, mode 700'):
        check_private(tmp_path, 'PLACE')
