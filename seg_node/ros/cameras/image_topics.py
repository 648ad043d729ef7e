# SPDX-License-Identifier: Apache-2.0
"""Which topics a camera has, from the one name that users remap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TYPE_CHECKING

from seg_node.interface.topics import CAMERA_INFO_IN, COMPRESSED_SUFFIX, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ['ImageTopics', 'Resolver', 'resolve_image_topics']


class Resolver(Protocol):
    """The one method of ``rclpy.node.Node`` that is needed here."""

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the absolute name, with remappings unless ``only_expand``."""


@dataclass(frozen=True, slots=True)
class ImageTopics:
    """Absolute names of what one camera sends.

    Attributes:
        image: Image or CompressedImage.
        camera_info: CameraInfo, beside the image.
        compressed: Whether ``image`` is a CompressedImage.
    """

    image: str
    camera_info: str
    compressed: bool


def resolve_image_topics(
    node: Resolver, transport: str, relative: Callable[[str], str] = str, image: str = ''
) -> ImageTopics:
    """Return the topics of a camera to subscribe to.

    A remapping of ``image`` moves all three: ``image:=/front/image_raw`` means
    ``/front/image_raw/compressed`` with the compressed transport, and ``/front/camera_info``. Each
    can be remapped by itself too, which goes before.

    Args:
        node: Knows namespace and remappings.
        transport: ``'raw'`` or ``'compressed'``.
        relative: Puts the namespace of the camera in front of a name.
        image: Topic that takes the place of ``image``; empty for none.
    """
    base = node.resolve_topic_name(image or relative(IMAGE))
    base = base.removesuffix(COMPRESSED_SUFFIX)
    compressed = transport == 'compressed'
    coded = _own_remapping(node, relative(IMAGE + COMPRESSED_SUFFIX)) or base + COMPRESSED_SUFFIX
    beside = f'{base.rpartition("/")[0]}/{CAMERA_INFO_IN}'
    info = _own_remapping(node, relative(CAMERA_INFO_IN)) or beside
    return ImageTopics(coded if compressed else base, info, compressed)


def _own_remapping(node: Resolver, name: str) -> str:
    """Return where a rule of its own moves the name; empty if there is none."""
    moved = node.resolve_topic_name(name)
    return '' if moved == node.resolve_topic_name(name, only_expand=True) else moved
