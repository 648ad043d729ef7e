# SPDX-License-Identifier: Apache-2.0
"""Tasks of a replay on a Ray cluster. Needs the ``ray`` extra.

Machines of the cluster need seg_node, and find recordings, bundles and truth under the same
absolute paths as this one. A task whose worker is lost is begun anew by Ray on another one. What a
task did comes back through Ray; only what sinks write has to go to a folder that all machines
share.
"""

from __future__ import annotations

from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, replace
import os
from pathlib import Path
import socket
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import ray
from ray.exceptions import RayError, RayTaskError

from seg_node.errors import SegNodeError
from seg_node.replay.model import open_model
from seg_node.replay.scale.workers import LostWorkersError
from seg_node.replay.store import Store
from seg_node.replay.task import run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seg_node.replay.model import Model
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.plan import Bag, Task
    from seg_node.replay.run import Work
    from seg_node.replay.store import Packed

__all__ = ['LOCAL', 'on_ray']

LOCAL = 'local'
"""Address that starts a cluster on this machine."""
MOST_LOSSES = 3
KNOCK_S = 10.0
NAME = 'seg_replay'


@dataclass(frozen=True, slots=True)
class Job:
    """What travels to a worker.

    Attributes:
        task: Which frames.
        bag: Its recording, by its absolute path.
        options: What is asked, with absolute paths.
        classes: Number of classes of the sums; None without truth.
        out: Folder for sinks.
    """

    task: Task
    bag: Bag
    options: ReplayOptions
    classes: int | None
    out: Path


def on_ray(address: str) -> Callable[[Work], None]:
    """Return what runs the tasks of a replay on a cluster.

    Args:
        address: Of the cluster, ``'auto'`` for the one that this machine belongs to, or
            ``'local'`` to start one here with as many processes as the options say.
    """

    def run_tasks(work: Work) -> None:
        with _connected(address, work.options.workers * work.options.threads):
            _run_all(work)

    return run_tasks


@contextmanager
def _connected(address: str, cores: int) -> Iterator[None]:
    """Be part of the cluster, or start one with so many cores to give away.

    Raises:
        LostWorkersError: If there is none.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    quiet: dict[str, Any] = {'log_to_driver': False, 'logging_level': 'warning'}
    if address == LOCAL:
        # A cluster that only this process reaches and that ends with it needs no token file.
        os.environ.setdefault('RAY_AUTH_MODE', 'disabled')
        quiet |= {'num_cpus': cores, 'include_dashboard': False}
    try:
        _knock(address)
        ray.init(address, **quiet)
    except (RayError, ConnectionError, OSError, RuntimeError, ValueError) as err:
        msg = (
            f'There is no Ray cluster at {address!r}: {err}. Give its address, "auto" on one of '
            f'its machines, or {LOCAL!r} to start one here.'
        )
        raise LostWorkersError(msg) from err
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out at once that nobody is there; Ray itself takes minutes.

    Raises:
        OSError: If nobody is.
    """
    host, colon, port = address.rpartition('://')[2].rpartition(':')
    if colon and port.isdecimal():
        socket.create_connection((host.strip('[]'), int(port)), KNOCK_S).close()


def _run_all(work: Work) -> None:
    """Hand out all tasks and take in what they did, in whatever order they end."""
    remote: Any = ray.remote(_run).options(
        name=NAME, max_retries=MOST_LOSSES, num_cpus=work.options.threads
    )
    waiting = {remote.remote(_job(work, task)): task for task in work.tasks}
    while waiting:
        (ended, *_), _ = ray.wait(list(waiting), num_returns=1)
        task = waiting.pop(ended)
        work.store.unpack(task.number, _result(ended))
        work.on_frames(sum(work.store.journal(task.number).state.frames.values()))


def _result(ended: Any) -> Packed:
    """Return what a task did.

    Raises:
        SegNodeError: The one that the task ended with.
        LostWorkersError: If its workers were lost again and again.
    """
    try:
        packed: Packed = ray.get(ended)
    except RayTaskError as err:
        if isinstance(err.cause, SegNodeError):
            raise err.cause from None
        raise
    except RayError as err:
        msg = (
            f'A task of the replay lost its worker {MOST_LOSSES + 1} times: {err} Is there enough '
            'memory on the machines of the cluster? The same command goes on.'
        )
        raise LostWorkersError(msg) from err
    return packed


def _job(work: Work, task: Task) -> Job:
    bag = work.plan.bags[task.bag]
    return Job(
        task=task,
        bag=replace(bag, path=bag.path.resolve()),
        options=_anywhere(work.options),
        classes=work.classes,
        out=work.store.out.resolve(),
    )


def _anywhere(options: ReplayOptions) -> ReplayOptions:
    """Return options that mean the same in another working directory."""
    truth = options.truth
    if truth is not None:
        truth = replace(
            truth,
            folder=truth.folder.resolve() if truth.folder else None,
            teacher=_absolute(truth.teacher),
            taxonomy=_absolute(truth.taxonomy),
        )
    return replace(
        options,
        bundle=_absolute(options.bundle) or options.bundle,
        follow=options.follow.resolve() if options.follow else None,
        truth=truth,
    )


def _absolute(name: str | None) -> str | None:
    """Return an absolute path for what is a file or folder here, other names as they are."""
    return str(Path(name).resolve()) if name and Path(name).exists() else name


class _Process:
    """What a worker has open from task to task; Ray lends a process to one task at a time."""

    options: ReplayOptions | None = None
    model: Model
    stack = ExitStack()


def _run(job: Job) -> Packed:
    """Do a task in a process of the cluster."""
    if _Process.options != job.options:
        _Process.stack.close()
        _Process.model = _Process.stack.enter_context(open_model(job.options))
        _Process.options = job.options
    with TemporaryDirectory(prefix='seg-replay-') as scratch:
        store = Store(Path(scratch), job.classes)
        store.begin({})
        journal = store.journal(job.task.number)
        run_task(_Process.model, job.task, job.bag, journal, out=job.out, on_frame=lambda: None)
        return store.pack(job.task.number)
