# SPDX-License-Identifier: Apache-2.0
"""A replay that is done, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass
import json
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.replay.record import FrameRecord
from seg_node.replay.store import FRAMES, REPLAY
from seg_node.replay.summary import REPLAY_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ['Finished', 'Records', 'is_finished', 'read_finished']


@dataclass(frozen=True, slots=True)
class Records:
    """The frames of a replay, read from the file each time they are asked for."""

    file: Path

    def __iter__(self) -> Iterator[FrameRecord]:
        """Yield the frames.

        Raises:
            ParameterError: If a line is none of a replay.
        """
        try:
            with self.file.open(encoding='utf-8') as lines:
                yield from map(FrameRecord.from_json, lines)
        except (OSError, ValueError, KeyError, TypeError) as err:
            msg = f'{str(self.file)!r} cannot be read: {err}. Replay again.'
            raise ParameterError(msg) from err


@dataclass(frozen=True, slots=True)
class Finished:
    """A replay.

    Attributes:
        folder: With ``replay.json`` and ``frames.jsonl``.
        data: What ``replay.json`` says.
    """

    folder: Path
    data: dict[str, Any]

    @property
    def records(self) -> Records:
        """Its frames."""
        return Records(self.folder / FRAMES)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes that it was scored in; None without truth."""
        chosen = self.data['compared_in']
        return tuple(one['name'] for one in chosen['classes']) if chosen else None

    @property
    def truth(self) -> dict[str, Any] | None:
        """Where its truth came from; None without truth."""
        source: dict[str, Any] | None = self.data['options']['truth']
        return source

    def described(self) -> dict[str, Any]:
        """Return what ran, without figures, as plain data."""
        names = ('bundle', 'engine', 'versions', 'machine', 'options')
        return {name: self.data[name] for name in names if name in self.data}


def is_finished(folder: Path) -> bool:
    """Tell whether a path is the folder of a replay that is done."""
    return (folder / REPLAY).is_file()


def read_finished(folder: Path) -> Finished:
    """Read a replay.

    Raises:
        ParameterError: If there is none, or it is of another version.
    """
    file = folder / REPLAY
    try:
        data = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as err:
        msg = f'{str(file)!r} cannot be read: {err}. Expected the folder of a finished replay.'
        raise ParameterError(msg) from err
    if not isinstance(data, dict) or data.get('format') != REPLAY_FORMAT:
        got = data.get('format') if isinstance(data, dict) else None
        msg = f'{str(file)!r} has format {got!r}; expected {REPLAY_FORMAT}. Replay again.'
        raise ParameterError(msg)
    return Finished(folder, data)


def same_classes(a: Finished, b: Finished) -> tuple[str, ...]:
    """Return the names of the classes that two replays are compared in; none without truth.

    Raises:
        ParameterError: If they were scored in different classes, or against different truth.
    """
    if a.classes is None or b.classes is None:
        return ()
    if a.classes != b.classes:
        msg = (
            f'The two sides were scored in different classes: {", ".join(a.classes)} and '
            f'{", ".join(b.classes)}. Name classes that both can be put together to, with '
            '--taxonomy.'
        )
        raise ParameterError(msg)
    if a.truth != b.truth:
        msg = (
            f'The two sides were scored against different truth: {a.truth} and {b.truth}. '
            'Replay both with the same one.'
        )
        raise ParameterError(msg)
    return a.classes
