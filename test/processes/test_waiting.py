# SPDX-License-Identifier: Apache-2.0
"""Waiting for processes that are ready, that are not, and that have more to say."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING

import pytest

from seg_node.errors import ProcessError
from seg_node.processes import await_ready, Crew, settle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seg_node.processes import Event

READY = 'print(\'{"event": "ready"}\', flush=True); input()'
COUNTING = """
import time
for number in range(5):
    print('{"event": "number", "is": %d}' % number, flush=True)
    time.sleep(0.05)
input()
"""


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """Of no process."""
    with Crew(tmp_path, os.environ) as found:
        yield found


@dataclass
class Ear:
    """Hears numbers.

    Attributes:
        last: Number that completes them; the node's counts come with the next one.
        heard: So far.
    """

    last: int
    heard: list[int] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take note of one event."""
        if event.what == 'number':
            self.heard.append(event.details['is'])

    def complete(self) -> bool:
        """Tell whether the last number is there."""
        return self.last in self.heard

    def counted(self) -> bool:
        """Tell whether the one behind it is there."""
        return self.last + 1 in self.heard


def test_all_that_are_waited_for_are_named_when_they_are_ready(crew: Crew) -> None:
    for name in ('camera', 'recorder'):
        crew.start(name, '-c', READY, may_end=True)

    assert set(await_ready(crew, {'camera', 'recorder'}, 10.0)) == {'camera', 'recorder'}


def test_one_that_does_not_get_ready_is_an_error_with_what_it_said_last(crew: Crew) -> None:
    code = 'import sys; sys.stderr.write("still loading\\n"); sys.stderr.flush(); input()'
    crew.start('recorder', '-c', code, may_end=True)
    crew.start('camera', '-c', READY, may_end=True)

    with pytest.raises(ProcessError, match=r'not active within 0\.5 s(.|\n)*still loading'):
        list(await_ready(crew, {'camera', 'recorder'}, 0.5))


def test_everything_up_to_the_counts_is_taken_note_of(crew: Crew) -> None:
    crew.start('node', '-c', COUNTING, may_end=True)
    ear = Ear(3)

    settle(crew, ear, 10.0)

    assert ear.heard == [0, 1, 2, 3, 4]


def test_what_never_comes_is_not_waited_for_any_longer(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.processes.waiting.COUNTS_PATIENCE_S', 0.2)
    ear = Ear(3)

    settle(crew, ear, 0.2)

    assert ear.heard == []
