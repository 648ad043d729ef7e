# SPDX-License-Identifier: Apache-2.0
"""The one thread that turns the frames of all cameras into masks. Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from .schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ['Frame', 'Worker']


@dataclass(frozen=True, slots=True)
class Frame:
    """An image message on its way.

    Attributes:
        message: sensor_msgs Image or CompressedImage.
        camera: Name of the camera that sent it.
        arrived: When it reached this process, on the monotonic clock [s].
    """

    message: Any
    camera: str = ''
    arrived: float = field(default_factory=time.monotonic)


class Worker:
    """Calls a function with the newest frames, in its own thread, one frame at a time.

    Attributes:
        fault: Why the thread has died; empty if it has not.
    """

    def __init__(self, process: Callable[[Frame], None], cameras: Iterable[str] = ('',)) -> None:
        """Start the thread.

        Args:
            process: Must not raise; it reports its own errors.
            cameras: Names of those whose frames take turns.
        """
        self.fault = ''
        self._process = process
        self._schedule: Schedule[Frame] = Schedule(cameras)
        # Daemon: an inference that hangs must not keep the process from ending.
        self._thread = Thread(target=self._run, name='seg_node worker', daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> bool:
        """Hand over a frame; True if an older one of its camera was dropped unread for it."""
        return self._schedule.put(frame.camera, frame)

    def stop(self, timeout: float) -> bool:
        """Let the frame at hand be finished, forget those that wait, end the thread.

        Args:
            timeout: How long to wait for that [s].

        Returns:
            Whether the thread has ended.
        """
        self._schedule.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (frame := self._schedule.take()) is not None:
                self._process(frame)
        except BaseException as err:
            self.fault = f'The worker has died: {type(err).__name__}: {err}'
            raise
