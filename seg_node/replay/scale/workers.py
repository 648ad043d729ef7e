# SPDX-License-Identifier: Apache-2.0
"""Tasks of a replay in several processes of this machine."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
import multiprocessing
import signal
from typing import Any, TYPE_CHECKING

from seg_node.errors import EngineError, SegNodeError, TensorMismatchError
from seg_node.replay.model import open_model
from seg_node.replay.store import Store
from seg_node.replay.task import run_task

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.model import Model
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.plan import Bag, Task
    from seg_node.replay.run import Work

__all__ = ['LostWorkersError', 'run_in_processes']

MOST_LOSSES = 3
LOOK_EVERY_S = 0.5


class LostWorkersError(SegNodeError):
    """Processes end before their work does, again and again."""


class _Process:
    """What a worker has open; one per process."""

    model: Model
    done: Any
    stack = ExitStack()


def run_in_processes(work: Work) -> None:
    """Run tasks in as many processes as the options say.

    A process that is killed takes its tasks back to what was saved of them last, from which
    another one goes on.

    Args:
        work: The tasks.

    Raises:
        LostWorkersError: If processes get lost several times.
        SegNodeError: As ``run_task``.
    """
    left = {task.number: task for task in work.tasks}
    for _ in range(MOST_LOSSES):
        with suppress(BrokenProcessPool):
            _attempt(work, left)
        if not left:
            return
    msg = (
        f'{MOST_LOSSES} times a worker process ended before its work was done; the system may be '
        'short of memory. Give fewer workers; the same command goes on.'
    )
    raise LostWorkersError(msg)


def _attempt(work: Work, left: dict[int, Task]) -> None:
    """Do tasks and strike them off, until all are done or a process is lost."""
    context = multiprocessing.get_context('spawn')
    done = context.Value('Q', 0)
    workers = min(work.options.workers, len(left))
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context, _open, (work.options, done)) as pool:
        try:
            _collect(work, left, pool, done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # what it saved last is what the next run goes on from
            raise


def _collect(work: Work, left: dict[int, Task], pool: ProcessPoolExecutor, done: Any) -> None:
    waiting = {
        pool.submit(_run, task, work.plan.bags[task.bag], work.store.out, work.classes)
        for task in left.values()
    }
    counted = 0
    while waiting:
        ended, waiting = wait(waiting, LOOK_EVERY_S, FIRST_COMPLETED)
        counted = _report(work, done, counted)
        for future in ended:
            del left[future.result()]


def _report(work: Work, done: Any, counted: int) -> int:
    now = int(done.value)
    if now > counted:
        work.on_frames(now - counted)
    return now


def _open(options: ReplayOptions, done: Any) -> None:
    """Open what a process needs once; the end of the process closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, too, and ends this one
    _Process.model = _Process.stack.enter_context(open_model(options))
    _Process.done = done


def _run(task: Task, bag: Bag, out: Path, classes: int | None) -> int:
    """Do a task and return its number."""
    journal = Store(out, classes).journal(task.number)
    try:
        run_task(_Process.model, task, bag, journal, out=out, on_frame=_count)
    except TensorMismatchError as err:
        raise EngineError(str(err)) from None  # its arguments do not pass between processes
    return task.number


def _count() -> None:
    with _Process.done.get_lock():
        _Process.done.value += 1
