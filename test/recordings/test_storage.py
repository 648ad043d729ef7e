# SPDX-License-Identifier: Apache-2.0
"""Reading of one storage file that fails, or is given up, on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, TYPE_CHECKING

import pytest

from bags import write_recording
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs_rosbags

TOPICS = [f'/eye{index}' for index in range(4)]
FOREVER_NS = 2**63 - 1


def written(folder: Path, storage: str) -> Path:
    """Write four cameras that are recorded at the same time; return the storage file."""
    bag = write_recording(folder, {one: [(7, scene()[0])] for one in TOPICS}, storage=storage)
    return next(file for file in bag.iterdir() if file.suffix in {'.mcap', '.db3'})


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_salvage_goes_on_at_the_time_at_which_reading_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    """Messages of one time on several topics come once each, before and after the failure."""
    from rosbags.rosbag2 import Reader  # noqa: PLC0415  # not everywhere

    from seg_node.recordings.storage import messages_of  # noqa: PLC0415

    whole = Reader.messages

    def failing(*args: Any) -> Iterator[Any]:
        found = whole(*args)
        yield from (next(found), next(found))
        raise ValueError

    monkeypatch.setattr(Reader, 'messages', failing)
    damage: list[str] = []
    file = written(tmp_path / 'drive', storage)

    found = messages_of(file, TOPICS, damage.append, 0, FOREVER_NS)

    assert sorted(one.topic for one in found) == TOPICS


def test_reading_that_is_given_up_in_another_thread_is_no_damage(tmp_path: Path) -> None:
    """SQLite refuses to be closed by a thread that did not open it."""
    from seg_node.recordings.storage import messages_of  # noqa: PLC0415  # needs rosbags

    damage: list[str] = []
    found = messages_of(
        written(tmp_path / 'drive', 'sqlite3'), TOPICS, damage.append, 0, FOREVER_NS
    )
    with ThreadPoolExecutor(1) as other:
        other.submit(next, found).result()

    found.close()

    assert damage == []
