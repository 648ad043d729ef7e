# SPDX-License-Identifier: Apache-2.0
"""The help of ``seg replay``."""

from __future__ import annotations

import pytest

from seg_node.cli.main import main

pytestmark = pytest.mark.needs_rosbags


def test_what_is_said_of_a_live_replay_fits_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('COLUMNS', '100')

    with pytest.raises(SystemExit):
        main(['replay', '--help'])

    live = capsys.readouterr().out.partition('\nlive:\n')[2]
    words = live.partition('--live RATE')[0].splitlines()
    assert len(words) > 1
    assert max(map(len, words)) <= 100
