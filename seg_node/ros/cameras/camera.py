# SPDX-License-Identifier: Apache-2.0
"""One camera of the node: its topics in and out, what is counted about it, its newest frame."""

from __future__ import annotations

import time
from typing import Any, TYPE_CHECKING

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from seg_node.ros.outputs.publishers import Publishers
from seg_node.ros.qos import camera, overridable
from seg_node.ros.vitals.events import publisher_events, subscription_events
from seg_node.ros.vitals.health import Health

from .image_topics import ImageTopics, resolve_image_topics
from .intake import EventsOnly, Intake
from .worker import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from rclpy.subscription import Subscription

    from seg_node.bundle import Manifest
    from seg_node.ros.vitals.listeners import Listeners

    from .settings import CameraSettings

__all__ = ['Camera']

INFO_LIFE_S = 10.0
"""A camera info says nothing about images that arrive later after it."""


class Camera:
    """What belongs to one camera; the engine, its thread and the life cycle are the node's.

    Attributes:
        name: Empty for the only camera of a node, whose topics have no namespace of their own.
        health: Counts of its frames since the start of the process.
        topics: What it is subscribed to; None while the node is not active.
        asked: Quality of service that it asks of its images; None while the node is not active.
        outputs: Its output topics; None while the node has no model.
        newest: Its newest image message since the node was configured, for snapshots.
        newest_info: Its newest CameraInfo since the node was activated.
        publishing: What it took to publish the outputs of its last frame [s].
    """

    def __init__(
        self,
        node: Node,
        name: str,
        settings: Callable[[], CameraSettings],
        hand_over: Callable[[Camera, Frame], None],
        listeners: Listeners,
    ) -> None:
        """Remember what it works with; no topic is made yet.

        Args:
            node: Where its topics are made.
            name: A part of a topic name, or empty.
            settings: Returns the present ones of this camera.
            hand_over: Takes each frame that arrives, in the thread of the intake.
            listeners: Listen to the events of its topics.
        """
        self.name = name
        self.health = Health()
        self.topics: ImageTopics | None = None
        self.asked: QoSProfile | None = None
        self.outputs: Publishers | None = None
        self.newest: Any = None
        self.newest_info: CameraInfo | None = None
        self.publishing = 0.0
        self._info_arrived = 0.0
        self._node = node
        self._settings = settings
        self._hand_over = hand_over
        self._listeners = listeners
        self._inputs: list[Subscription[Any]] = []
        self._apart = EventsOnly()
        self._intake: Intake | None = None

    def topic(self, relative: str) -> str:
        """Return the name of one of its topics, relative to the node's namespace."""
        return f'{self.name}/{relative}' if self.name else relative

    @property
    def words(self) -> str:
        """What a sentence about one of its frames says of it; empty if it is alone."""
        return f'of camera {self.name!r} ' if self.name else ''

    @property
    def settings(self) -> CameraSettings:
        """The present settings; take them once per frame and use that."""
        return self._settings()

    def advertise(self, manifest: Manifest, runs: str | None = None) -> None:
        """Make the output topics for the classes of a bundle.

        Args:
            manifest: Of the bundle.
            runs: Labels of the run-length mask; None for no such topic.

        Raises:
            ParameterError: If ``runs`` is not valid for these classes.
            TaxonomyError: If class names do not make different topics.
        """
        self.outputs = Publishers(
            self._node,
            manifest,
            self.topic,
            lambda topic: publisher_events(self._node, self.health, topic),
            self._listeners,
            runs=runs,
        )

    def withdraw(self) -> None:
        """Take the output topics down and forget what came in."""
        outputs, self.outputs = self.outputs, None
        self.newest = None
        if outputs is not None:
            outputs.destroy()

    def subscribe(self) -> None:
        """Subscribe to image and camera info."""
        settings = self.settings
        names = resolve_image_topics(
            self._node, settings.image_transport, self.topic, settings.image_topic
        )
        kind = CompressedImage if names.compressed else Image
        for message, topic, callback in (
            (kind, names.image, self._on_image),
            (CameraInfo, names.camera_info, self._on_camera_info),
        ):
            subscription = self._node.create_subscription(
                message,
                topic,
                callback,
                camera(),
                callback_group=self._apart,
                event_callbacks=subscription_events(self._node, self.health, topic),
                qos_overriding_options=overridable(),
            )
            # One by one: what is made is taken down, even if the next one cannot be made.
            self._inputs.append(subscription)
            self._listeners.adopt(subscription)
        self._intake = Intake(self._node, self._inputs)
        self.topics = names
        self.asked = self._inputs[0].qos_profile
        self.health.subscribed()
        self._node.get_logger().info(f'Subscribed to {names.image} ({kind.__name__})')

    def unsubscribe(self) -> None:
        """Take the subscriptions down."""
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.close()
        for subscription in self._inputs:
            self._listeners.release(subscription)
            self._node.destroy_subscription(subscription)
        self._inputs = []
        self.topics = self.asked = self.newest_info = None
        self.health.unsubscribed()

    @property
    def fault(self) -> str:
        """Why no image is taken any more; empty if nothing is wrong with that."""
        return '' if self._intake is None else self._intake.fault

    def calibration(self, arrived: float) -> CameraInfo | None:
        """Return the newest CameraInfo, unless the camera has long stopped sending it.

        Args:
            arrived: When the image came that it is for, on the monotonic clock [s].
        """
        return self.newest_info if arrived - self._info_arrived <= INFO_LIFE_S else None

    def _on_image(self, message: Any) -> None:
        frame = Frame.of(message, self.name)
        self.newest = message
        self.health.received()
        self._hand_over(self, frame)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._info_arrived = time.monotonic()
        self.newest_info = message
