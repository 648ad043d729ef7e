# SPDX-License-Identifier: Apache-2.0
"""The folder of a replay: what is done so far, which an interrupted run goes on from, and results.

Each task has a file of lines and a state that says how many of them count. The state is replaced
as a whole every few seconds, so that at any moment, and after a kill, both belong together.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
import json
import os
import shutil
import time
from typing import Any, IO, NamedTuple, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.evaluation.sums import Sums
from seg_node.replay.record import FrameRecord
from seg_node.replay.tally import sums_from_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    'FRAMES',
    'JOURNAL',
    'REPLAY',
    'SETUP_KEY',
    'Journal',
    'Packed',
    'Store',
    'digest_of',
    'write_whole',
    'writing',
]

REPLAY, FRAMES, JOURNAL, SETUP = 'replay.json', 'frames.jsonl', 'journal', 'setup.json'
SETUP_KEY = 'setup'
SAVED_EVERY_S = 5.0


@dataclass(slots=True)
class State:
    """How far a task is.

    Attributes:
        bytes: Length of its lines.
        frames: Lines of each camera.
        sums: Against truth, over those frames; None without truth.
        damage: What was wrong with the recording, one sentence each.
        done: Whether it is finished.
    """

    bytes: int = 0
    frames: dict[str, int] = field(default_factory=dict)
    sums: Sums | None = None
    damage: list[str] = field(default_factory=list)
    done: bool = False


class Packed(NamedTuple):
    """Lines and state of a task as their files have them."""

    lines: bytes
    state: bytes


class Journal:
    """Lines and sums of one task.

    Attributes:
        state: How far it is.
    """

    def __init__(self, stem: Path, classes: int | None) -> None:
        """Read how far the task is.

        Args:
            stem: Of its two files.
            classes: Number of classes of the sums; None without truth.
        """
        self._lines, self._file = stem.with_suffix('.jsonl'), stem.with_suffix('.json')
        self._stream: IO[bytes] | None = None
        self._saved = time.monotonic()
        self.state = _read_state(self._file, classes)
        if classes is not None and self.state.sums is None:
            self.state.sums = Sums.zero(classes)

    def clear(self) -> None:
        """Forget what was done: outputs that cannot be continued begin anew."""
        classes = None if self.state.sums is None else len(self.state.sums.confusion)
        self.state = State(sums=None if classes is None else Sums.zero(classes))

    def records(self) -> Iterator[FrameRecord]:
        """Yield the frames that are done."""
        if not self.state.bytes:
            return
        with self._lines.open('rb') as lines:
            left = self.state.bytes
            for line in lines:
                left -= len(line)
                if left < 0:
                    return
                yield FrameRecord.from_json(line.decode())

    def add(self, record: FrameRecord, sums: Sums | None) -> None:
        """Take a frame, after all those before it.

        Raises:
            ParameterError: If the disk is full.
        """
        line = f'{record.to_json()}\n'.encode()
        with writing(self._lines):
            self._opened().write(line)
        state = self.state
        state.bytes += len(line)
        state.frames[record.topic] = state.frames.get(record.topic, 0) + 1
        if sums is not None and state.sums is not None:
            state.sums.add(sums)
        if time.monotonic() - self._saved > SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        """Make everything up to here survive a kill.

        Raises:
            ParameterError: If the disk is full.
        """
        with writing(self._file):
            self._opened().flush()
            write_whole(self._file, json.dumps(_plain(self.state), separators=(',', ':')))
        self._saved = time.monotonic()

    def finish(self, damage: list[str]) -> None:
        """Note that the task is done, and what was wrong with the recording."""
        self.state.damage, self.state.done = damage, True
        self.save()
        self.close()

    def close(self) -> None:
        """Save what is there and close the file of lines."""
        if self._stream is not None:
            if not self.state.done:
                self.save()
            self._stream.close()
            self._stream = None

    def _opened(self) -> IO[bytes]:
        """Return the file of lines, cut to those that count."""
        if self._stream is None:
            self._stream = self._lines.open('ab')
            self._stream.truncate(self.state.bytes)
        return self._stream


class Store:
    """The folder of a replay."""

    def __init__(self, out: Path, classes: int | None) -> None:
        """Use a folder.

        Args:
            out: The folder; ``begin`` makes it.
            classes: Number of classes of the sums; None without truth.
        """
        self.out = out
        self._classes = classes
        self._journals = out / JOURNAL

    def finished(self, setup: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what ``replay.json`` says if this very replay was finished here.

        Args:
            setup: All that results depend on, as plain data.

        Returns:
            None if no replay was finished here.

        Raises:
            ParameterError: If another replay was, which would be overwritten in part.
        """
        file = self.out / REPLAY
        if not file.exists():
            return None
        try:
            data: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
            known = data.get(SETUP_KEY)
        except (OSError, ValueError, AttributeError):
            known = None
        if known == digest_of(setup):
            return data if (self.out / FRAMES).exists() else None
        msg = (
            f'{str(self.out)!r} holds a finished replay of other bags, labels or options. Give '
            'another folder, or remove that one to replay into it.'
        )
        raise ParameterError(msg)

    def begin(self, setup: Mapping[str, Any]) -> None:
        """Make the folder, or check that what was begun in it is the same run.

        Args:
            setup: All that results depend on, as plain data.

        Raises:
            ParameterError: If the folder holds the beginning of another run, or cannot be used.
        """
        file = self._journals / SETUP
        text = json.dumps(setup, indent=1)
        try:
            self._journals.mkdir(parents=True, exist_ok=True)
            known = file.read_text(encoding='utf-8') if file.exists() else None
            same = known == text
            if not same and self._has_work():
                msg = (
                    f'{str(self.out)!r} holds a replay that was begun with other bags or options. '
                    'Give the same ones to go on, another folder, or remove '
                    f'{str(self._journals)!r} to begin anew.'
                )
                raise ParameterError(msg)
            if not same:
                write_whole(file, text)
            (self.out / REPLAY).unlink(missing_ok=True)  # until it is true again
        except OSError as err:
            msg = f'Folder {str(self.out)!r} cannot be used: {err.strerror}. Give another one.'
            raise ParameterError(msg) from err

    def _has_work(self) -> bool:
        """Say whether a task has saved something that could be continued."""
        return any(self._journals.glob('[0-9]*.json'))

    def journal(self, task: int) -> Journal:
        """Return lines and sums of a task."""
        return Journal(self._journals / f'{task:05d}', self._classes)

    def pack(self, task: int) -> Packed:
        """Return lines and state of a task that is done, to be sent to another machine."""
        journal = self._journals / f'{task:05d}'
        return Packed(*(journal.with_suffix(kind).read_bytes() for kind in ('.jsonl', '.json')))

    def unpack(self, task: int, packed: Packed) -> None:
        """Take in lines and state of a task that was done on another machine."""
        journal = self._journals / f'{task:05d}'
        journal.with_suffix('.jsonl').write_bytes(packed.lines)
        write_whole(journal.with_suffix('.json'), packed.state.decode())

    def end(self) -> None:
        """Remove what only an interrupted run needs."""
        if self._journals.exists():
            shutil.rmtree(self._journals)


