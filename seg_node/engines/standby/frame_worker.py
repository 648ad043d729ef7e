# SPDX-License-Identifier: Apache-2.0
"""A thread that waits for the GPU in the caller's stead, so that a hung GPU hangs nobody else."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from seg_node.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.engines.base import Inferred

    Work = Callable[[], list[Inferred]]
    Answer = list[Inferred] | BaseException

__all__ = ['FrameWorker']


class FrameWorker:
    """Runs one frame after the other in a thread of its own, each for a limited time.

    The thread is a daemon: one that hangs in a driver does not keep the process from ending.
    """

    def __init__(self) -> None:
        """Prepare; the thread starts with the first frame."""
        self._asked: SimpleQueue[Work | None] | None = None
        self._answers: SimpleQueue[Answer] = SimpleQueue()

    def run(self, work: Work, timeout: float) -> list[Inferred]:
        """Return what the work gives, or raise what it raises.

        Args:
            work: Of one frame.
            timeout: The longest that it may take [s].

        Raises:
            DeviceError: If it takes longer. Its thread is left alone and its answer never read.
        """
        if self._asked is None:
            self._start()
        self._asked.put(work)  # type: ignore[union-attr]  # started above
        try:
            answer = self._answers.get(timeout=timeout)
        except Empty as err:
            self.close()
            msg = f'The GPU has not answered a frame for {timeout:g} s (gpu.frame_timeout).'
            raise DeviceError(msg, sticky=True) from err
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        """Let the thread end once it has nothing to do; the next frame starts another one."""
        if self._asked is not None:
            self._asked.put(None)
            self._asked = None

    def _start(self) -> None:
        self._asked, self._answers = SimpleQueue(), SimpleQueue()
        queues = self._asked, self._answers
        Thread(target=_work, args=queues, name='seg_node gpu frames', daemon=True).start()


def _work(asked: SimpleQueue[Work | None], answers: SimpleQueue[Answer]) -> None:
    while (work := asked.get()) is not None:
        try:
            answers.put(work())
        except BaseException as err:  # noqa: BLE001, PERF203  # raised by ``run``
            answers.put(err)
