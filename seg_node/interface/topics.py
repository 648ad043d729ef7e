# SPDX-License-Identifier: Apache-2.0
"""Names, types and quality of service of the node's topics.

All names are relative, so a namespace or a remapping moves them. The table in ``docs/node.md`` is
printed from ``TOPICS``.
"""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import Literal, TYPE_CHECKING

from seg_node.errors import TaxonomyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.taxonomy import Taxonomy

__all__ = [
    'ALL_CLASSES',
    'NO_CLASS',
    'TOPICS',
    'Quality',
    'Topic',
    'chosen_classes',
    'class_topics',
    'topic_token',
]

ALL_CLASSES, NO_CLASS = 'all', 'none'
"""What may stand in the place of names of classes."""

IMAGE = 'image'
COMPRESSED_SUFFIX = '/compressed'
CAMERA_INFO_IN = 'camera_info'
MASK = 'segmentation/mask'
MASK_PNG = 'segmentation/mask/compressed'
CONFIDENCE = 'segmentation/confidence'
ENTROPY = 'segmentation/entropy'
DRIVABLE_AREA = 'segmentation/drivable_area'
MOVABLE = 'segmentation/movable'
COLOR = 'segmentation/color'
OVERLAY = 'segmentation/overlay'
CAMERA_INFO = 'segmentation/camera_info'
GROUPS = 'segmentation/groups/mask'
GROUPS_CLASSES = 'segmentation/groups/classes'
GROUPS_LABEL_INFO = 'segmentation/groups/label_info'
DECIMATED_MASK = 'segmentation/decimated/mask'
DECIMATED_CONFIDENCE = 'segmentation/decimated/confidence'
DECIMATED_CAMERA_INFO = 'segmentation/decimated/camera_info'
DECIMATED_LABEL_INFO = 'segmentation/decimated/label_info'
MASK_RLE = 'segmentation/mask_rle'
STATUS = 'segmentation/status'
CLASSES = 'segmentation/classes'
LABEL_INFO = 'segmentation/label_info'
DIAGNOSTICS = '/diagnostics'

NOT_ALLOWED = re.compile('[^a-z0-9]+')


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of service of an endpoint; its history is always "keep last".

    Attributes:
        depth: Samples that are kept [count].
        reliable: Whether lost samples are sent again.
        latched: Whether a late subscriber gets the last sample too (transient local).
    """

    depth: int = 1
    reliable: bool = True
    latched: bool = False


QUALITIES = {
    # Best effort matches a publisher of either reliability; the newest frame is all we want.
    'in': Quality(reliable=False),
    # Reliable matches a subscriber of either reliability.
    'out': Quality(),
    'timer': Quality(),
    'latched': Quality(latched=True),
}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the node.

    Attributes:
        name: Relative name.
        kind: Message type.
        content: What the message holds.
        direction: ``'in'``, ``'out'`` per frame, ``'latched'`` (also reaches late subscribers), or
            ``'timer'``.
    """

    name: str
    kind: str
    content: str
    direction: Literal['in', 'out', 'latched', 'timer'] = 'out'

    @property
    def quality(self) -> Quality:
        """Quality of service of the node's endpoint."""
        return QUALITIES[self.direction]

    @property
    def type_name(self) -> str:
        """Full name of the message type, as in a recording."""
        package, name = self.kind.split('/')
        return f'{package}/msg/{name}'


