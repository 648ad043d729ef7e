# SPDX-License-Identifier: Apache-2.0
"""The one thread that turns the frames of all cameras into masks. Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from .schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ['Frame', 'Worker']


@dataclass(frozen=True, slots=True)
class Frame:
    """An image message on its way.

    Attributes:
        message: sensor_msgs Image or CompressedImage.
        camera: Name of the camera that sent it.
        arrived: When it reached this process, on the monotonic clock [s].
        stamp: When the image was taken [s]; when it arrived, if it does not say.
    """

    message: Any
    camera: str = ''
    arrived: float = field(default_factory=time.monotonic)
    stamp: float = 0.0

    @classmethod
    def of(cls, message: Any, camera: str) -> Frame:
        """Return the frame of a message that has just arrived."""
        arrived, stamp = time.monotonic(), message.header.stamp
        # To a microsecond, which is enough to tell what follows.
        seconds = float(stamp.sec + 1e-9 * stamp.nanosec)
        return cls(message, camera, arrived, seconds or arrived)


class Worker:
    """Calls a function with the newest frames, in its own thread.

    Attributes:
        fault: Why the thread has died; empty if it has not.
        forgotten: Cameras of which the last ``stop`` has forgotten a frame.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Frame]], None],
        cameras: Iterable[str] = ('',),
        slop: Callable[[], float] = float,
    ) -> None:
        """Start the thread.

        Args:
            process: Takes one frame, or several cameras' that go together; must not raise, it
                reports its own errors.
            cameras: Names of those whose frames take turns.
            slop: Returns the largest difference of the stamps of frames that go together [s].
        """
        self.fault = ''
        self.forgotten: list[str] = []
        self._process = process
        self._schedule: Schedule[Frame] = Schedule(cameras, slop)
        # Daemon: an inference that hangs must not keep the process from ending.
        self._thread = Thread(target=self._run, name='seg_node worker', daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> bool:
        """Hand over a frame; True if an older one of its camera was dropped unread for it."""
        return self._schedule.put(frame.camera, frame, frame.stamp)

    def stop(self, timeout: float) -> bool:
        """Let the frames at hand be finished, forget those that wait, end the thread.

        Args:
            timeout: How long to wait for that [s].

        Returns:
            Whether the thread has ended.
        """
        self.forgotten = self._schedule.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while frames := self._schedule.take():
                self._process(frames)
        except BaseException as err:
            self.fault = f'The worker has died: {type(err).__name__}: {err}'
            raise
