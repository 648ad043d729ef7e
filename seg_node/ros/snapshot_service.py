# SPDX-License-Identifier: Apache-2.0
"""``~/save_snapshot``, made beside the masks."""

from __future__ import annotations

from threading import Thread
from typing import Any, cast, TYPE_CHECKING

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

from .snapshot import answer_snapshot

if TYPE_CHECKING:
    from .node import SegNode

__all__ = ['SnapshotService']


class SnapshotService:
    """Serves ``~/save_snapshot``: the newest frames, segmented once more, go into a folder.

    That can take seconds, so a thread does it. The service's callback awaits it; meanwhile the
    executor serves frames, timers and other services, but no other callback of the same group.
    With a group for itself only the next request for a snapshot waits.
    """

    def __init__(self, node: SegNode) -> None:
        """Create the service."""
        self._node = node
        self._thread: Thread | None = None
        self._service = node.create_service(
            Trigger,
            '~/save_snapshot',
            self._serve,
            callback_group=MutuallyExclusiveCallbackGroup(),
        )

    async def _serve(self, _request: Any, response: Any) -> Any:
        answer: Future[tuple[bool, str]] = Future()
        # Daemon: an inference that hangs must not keep the process from ending.
        self._thread = Thread(
            target=self._save, args=(answer,), name='seg_node snapshot', daemon=True
        )
        self._thread.start()
        response.success, response.message = cast('tuple[bool, str]', await answer)
        self._node.get_logger().info(f'~/save_snapshot: {response.message}')
        return response

    def _save(self, answer: Future[tuple[bool, str]]) -> None:
        outcome = answer_snapshot(self._node)
        executor = self._node.executor
        if executor is not None:  # else nobody waits any more
            executor.create_task(answer.set_result, outcome)  # wakes it, too

    def ended(self, timeout: float) -> bool:
        """Wait for a snapshot that is being made.

        Args:
            timeout: For how long [s].

        Returns:
            Whether none is being made any more.
        """
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()
