# SPDX-License-Identifier: Apache-2.0
"""One task of a replay: some cameras of a bag in a stretch of time."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from heapq import merge
from typing import cast, NamedTuple, TYPE_CHECKING

from seg_node.interface import model_words
from seg_node.pipeline.stopwatch import Stopwatch
from seg_node.recordings.reader import Recording
from seg_node.replay.behind import Behind
from seg_node.replay.camera import Camera, Seen, wanted_outputs
from seg_node.replay.flicker import LONGEST_GAP_NS
from seg_node.replay.sink import open_sinks, SinkContext
from seg_node.replay.truth import open_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seg_node.pipeline import CrfDecision, Outputs
    from seg_node.recordings.reader import Message
    from seg_node.replay.model import Model
    from seg_node.replay.plan import Bag, Task
    from seg_node.replay.sink import Sink
    from seg_node.replay.store import Journal

__all__ = ['run_task']


class Due(NamedTuple):
    """A frame that is to be segmented.

    Attributes:
        found: As it was recorded.
        number: Of its camera's frames in this task.
        before: The frame before it, where that one was not segmented by this process.
    """

    found: Message
    number: int
    before: Message | None


class Stream:
    """Picks the frames of one camera that are not done yet."""

    def __init__(self, start_ns: int, done: int) -> None:
        """Begin.

        Args:
            start_ns: Where the task begins; frames before serve the first one's flicker alone.
            done: Frames of the task that an earlier run did.
        """
        self._start_ns = start_ns
        self._done = done
        self._index = -1
        self._before: deque[Message] = deque(maxlen=1)

    def due(self, found: Message) -> Due | None:
        """Return the frame if it is to be segmented."""
        if found.log_ns >= self._start_ns:
            self._index += 1
        if self._index < self._done:
            self._before.append(found)
            return None
        before = self._before.pop() if self._before else None
        return Due(found, self._index, before)


def run_task(
    model: Model,
    task: Task,
    bag: Bag,
    journal: Journal,
    *,
    out: Path,
    on_frame: Callable[[], None],
) -> None:
    """Do a task, or what is left of it.

    Args:
        model: Ready.
        task: Which frames.
        bag: Its recording.
        journal: Where records and sums go; says what was done before.
        out: Folder of the results, for sinks.
        on_frame: Called after each frame.

    Raises:
        BagError: If the recording cannot be read at all.
        EngineError: If the network fails at the first frame of a camera, or at five in a row.
    """
    recording = Recording(bag.path)
    with ExitStack() as stack:
        stack.callback(journal.close)
        sinks = _sinks(stack, model, task, bag, out=out, damage=recording.damage)
        if model.options.begins_anew:
            journal.clear()
        work = _Work(model, recording, task, bag, journal=journal, sinks=sinks, on_frame=on_frame)
        work.run()
    damage = [*recording.damage, *work.faults()]
    journal.finish(list(dict.fromkeys(damage)))


def _sinks(
    stack: ExitStack, model: Model, task: Task, bag: Bag, *, out: Path, damage: list[str]
) -> list[Sink]:
    engine = model.base.engine
    words = model_words(engine.bundle, engine, model.base.options)
    context = SinkContext(
        *(bag.path, bag.name, task.cameras, out, model.manifest, model.options), words, damage
    )
    sinks = open_sinks(model.options.sinks, context)
    for sink in sinks:
        stack.callback(sink.close)
    return sinks


class _Work:
    """A task at work."""

    def __init__(
        self,
        model: Model,
        recording: Recording,
        task: Task,
        bag: Bag,
        *,
        journal: Journal,
        sinks: list[Sink],
        on_frame: Callable[[], None],
    ) -> None:
        self._model = model
        self._recording = recording
        self._task = task
        self._bag = bag
        self._journal = journal
        self._sinks = sinks
        self._on_frame = on_frame
        self._outputs: Outputs = wanted_outputs(model, [one.outputs for one in sinks])
        self._cameras = {topic: self._camera(topic) for topic in task.cameras}
        self._last: dict[str, CrfDecision] = {}

    def _camera(self, topic: str) -> Camera:
        source, truth = self._model.options.truth, None
        camera = (self._bag.name, topic)
        if source is not None:
            teacher = self._model.teacher_of(topic)
            truth = open_truth(source, self._recording, camera, self._task.span, teacher)
        return Camera(self._model, self._recording, camera, truth)

    def run(self) -> None:
        """Do what is left."""
        for record in self._journal.records():
            self._cameras[record.topic].recall(record)
            self._last[record.topic] = cast('CrfDecision', record.crf)
        with Behind(self._measure) as hand_over:
            watch = Stopwatch()
            for due in self._due():
                camera = self._cameras[due.found.topic]
                if due.before is not None:
                    decision = self._last.get(due.found.topic)
                    camera.warm_up(due.before, self._outputs, decision)
                    watch = Stopwatch()
                hand_over(camera.see(due.found, due.number, self._outputs, watch))
                watch = Stopwatch()

    def _due(self) -> Iterator[Due]:
        """Yield the frames of all cameras in the order in which they were recorded."""
        start_ns, stop_ns = self._task.span
        done = self._journal.state.frames
        streams = {topic: Stream(start_ns, done.get(topic, 0)) for topic in self._cameras}
        begin = max(0, start_ns - LONGEST_GAP_NS)
        found = [self._recording.messages([topic], begin, stop_ns) for topic in self._cameras]
        for message in merge(*found, key=lambda one: one.log_ns):
            due = streams[message.topic].due(message)
            if due is not None:
                yield due

    def _measure(self, seen: Seen) -> None:
        """Keep a frame; runs in a thread of its own."""
        record, sums = self._cameras[seen.record.topic].measure(seen)
        image, segmentation = seen.image, seen.segmentation
        if image is not None and segmentation is not None:
            for sink in self._sinks:
                sink.frame(record, image, segmentation, seen.message)
        self._journal.add(record, sums)
        self._on_frame()

    def faults(self) -> list[str]:
        """Return what was wrong with truth and CRF, a sentence for each camera."""
        return [
            f'{topic!r}: {found.first} ({found.count} such {_frames(found.count)})'
            for topic, camera in self._cameras.items()
            for found in (camera.truth_faults, camera.crf_faults)
            if found.count
        ]


def _frames(count: int) -> str:
    return 'frame' if count == 1 else 'frames'