TOPICS = (
    Topic(
        IMAGE,
        'sensor_msgs/Image',
        'camera image; with `image_transport: compressed` the topic is the resolved name + '
        '`/compressed` (sensor_msgs/CompressedImage)',
        'in',
    ),
    Topic(
        CAMERA_INFO_IN,
        'sensor_msgs/CameraInfo',
        'beside the resolved image topic; only relayed, never required',
        'in',
    ),
    Topic(MASK, 'sensor_msgs/Image', 'mono8, class id of each pixel, 255 = unlabelled'),
    Topic(
        MASK_PNG,
        'sensor_msgs/CompressedImage',
        'the mask as PNG, lossless',
    ),
    Topic(
        CONFIDENCE,
        'sensor_msgs/Image',
        'mono8, 255 times the calibrated probability of the class in the mask',
    ),
    Topic(
        CONFIDENCE + '/<class>',
        'sensor_msgs/Image',
        'mono8, 255 times the calibrated probability of that class',
    ),
    Topic(
        ENTROPY,
        'sensor_msgs/Image',
        'mono8, 255 times the entropy / log N: 0 certain, 255 all classes alike',
    ),
    Topic(
        DRIVABLE_AREA,
        'sensor_msgs/Image',
        'mono8, 255 drivable, 0 not; an uncertain pixel is not drivable',
    ),
    Topic(
        MOVABLE,
        'sensor_msgs/Image',
        'mono8, 255 people and vehicles (classes of the kind object), 0 everything else',
    ),
    Topic(COLOR, 'sensor_msgs/Image', 'rgb8, the mask in the colours of the classes'),
    Topic(OVERLAY, 'sensor_msgs/Image', 'rgb8, the colours over the camera image'),
    Topic(
        CAMERA_INFO,
        'sensor_msgs/CameraInfo',
        "the camera's own with the image's header, while it is published for the same image size",
    ),
    Topic(
        GROUPS,
        'sensor_msgs/Image',
        "mono8, id of the group of each pixel's class, 255 = none; only for bundles whose classes "
        'have groups',
    ),
    Topic(
        DECIMATED_MASK,
        'sensor_msgs/Image',
        'mono8, the mask with every `decimated.factor`-th pixel in both directions; by '
        '`decimated.rule` no obstacle is lost between them',
    ),
    Topic(
        DECIMATED_CONFIDENCE,
        'sensor_msgs/Image',
        'mono8, the confidence of exactly these labels, of the same size',
    ),
    Topic(
        DECIMATED_CAMERA_INFO,
        'sensor_msgs/CameraInfo',
        'calibration of the decimated image; region of interest and binning are worked in',
    ),
    Topic(
        MASK_RLE,
        'sensor_msgs/Image',
        "the mask in Autoware's labels, as its segmentation_pointcloud_fusion reads it: records "
        'of a byte with the label and an int32 with how many pixels have it in a row; '
        'only with `mask_rle.enabled`',
    ),
    Topic(
        STATUS,
        'diagnostic_msgs/DiagnosticArray',
        "per processed frame, with the image's header: engine, CRF decision, uncertain share, "
        'age, times',
    ),
    Topic(
        CLASSES,
        'std_msgs/String',
        'JSON: id, name, topic, colour, drivable, synthetic_only of each class',
        'latched',
    ),
    Topic(
        LABEL_INFO,
        'vision_msgs/LabelInfo',
        'class ids and names; only where vision_msgs 4.1 or newer is installed',
        'latched',
    ),
    Topic(
        GROUPS_CLASSES,
        'std_msgs/String',
        'JSON: id, name, colour, drivable and members of each group',
        'latched',
    ),
    Topic(
        GROUPS_LABEL_INFO,
        'vision_msgs/LabelInfo',
        'ids and names of the groups',
        'latched',
    ),
    Topic(
        DECIMATED_LABEL_INFO,
        'vision_msgs/LabelInfo',
        'as `segmentation/label_info`, beside the decimated mask',
        'latched',
    ),
    Topic(
        DIAGNOSTICS,
        'diagnostic_msgs/DiagnosticArray',
        'state, engine and why, rate, drops by reason, last error, reason for silence',
        'timer',
    ),
)


def topic_token(name: str) -> str:
    """Return a class name as a part of a topic name.

    Example:
        >>> topic_token('traffic light'), topic_token('SignSymbol'), topic_token('2-wheeler')
        ('traffic_light', 'signsymbol', 'class_2_wheeler')
    """
    token = NOT_ALLOWED.sub('_', name.lower()).strip('_')
    return token if token[:1].isalpha() else f'class_{token}'.rstrip('_')


def class_topics(taxonomy: Taxonomy) -> dict[int, str]:
    """Return the confidence topic of each class, by id.

    Raises:
        TaxonomyError: If two class names become the same topic.
    """
    tokens = [topic_token(name) for name in taxonomy.names]
    twice = {token for token in tokens if tokens.count(token) > 1}
    if twice:
        names = [name for name in taxonomy.names if topic_token(name) in twice]
        msg = (
            f'Classes {names} of taxonomy {taxonomy.name!r} become the same topic name '
            f'{sorted(twice)}; expected names that differ in letters or digits. Rename one.'
        )
        raise TaxonomyError(msg)
    return {index: f'{CONFIDENCE}/{token}' for index, token in enumerate(tokens)}


def chosen_classes(taxonomy: Taxonomy, names: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of the classes that have a confidence topic.

    Args:
        taxonomy: The classes.
        names: Of some of them as the taxonomy spells them, or one word for all or none of them.

    Raises:
        TaxonomyError: If there is no such class.

    Example:
        ``chosen_classes(load_taxonomy('cityscapes19'), ['car', 'road'])`` is ``(0, 13)``.
    """
    if list(names) == [ALL_CLASSES]:
        return tuple(range(len(taxonomy)))
    if list(names) == [NO_CLASS]:
        return ()
    return tuple(sorted({taxonomy.index(name) for name in names}))
