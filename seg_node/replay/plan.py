# SPDX-License-Identifier: Apache-2.0
"""Which bags, cameras and stretches of time a replay is made of.

The plan depends on the recordings and the options alone, never on the number of processes, so that
any number of them gives the same results.
"""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from seg_node.errors import BagError
from seg_node.recordings.files import is_packed
from seg_node.recordings.reader import camera_topic, camera_topics, image_topics, Recording
from seg_node.recordings.storage import FOREVER_NS
from seg_node.replay.truth import FolderTruth, label_topic, truth_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seg_node.replay.options import ReplayOptions, TruthSource

__all__ = ['Bag', 'Plan', 'Task', 'plan']

SECOND_NS = 1_000_000_000
LONGEST_NS, SHORTEST_NS = 60 * SECOND_NS, 5 * SECOND_NS
ROOT = 'root'  # of the file system, which has no name
FEWEST_PARTS = 16  # of all bags together, so that processes end at about the same time
EVENLY = 4  # processes that share the parts of a bag without a rest, once there are twice as many


@dataclass(frozen=True, slots=True)
class Bag:
    """A recording and what of it is replayed.

    Attributes:
        path: A folder or a single file.
        name: Unique in the run.
        cameras: Topics that are replayed, in sorted order.
        frames: How many images each of them announces.
        span: When it begins and when it has ended [ns].
        size: Bytes of its files.
        images: All topics that carry pictures, labels too.
        damage: What is wrong with it as far as opening it tells.
        in_one: Whether it has to be read from its start: it is damaged, or packed as a file.
    """

    path: Path
    name: str
    cameras: tuple[str, ...]
    frames: tuple[int, ...]
    span: tuple[int, int]
    size: int
    images: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    in_one: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does at a time.

    Attributes:
        number: Position in the plan.
        bag: Position of its bag in the plan.
        cameras: Topics.
        span: Frames recorded at or after the first and before the second time [ns].
        frames: About how many there are.
    """

    number: int
    bag: int
    cameras: tuple[str, ...]
    span: tuple[int, int]
    frames: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done.

    Attributes:
        bags: In the order in which they were given.
        tasks: By bag, then camera, then time.
    """

    bags: tuple[Bag, ...]
    tasks: tuple[Task, ...]

    @property
    def frames(self) -> int:
        """About how many frames there are."""
        return sum(sum(bag.frames) for bag in self.bags)


def plan(paths: Sequence[Path], options: ReplayOptions) -> Plan:
    """Open the recordings, choose cameras, and cut the work into tasks.

    Args:
        paths: Recordings: folders or single files.
        options: What is asked.

    Raises:
        BagError: If a recording cannot be read, its cameras have to be named, or a topic that is
            named is in none of them.
        ParameterError: If a folder of the truth holds no labels of the frames.
    """
    recordings = [Recording(path) for path in paths]
    _check_named(recordings, options)
    names = _unique(_name(path) for path in paths)
    bags = tuple(_bag(one, name, options) for one, name in zip(recordings, names, strict=True))
    _check_mounted(bags, options)
    if options.truth is not None:
        _check_truth(bags, options.truth)
    return Plan(bags, tuple(_tasks(bags, options)))


def _check_named(recordings: Sequence[Recording], options: ReplayOptions) -> None:
    """Refuse topics that are in no recording: who misspells one must not get half a result."""
    images = {topic for one in recordings for topic in image_topics(one)}
    missing = [topic for topic in options.topics if topic not in images]
    if missing:
        msg = (
            f'No recording has an image topic {" or ".join(map(repr, missing))}; those with '
            f'images are: {", ".join(sorted(images)) or "none"}.'
        )
        raise BagError(msg)


def _check_mounted(bags: Sequence[Bag], options: ReplayOptions) -> None:
    """Refuse a mounting of a camera that is not replayed: a misspelt topic must show."""
    cameras = {topic for bag in bags for topic in bag.cameras}
    strange = [one.topic for one in options.mountings if one.topic and one.topic not in cameras]
    if strange:
        msg = (
            f'A rotation or own-vehicle mask is for {" and ".join(map(repr, strange))}; the '
            f'cameras that are replayed are: {", ".join(sorted(cameras))}.'
        )
        raise BagError(msg)


