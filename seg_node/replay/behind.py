# SPDX-License-Identifier: Apache-2.0
"""Work that is done one step behind, while the engine works on the next frame."""

from __future__ import annotations

from queue import Queue
from threading import Thread
from typing import Generic, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

__all__ = ['Behind']

Job = TypeVar('Job')

AHEAD = 2  # frames in memory beside the one at work


class Behind(Generic[Job]):
    """Hands jobs to one thread, in order; a context manager that waits for the last one.

    An error of the thread is raised at the next job or at the end, and no job is begun after it.
    """

    def __init__(self, work: Callable[[Job], None]) -> None:
        """Prepare a thread that calls ``work`` with each job."""
        self._work = work
        self._jobs: Queue[Job | None] = Queue(AHEAD)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name='measuring', daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until all jobs are done."""
        self._jobs.put(None)
        self._thread.join()
        if error is None:
            self._complain()

    def __call__(self, job: Job) -> None:
        """Hand over a job; waits if the thread is too far behind."""
        self._complain()
        self._jobs.put(job)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is not None:
                continue
            try:
                self._work(job)
            except BaseException as err:  # noqa: BLE001 - raised in the thread that waits
                self._error = err

    def _complain(self) -> None:
        if self._error is not None:
            raise self._error
