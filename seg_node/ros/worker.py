# SPDX-License-Identifier: Apache-2.0
"""The one thread that turns frames into masks. Free of ROS."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

from .latest import Latest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['Frame', 'Worker']


@dataclass(frozen=True, slots=True)
class Frame:
    """An image message on its way.

    Attributes:
        message: sensor_msgs Image or CompressedImage.
        arrived: When it reached this process, on the monotonic clock [s].
    """

    message: Any
    arrived: float = field(default_factory=time.monotonic)


class Worker:
    """Calls a function with the newest frame, in its own thread, one frame at a time."""

    def __init__(self, process: Callable[[Frame], None]) -> None:
        """Start the thread.

        Args:
            process: Must not raise; it reports its own errors.
        """
        self._process = process
        self._slot: Latest[Frame] = Latest()
        # Daemon: an inference that hangs must not keep the process from ending.
        self._thread = Thread(target=self._run, name='seg_node worker', daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> bool:
        """Hand over a frame; True if an older one was dropped unread for it."""
        return self._slot.put(frame)

    def stop(self, timeout: float) -> bool:
        """Let the frame at hand be finished, forget the waiting one, end the thread.

        Args:
            timeout: How long to wait for that [s].

        Returns:
            Whether the thread has ended.
        """
        self._slot.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (frame := self._slot.take()) is not None:
            self._process(frame)
