# SPDX-License-Identifier: Apache-2.0
"""Progress of loops, on a terminal and in a log."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from seg_node import progress as progress_module
from seg_node.progress import progress

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return true."""
        return True


def test_items_come_unchanged_and_stdout_stays_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter('abc'), what='spelling')) == ['a', 'b', 'c']

    assert capsys.readouterr().out == ''


def test_a_log_gets_whole_lines_and_few(capsys: pytest.CaptureFixture[str]) -> None:
    list(progress(range(1000), what='counting', unit='frame'))

    text = capsys.readouterr().err
    assert '\r' not in text
    lines = text.splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.startswith('counting: ') for line in lines)
    assert '1000/1000' in lines[-1]
    assert 'frame/s' in lines[-1]


def test_a_log_gets_a_line_every_so_often(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, 'LOG_INTERVAL_S', 0.0)

    list(progress(range(5), what='counting'))

    text = capsys.readouterr().err
    assert '\r' not in text
    assert [f'{count}/5' in text for count in range(6)] == [True] * 6


def test_a_terminal_gets_a_bar_that_rewrites_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, 'stderr', screen)

    list(progress(range(3), what='counting'))

    assert '\rcounting: ' in screen.getvalue()


def test_the_total_may_be_told_where_there_is_no_length(
    capsys: pytest.CaptureFixture[str],
) -> None:
    list(progress(iter(range(3)), what='counting', total=3))

    assert '3/3' in capsys.readouterr().err
