# SPDX-License-Identifier: Apache-2.0
"""Recordings in, figures out: the whole of a replay."""

from __future__ import annotations

from dataclasses import dataclass
import json
from typing import Any, TYPE_CHECKING

from seg_node.errors import DatasetError
from seg_node.replay.model import open_model
from seg_node.replay.plan import plan
from seg_node.replay.scale.workers import run_in_processes
from seg_node.replay.sink import check_sinks, is_written
from seg_node.replay.store import digest_of, REPLAY, SETUP_KEY, Store, write_whole, writing
from seg_node.replay.summary import put_together, setup_of
from seg_node.replay.task import run_task
from seg_node.replay.truth import check_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seg_node.replay.model import Model
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.plan import Plan, Task

    OnProgress = Callable[[int, int], None]
    RunTasks = Callable[['Work'], None]

__all__ = ['Replay', 'Work', 'replay', 'run_here']


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay that is done.

    Attributes:
        out: Folder with ``replay.json``, ``frames.jsonl`` and what the sinks wrote.
        data: What ``replay.json`` says, see ``docs/replay.md``.
    """

    out: Path
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be done by whoever runs the tasks.

    Attributes:
        plan: Bags and tasks.
        tasks: Those that are not done.
        options: What is asked.
        store: Where tasks leave what they did.
        classes: Number of classes of the sums; None without truth.
        on_frames: Called with the number of further frames that are done.
    """

    plan: Plan
    tasks: tuple[Task, ...]
    options: ReplayOptions
    store: Store
    classes: int | None
    on_frames: Callable[[int], None]


def replay(
    bags: Sequence[Path],
    out: Path,
    options: ReplayOptions,
    *,
    on_progress: OnProgress = lambda _done, _total: None,
    run_tasks: RunTasks | None = None,
) -> Replay:
    """Replay recordings, or go on with a replay that was interrupted.

    Args:
        bags: Recordings: folders or single files.
        out: Folder for the results. What an interrupted run of the same setup left there is
            continued; what a finished one left is returned as it is.
        options: What is asked.
        on_progress: Called with the frames done and the frames announced.
        run_tasks: Runs the tasks, for example on a cluster; by default this process, or as many
            as the options say.

    Raises:
        BagError: If a recording cannot be read, or its cameras have to be named.
        DatasetError: If truth was asked for, and no frame has any that can be used.
        BundleError: If a bundle is missing, damaged or altered.
        EngineError: If no engine can run it.
        ParameterError: If the folder holds another replay, or the disk is full.
        TaxonomyError: If truth and bundle cannot be compared.
    """
    found = plan(bags, options)
    with open_model(options) as model:
        setup, store = setup_of(model, found), Store(out, model.classes)
        done = store.finished(setup)
        if done is not None and is_written(options.sinks, out, (one.name for one in found.bags)):
            on_progress(found.frames, found.frames)
            return Replay(out, done)
        check_sinks(options, model.manifest)
        store.begin(setup)
        count = _Count(found.frames, on_progress)
        tasks = []
        for task in found.tasks:
            state = store.journal(task.number).state
            if not state.done:
                tasks.append(task)
            if state.done or not options.begins_anew:
                count.add(sum(state.frames.values()))
        work = Work(found, tuple(tasks), options, store, model.classes, count.add)
        if run_tasks is not None:
            run_tasks(work)
        elif options.workers > 1:
            run_in_processes(work)
        else:
            run_here(work, model)
        return Replay(out, _concluded(model, found, store, setup))


def _concluded(
    model: Model, found: Plan, store: Store, setup: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the results of tasks that are done."""
    with writing(store.out / REPLAY):
        data = put_together(model, found, store) | {SETUP_KEY: digest_of(setup)}
        if model.options.truth is not None:
            try:
                check_found(model.options.truth, data)
            except DatasetError:
                store.end()  # labels that are put right count from the first frame
                raise
        write_whole(store.out / REPLAY, replay_text(data))
        store.end()
    return data


def run_here(work: Work, model: Model) -> None:
    """Run tasks one after the other in this process."""
    for task in work.tasks:
        run_task(
            model,
            task,
            work.plan.bags[task.bag],
            work.store.journal(task.number),
            out=work.store.out,
            on_frame=lambda: work.on_frames(1),
        )


class _Count:
    """Counts frames for whoever watches."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._done, self._total = 0, total
        self._on_progress = on_progress

    def add(self, frames: int) -> None:
        """Count frames as done."""
        self._done += frames
        self._on_progress(self._done, self._total)


def replay_text(data: dict[str, Any]) -> str:
    """Return JSON for people and programs: figures in lines, sums packed."""
    packed: list[str] = []

    def pack(one: dict[str, Any]) -> dict[str, Any]:
        packed.append(json.dumps(one['sums'], separators=(',', ':')))
        return {**one, 'sums': f'@{len(packed) - 1}@'}

    shown = pack({**data, 'bags': [pack(bag) for bag in data['bags']]})
    text = json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False)
    for index, sums in enumerate(packed):
        text = text.replace(f'"@{index}@"', sums)
    return f'{text}\n'
