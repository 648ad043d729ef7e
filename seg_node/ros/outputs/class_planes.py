# SPDX-License-Identifier: Apache-2.0
"""The confidence topics of single classes, which come and go with a parameter."""

from __future__ import annotations

from threading import Lock
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy as np
    import numpy.typing as npt
    from rclpy.publisher import Publisher

    from .messages import ImageSender

__all__ = ['ClassPlanes']


class ClassPlanes:
    """Publishers by class id; chosen in the executor's thread, used in the worker's."""

    def __init__(
        self,
        names: Mapping[int, str],
        create: Callable[[str], Publisher[Any]],
        destroy: Callable[[Publisher[Any]], object],
    ) -> None:
        """Begin with no topic.

        Args:
            names: Topic of each class, by id.
            create: Makes a publisher for a topic.
            destroy: Takes it down.
        """
        self._names = names
        self._create = create
        self._destroy = destroy
        self._lock = Lock()
        self._publishers: dict[int, Publisher[Any]] = {}

    def choose(self, classes: Collection[int]) -> None:
        """Make the topics of these classes, and take all others down."""
        with self._lock:
            for index in self._publishers.keys() - set(classes):
                self._destroy(self._publishers.pop(index))
            for index in sorted(set(classes) - self._publishers.keys()):
                self._publishers[index] = self._create(self._names[index])

    def watched(self) -> tuple[int, ...]:
        """Return the classes whose topic has a subscriber."""
        with self._lock:
            here = self._publishers.items()
            return tuple(sorted(i for i, one in here if one.get_subscription_count()))

    def publish(
        self, index: int, sender: ImageSender, plane: npt.NDArray[np.uint8], header: Any
    ) -> None:
        """Send the plane of a class, (H, W) uint8, unless its topic has just been taken down."""
        with self._lock:
            publisher = self._publishers.get(index)
            if publisher is not None:
                sender.send(publisher, plane, header)

    def publishers(self) -> tuple[Publisher[Any], ...]:
        """Return the publishers that exist."""
        with self._lock:
            return tuple(self._publishers.values())
