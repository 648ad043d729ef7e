# SPDX-License-Identifier: Apache-2.0
"""The node's output topics: who listens, and what to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from seg_node.imaging.camera_info import decimated_info, describes
from seg_node.interface import (
    autoware_runs,
    class_tables,
    classes_json,
    frame_images,
    groups_json,
    image_encodings,
    outputs_for,
    topics,
)
from seg_node.ros.qos import latched, overridable, result

from .class_planes import ClassPlanes
from .messages import ImageSender, label_info_message, png_message, runs_message, text_message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import numpy as np
    import numpy.typing as npt
    from rclpy.node import Node
    from rclpy.publisher import Publisher
    from rclpy.qos import QoSProfile

    from seg_node.bundle import Manifest
    from seg_node.interface import ImageOptions
    from seg_node.pipeline import Outputs, Segmentation
    from seg_node.ros.vitals.events import PublisherEventCallbacks
    from seg_node.ros.vitals.listeners import Listeners

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Publishers', 'Wanted']

CALIBRATIONS = frozenset({topics.CAMERA_INFO, topics.DECIMATED_CAMERA_INFO})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody subscribes to at this moment.

    Attributes:
        topics: Relative names of the output topics with a subscriber.
        classes: Ids of the classes whose confidence topic has one.
    """

    topics: frozenset[str]
    classes: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is wanted."""
        return bool(self.topics or self.classes)

    @property
    def segmentation(self) -> bool:
        """Whether anything is wanted that takes an inference."""
        return bool(self.classes or self.topics - CALIBRATIONS)

    @property
    def calibration(self) -> bool:
        """Whether a camera info is wanted."""
        return bool(self.topics & CALIBRATIONS)

    @property
    def outputs(self) -> Outputs:
        """What the segmenter has to compute."""
        return outputs_for(self.topics, self.classes)


class Publishers:
    """All outputs of one camera of a configured node; made for the classes of one bundle."""

    def __init__(
        self,
        node: Node,
        manifest: Manifest,
        relative: Callable[[str], str],
        events: Callable[[str], PublisherEventCallbacks],
        listeners: Listeners,
        *,
        runs: str | None = None,
    ) -> None:
        """Create the topics and send the latched ones.

        Args:
            node: Where they are made.
            manifest: Of the bundle.
            relative: Puts the namespace of the camera in front of a name.
            events: Returns who is told of the events of a topic.
            listeners: Listen to them.
            runs: Labels of the run-length mask, as for ``autoware_table``; None for no such topic.

        Raises:
            ParameterError: If ``runs`` is not valid for these classes.
            TaxonomyError: If class names do not make different topics.
        """
        self._node = node
        self._relative = relative
        self._events = events
        self._listeners = listeners
        self._tables = class_tables(manifest.taxonomy, runs or '')
        self._planes = ClassPlanes(
            topics.class_topics(manifest.taxonomy),
            lambda name: self._make(Image, name, result()),
            self._destroy,
        )
        self._plane_sender = ImageSender('mono8')
        self._lasting: list[Publisher[Any]] = []  # all but those of the planes
        try:
            encodings = image_encodings(self._tables)
            self._images = {name: self._create(Image, name) for name in encodings}
            self._senders = {name: ImageSender(encoding) for name, encoding in encodings.items()}
            self._png = self._create(CompressedImage, topics.MASK_PNG)
            with_runs = () if runs is None else (topics.MASK_RLE,)
            self._runs = {name: self._create(Image, name) for name in with_runs}
            self._calibrations = {name: self._create(CameraInfo, name) for name in CALIBRATIONS}
            self._status = self._create(DiagnosticArray, topics.STATUS)
            self._send_latched(manifest)
        except BaseException:
            self.destroy()
            raise

    def _create(self, kind: type, name: str, quality: QoSProfile | None = None) -> Publisher[Any]:
        """Make a topic that lasts as long as these outputs do."""
        publisher = self._make(kind, name, quality or result())
        self._lasting.append(publisher)
        return publisher

    def _make(self, kind: type, name: str, quality: QoSProfile) -> Publisher[Any]:
        relative = self._relative(name)
        publisher: Publisher[Any] = self._node.create_publisher(
            kind,
            relative,
            quality,
            event_callbacks=self._events(self._node.resolve_topic_name(relative)),
            qos_overriding_options=overridable(),
        )
        self._listeners.adopt(publisher)
        return publisher

    def _destroy(self, publisher: Publisher[Any]) -> None:
        self._listeners.release(publisher)
        self._node.destroy_publisher(publisher)

    def _send_latched(self, manifest: Manifest) -> None:
        stamp = self._node.get_clock().now().to_msg()
        classes, groups = label_info_message(manifest.taxonomy, stamp), self._tables.groups
        messages: dict[str, Any] = {
            topics.CLASSES: text_message(classes_json(manifest)),
            topics.LABEL_INFO: classes,
            topics.DECIMATED_LABEL_INFO: classes,
        }
        if groups is not None:
            messages[topics.GROUPS_CLASSES] = text_message(groups_json(manifest, groups))
            messages[topics.GROUPS_LABEL_INFO] = label_info_message(groups.target, stamp)
        for name, message in messages.items():
            if message is not None:
                self._create(type(message), name, latched()).publish(message)

    def _by_topic(self) -> dict[str, Publisher[Any]]:
        return {
            **self._images,
            topics.MASK_PNG: self._png,
            **self._runs,
            **self._calibrations,
            topics.STATUS: self._status,
        }

    def _all(self) -> tuple[Publisher[Any], ...]:
        return (*self._lasting, *self._planes.publishers())

    def choose_classes(self, classes: Collection[int]) -> None:
        """Let these classes have a confidence topic, and no others; at first none has."""
        self._planes.choose(classes)

    def offered(self) -> dict[str, QoSProfile]:
        """Return the quality of service of each output, by its absolute name."""
        return {one.topic_name: one.qos_profile for one in self._all()}

    def wanted(self) -> Wanted:
        """Ask each topic whether it has a subscriber."""
        named = (name for name, one in self._by_topic().items() if one.get_subscription_count())
        return Wanted(frozenset(named), self._planes.watched())

    def publish(
        self,
        wanted: Wanted,
        result_: Segmentation,
        image: UInt8Array,
        header: Any,
        options: ImageOptions,
    ) -> None:
        """Send the images that are wanted.

        Args:
            wanted: As asked before the segmentation.
            result_: What was computed for it.
            image: (H, W, 3) uint8 RGB, the camera image.
            header: Of the camera image; every message carries it unchanged.
            options: How images are made.
        """
        for name, pixels in frame_images(wanted.topics, result_, image, self._tables, options):
            self.publish_image(name, pixels, header)
        for index in wanted.classes:
            self._planes.publish(index, self._plane_sender, result_.planes[index], header)
        if topics.MASK_PNG in wanted.topics:
            self._png.publish(png_message(result_.labels, header))
        for name in self._runs.keys() & wanted.topics:
            runs = autoware_runs(result_.labels, self._tables)
            self._runs[name].publish(runs_message(runs, result_.labels.shape, header))

    def publish_image(self, name: str, pixels: UInt8Array, header: Any) -> None:
        """Send one image.

        Args:
            name: Relative name of its topic.
            pixels: In the encoding of that topic.
            header: Of the camera image.
        """
        self._senders[name].send(self._images[name], pixels, header)

    def publish_status(self, status: DiagnosticArray) -> None:
        """Send the status of one frame."""
        self._status.publish(status)

    def publish_calibration(
        self,
        wanted: Wanted,
        info: CameraInfo,
        size: tuple[int, int],
        header: Any,
        options: ImageOptions,
    ) -> None:
        """Send the camera infos that are wanted, unless they are for images of another size.

        Args:
            wanted: As asked before the segmentation.
            info: Of the camera.
            size: Height and width of its image [px].
            header: Of that; both messages carry it.
            options: How images are made.
        """
        if not describes(info, size):
            return
        info.header = header
        if topics.CAMERA_INFO in wanted.topics:
            self._calibrations[topics.CAMERA_INFO].publish(info)
        if topics.DECIMATED_CAMERA_INFO in wanted.topics:
            small = decimated_info(info, options.factor(size), size)
            self._calibrations[topics.DECIMATED_CAMERA_INFO].publish(small)

    def destroy(self) -> None:
        """Take the topics down; twice does no harm."""
        for publisher in self._all():
            self._destroy(publisher)
