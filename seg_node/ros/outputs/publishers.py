# SPDX-License-Identifier: Apache-2.0
"""The node's output topics: who listens, and what to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from seg_node.interface import output_pixels, outputs_for, PIXEL_ENCODINGS, topics
from seg_node.ros.qos import latched, overridable, result

from .messages import classes_message, ImageWriter, label_info_message, png_message

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    from rclpy.node import Node
    from rclpy.publisher import Publisher

    from seg_node.bundle import Manifest
    from seg_node.pipeline import Outputs, Segmentation

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Publishers', 'Wanted']


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
        return bool(self.classes or self.topics - {topics.CAMERA_INFO})

    @property
    def outputs(self) -> Outputs:
        """What the segmenter has to compute."""
        return outputs_for(self.topics, self.classes)


class Publishers:
    """All outputs of one camera of a configured node; made for the classes of one bundle."""

    def __init__(
        self, node: Node, manifest: Manifest, relative: Callable[[str], str] = str
    ) -> None:
        """Create the topics and send the latched ones.

        Args:
            node: Where they are made.
            manifest: Of the bundle.
            relative: Puts the namespace of the camera in front of a name.

        Raises:
            TaxonomyError: If class names do not make different topics.
        """
        self._node = node
        self._relative = relative
        self._taxonomy = manifest.taxonomy
        self._class_topics = topics.class_topics(manifest.taxonomy)
        self._images = {name: self._create(Image, name) for name in PIXEL_ENCODINGS}
        self._planes = {
            index: self._create(Image, name) for index, name in self._class_topics.items()
        }
        self._png = self._create(CompressedImage, topics.MASK_PNG)
        self._camera_info = self._create(CameraInfo, topics.CAMERA_INFO)
        self._status = self._create(DiagnosticArray, topics.STATUS)
        self._writers = {name: ImageWriter(encoding) for name, encoding in PIXEL_ENCODINGS.items()}
        self._plane_writer = ImageWriter('mono8')
        self._latched = self._send_latched(manifest)

    def _create(self, kind: type, name: str) -> Publisher[Any]:
        return self._node.create_publisher(
            kind, self._relative(name), result(), qos_overriding_options=overridable()
        )

    def _send_latched(self, manifest: Manifest) -> list[Publisher[Any]]:
        stamp = self._node.get_clock().now().to_msg()
        messages = {
            topics.CLASSES: classes_message(manifest),
            topics.LABEL_INFO: label_info_message(manifest, stamp),
        }
        publishers = []
        for name, message in messages.items():
            if message is None:
                continue
            publisher = self._node.create_publisher(
                type(message),
                self._relative(name),
                latched(),
                qos_overriding_options=overridable(),
            )
            publisher.publish(message)
            publishers.append(publisher)
        return publishers

    def _by_topic(self) -> dict[str, Publisher[Any]]:
        return {
            **self._images,
            topics.MASK_PNG: self._png,
            topics.CAMERA_INFO: self._camera_info,
            topics.STATUS: self._status,
        }

    def wanted(self) -> Wanted:
        """Ask each topic whether it has a subscriber."""
        named = (name for name, one in self._by_topic().items() if one.get_subscription_count())
        planes = (i for i, one in self._planes.items() if one.get_subscription_count())
        return Wanted(frozenset(named), tuple(planes))

    def publish(
        self,
        wanted: Wanted,
        result_: Segmentation,
        image: UInt8Array,
        header: Any,
        alpha: float,
    ) -> None:
        """Send the images that are wanted.

        Args:
            wanted: As asked before the segmentation.
            result_: What was computed for it.
            image: (H, W, 3) uint8 RGB, the camera image.
            header: Of the camera image; every message carries it unchanged.
            alpha: Opacity of the overlay, 0 to 1.
        """
        for name, publisher in self._images.items():
            if name in wanted.topics:
                pixels = output_pixels(name, result_, image, self._taxonomy, alpha)
                publisher.publish(self._writers[name].write(pixels, header))
        for index in wanted.classes:
            plane = result_.planes[index]
            self._planes[index].publish(self._plane_writer.write(plane, header))
        if topics.MASK_PNG in wanted.topics:
            self._png.publish(png_message(result_.labels, header))

    def publish_status(self, status: DiagnosticArray) -> None:
        """Send the status of one frame."""
        self._status.publish(status)

    def publish_camera_info(self, info: CameraInfo, header: Any) -> None:
        """Send the camera's calibration with the image's header."""
        info.header = header
        self._camera_info.publish(info)

    def destroy(self) -> None:
        """Take the topics down."""
        for publisher in (*self._by_topic().values(), *self._planes.values(), *self._latched):
            self._node.destroy_publisher(publisher)
