# SPDX-License-Identifier: Apache-2.0
"""Decisions about the dense CRF that were made before, to be repeated frame by frame.

A node publishes them with each frame's stamp (``segmentation/status``), a replay writes them into
``frames.jsonl``. Time decided some of them, and time is the one thing that no replay repeats.
"""

from __future__ import annotations

from hashlib import sha256
from typing import cast, get_args, TYPE_CHECKING

from seg_node.errors import ImageError, ParameterError
from seg_node.pipeline import CrfDecision
from seg_node.recordings.reader import Recording, stamp_of
from seg_node.replay.record import FrameRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ['Decisions', 'read_decisions']

STATUS_SUFFIX = '/segmentation/status'
RECORDS = '.jsonl'
KEY = 'crf'
UNDECIDED: CrfDecision = 'off'


class Decisions:
    """What was decided about each frame, by the namespace of its camera and its stamp."""

    def __init__(self, found: Iterator[tuple[str, int, str]], source: Path) -> None:
        """Take them in.

        Args:
            found: Namespace, stamp [ns] and decision.
            source: Where they are from.

        Raises:
            ParameterError: If there are none, or one is unknown.
        """
        self._made: dict[tuple[str, int], CrfDecision] = {}
        for space, stamp_ns, decision in found:
            if decision not in get_args(CrfDecision):
                msg = (
                    f'{str(source)!r} says {decision!r} of a frame; expected one of '
                    f'{", ".join(get_args(CrfDecision))}. Is it of another version?'
                )
                raise ParameterError(msg)
            self._made.setdefault((space, stamp_ns), cast('CrfDecision', decision))
        if not self._made:
            msg = (
                f'{str(source)!r} holds no decisions; expected frames.jsonl of a replay, or a '
                f'recording with a topic that ends in {STATUS_SUFFIX}.'
            )
            raise ParameterError(msg)
        self._spaces = {space for space, _ in self._made}

    @property
    def digest(self) -> str:
        """The SHA-256 of all decisions."""
        return sha256(repr(sorted(self._made.items())).encode()).hexdigest()

    def __call__(self, topic: str, stamp_ns: int) -> CrfDecision:
        """Return what was decided about a frame; ``'off'`` if nothing was.

        Args:
            topic: Of the camera. If the decisions are of one camera, its name does not matter.
            stamp_ns: From the header [ns].
        """
        return self._made.get(self._key(topic, stamp_ns), UNDECIDED)

    def knows(self, topic: str, stamp_ns: int) -> bool:
        """Say whether something was decided about a frame."""
        return self._key(topic, stamp_ns) in self._made

    def _key(self, topic: str, stamp_ns: int) -> tuple[str, int]:
        space = next(iter(self._spaces)) if len(self._spaces) == 1 else _space(topic)
        return space, stamp_ns


def read_decisions(source: Path) -> Decisions:
    """Read decisions.

    Args:
        source: ``frames.jsonl`` of a replay, or a recording with a status topic.

    Raises:
        BagError: If the recording cannot be read.
        ParameterError: If there are no decisions in it.
    """
    found = _of_records(source) if source.suffix == RECORDS else _of_recording(source)
    return Decisions(found, source)


def _of_records(file: Path) -> Iterator[tuple[str, int, str]]:
    try:
        with file.open(encoding='utf-8') as lines:
            for line in lines:
                record = FrameRecord.from_json(line)
                if record.error is None:
                    yield _space(record.topic), record.stamp_ns, record.crf
    except (OSError, ValueError, KeyError, TypeError) as err:
        msg = f'{str(file)!r} cannot be read: {err}. Expected frames.jsonl of a replay.'
        raise ParameterError(msg) from err


def _of_recording(bag: Path) -> Iterator[tuple[str, int, str]]:
    recording = Recording(bag)
    topics = [name for name in recording.topics if f'/{name}'.endswith(STATUS_SUFFIX)]
    for found in recording.messages(topics):
        try:
            message = recording.deserialize(found)
        except ImageError:
            continue  # its frame counts as one without a decision
        values = {one.key: one.value for status in message.status for one in status.values}
        if KEY in values:
            space = found.topic.removesuffix(STATUS_SUFFIX)
            yield space, stamp_of(message, found.log_ns), values[KEY]


def _space(topic: str) -> str:
    """Return the namespace of a camera's topic."""
    return topic.removesuffix('/compressed').rpartition('/')[0]