def digest_of(setup: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a setup, by which a finished replay is recognised."""
    return sha256(json.dumps(setup).encode()).hexdigest()


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Say what to do where a file cannot be written.

    Raises:
        ParameterError: Instead of any OSError.
    """
    try:
        yield
    except OSError as err:
        msg = (
            f'{str(file)!r} cannot be written: {err.strerror}. Free space; the same command goes '
            'on from what was saved.'
        )
        raise ParameterError(msg) from err


def write_whole(file: Path, text: str) -> None:
    """Replace a file, so that a reader finds the old text or the new one and nothing between."""
    fresh = file.with_name(f'{file.name}.new')
    fresh.write_text(text, encoding='utf-8')
    os.replace(fresh, file)  # noqa: PTH105 - replaces on every system


def _plain(state: State) -> dict[str, Any]:
    sums = None if state.sums is None else state.sums.to_plain()
    return {
        'bytes': state.bytes,
        'frames': state.frames,
        'sums': sums,
        'damage': state.damage,
        'done': state.done,
    }


def _read_state(file: Path, classes: int | None) -> State:
    if not file.exists():
        return State()
    plain = json.loads(file.read_text(encoding='utf-8'))
    sums = plain.pop('sums')
    if sums is None or classes is None:
        return State(**plain)
    return State(**plain, sums=sums_from_plain(sums, classes))