def _check_truth(bags: Sequence[Bag], source: TruthSource) -> None:
    """Refuse a truth that no recording has, before any frame is replayed."""
    cameras = [(bag, topic) for bag in bags for topic in bag.cameras]
    if source.folder is not None:
        for bag, topic in cameras:
            FolderTruth(truth_folder(source, bag.name, topic), source.by)
    elif source.topic is not None:
        wanted = {label_topic(source, topic) for _, topic in cameras}
        images = {topic for bag in bags for topic in bag.images}
        if not wanted & images:
            msg = (
                f'No recording has a label topic {" or ".join(map(repr, sorted(wanted)))}; topics '
                f'with images are: {", ".join(sorted(images)) or "none"}.'
            )
            raise BagError(msg)


def _name(path: Path) -> str:
    """Return the last part of a path, which `.` and `..` have only when they are resolved."""
    return Path(os.path.abspath(path)).name or ROOT  # noqa: PTH100 - keeps the names of links


def _bag(recording: Recording, name: str, options: ReplayOptions) -> Bag:
    cameras = _cameras(recording, options)
    return Bag(
        path=recording.path,
        name=name,
        cameras=cameras,
        frames=tuple(recording.topics[topic].messages for topic in cameras),
        span=recording.span,
        size=sum(file.stat().st_size for file in recording.files),
        images=tuple(image_topics(recording)),
        damage=tuple(recording.damage),
        in_one=bool(recording.damage) or any(is_packed(file) for file in recording.files),
    )


def _cameras(recording: Recording, options: ReplayOptions) -> tuple[str, ...]:
    """Return the named cameras that the recording has, or the only one."""
    if not options.topics:
        cameras = camera_topics(recording)
        labels = {label_topic(options.truth, one) for one in cameras} if options.truth else set()
        chosen = [topic for topic in cameras if topic not in labels]
        return (chosen[0],) if len(chosen) == 1 else (camera_topic(recording),)
    known = image_topics(recording)
    found = tuple(sorted(topic for topic in set(options.topics) if topic in known))
    if not found:
        msg = (
            f'Recording {str(recording.path)!r} has no image topic '
            f'{" or ".join(map(repr, options.topics))}; those with images are: '
            f'{", ".join(known) or "none"}.'
        )
        raise BagError(msg)
    return found


def _tasks(bags: Sequence[Bag], options: ReplayOptions) -> Iterable[Task]:
    whole = bool(options.sinks)
    length = FOREVER_NS if whole or _depends_on_the_past(options) else _length(bags)
    number = 0
    for index, bag in enumerate(bags):
        groups = [bag.cameras] if whole else [(topic,) for topic in bag.cameras]
        for cameras in groups:
            frames = sum(bag.frames[bag.cameras.index(topic)] for topic in cameras)
            spans = list(_spans(bag, length))
            for part, span in enumerate(spans):
                share = frames * (part + 1) // len(spans) - frames * part // len(spans)
                yield Task(number, index, cameras, span, share)
                number += 1


def _depends_on_the_past(options: ReplayOptions) -> bool:
    """Say whether a frame's result depends on more than the frame before."""
    asks_gate = options.crf.enabled and options.follow is None
    by_index = options.truth is not None and options.truth.by == 'index'
    return asks_gate or by_index or options.remembers


def _length(bags: Sequence[Bag]) -> int:
    """Return the length of a stretch [ns]."""
    total = sum(bag.span[1] - bag.span[0] for bag in bags)
    return min(LONGEST_NS, max(SHORTEST_NS, total // FEWEST_PARTS))


def _spans(bag: Bag, length: int) -> Iterable[tuple[int, int]]:
    """Cut a bag into equal stretches; the first and the last are open, whatever metadata say."""
    start, stop = bag.span
    parts = 1 if bag.in_one else shared_evenly((stop - start) // length)
    borders = [start + (stop - start) * part // parts for part in range(1, parts)]
    return zip([0, *borders], [*borders, FOREVER_NS], strict=True)


def shared_evenly(parts: int) -> int:
    """Return the largest number of equal parts, up to this, that two and then four can share.

    With an odd one the last part is one process's alone: of 11 that is half a part lost to two.
    """
    return max(1, parts - parts % (EVENLY if parts >= 2 * EVENLY else 2))


def _unique(names: Iterable[str]) -> list[str]:
    """Number names that occur more than once."""
    found: list[str] = []
    for name in names:
        again = sum(one == name or one.startswith(f'{name}~') for one in found)
        found.append(f'{name}~{again + 1}' if again else name)
    return found
