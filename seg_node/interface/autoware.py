# SPDX-License-Identifier: Apache-2.0
"""Classes as the semantic labels of Autoware's segmentation_pointcloud_fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.errors import one_of, ParameterError
from seg_node.taxonomy import UNLABELLED

from .topics import topic_token

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.taxonomy import SegClass, Taxonomy

__all__ = ['AUTOWARE_LABELS', 'autoware_label', 'autoware_table', 'parse_autoware_labels']

AUTOWARE_LABELS = (
    'UNKNOWN',
    'BUILDING',
    'WALL',
    'OBSTACLE',
    'TRAFFIC_LIGHT',
    'TRAFFIC_SIGN',
    'PERSON',
    'VEHICLE',
    'BIKE',
    'ROAD',
    'SIDEWALK',
    'ROAD_PAINT',
    'CURBSTONE',
    'CROSSWALK',
    'VEGETATION',
    'SKY',
)
"""In the order of their ids, as ``filter_semantic_label_target`` of that node has them."""

BY_NAME = {
    'BUILDING': ('building', 'bridge', 'tunnel', 'archway', 'garage'),
    'WALL': ('wall',),
    'TRAFFIC_LIGHT': ('traffic_light', 'trafficlight'),
    'TRAFFIC_SIGN': ('traffic_sign', 'signsymbol', 'traffic_sign_front', 'traffic_sign_back'),
    'PERSON': ('person', 'pedestrian', 'child', 'rider', 'other_rider'),
    'BIKE': ('bicycle', 'motorcycle', 'bicyclist', 'motorcyclist', 'motorcyclescooter'),
    'ROAD': ('road', 'service_lane', 'bike_lane'),
    'SIDEWALK': ('sidewalk', 'pavement', 'pedestrian_area'),
    'ROAD_PAINT': ('lane_marking_general', 'lanemkgsdriv', 'lanemkgsnondriv'),
    'CURBSTONE': ('curb',),
    'CROSSWALK': ('crosswalk_plain', 'lane_marking_crosswalk'),
    'VEGETATION': ('vegetation', 'tree', 'terrain', 'vegetationmisc'),
    'SKY': ('sky',),
}
OF_NAME = {name: label for label, names in BY_NAME.items() for name in names}
OF_GROUP = {
    'construction': 'BUILDING',
    'nature': 'VEGETATION',
    'sky': 'SKY',
    'human': 'PERSON',
    'vehicle': 'VEHICLE',
}
OF_KIND = {'thin': 'OBSTACLE', 'object': 'OBSTACLE', 'stuff': 'UNKNOWN'}
OBSTACLES = frozenset({'fence', 'pole', 'column_pole'})


def autoware_label(one: SegClass) -> str:
    """Return the label that a class most likely has in Autoware, one of ``AUTOWARE_LABELS``.

    Its name decides, then its group, whether it is drivable, and its kind.

    Example:
        >>> from seg_node.taxonomy import load_taxonomy
        >>> camvid = load_taxonomy('camvid11')
        >>> [autoware_label(one) for one in camvid.classes[:4]]
        ['SKY', 'BUILDING', 'OBSTACLE', 'ROAD']
    """
    token = topic_token(one.name)
    if token in OBSTACLES:
        return 'OBSTACLE'
    known = OF_NAME.get(token) or OF_GROUP.get(one.group)
    return known or ('ROAD' if one.drivable else OF_KIND[one.kind])


def parse_autoware_labels(text: str) -> dict[str, str]:
    """Return the label of each class that a text names.

    Args:
        text: ``class=LABEL`` with commas between, for example ``'fence=WALL, pole=UNKNOWN'``.

    Raises:
        ParameterError: If it has another form or names a label that Autoware does not have.
    """
    labels = {}
    for pair in filter(None, (one.strip() for one in text.split(','))):
        name, equals, label = (word.strip() for word in pair.partition('='))
        if not (name and equals):
            msg = (
                f'{pair!r} does not give a class its label; expected class=LABEL with commas '
                "between, for example 'fence=WALL, pole=UNKNOWN'."
            )
            raise ParameterError(msg)
        if label not in AUTOWARE_LABELS:
            raise ParameterError(
                one_of(f'Autoware label of class {name!r}', label, AUTOWARE_LABELS)
            )
        labels[name] = label
    return labels


def autoware_table(taxonomy: Taxonomy, text: str = '') -> npt.NDArray[np.uint8]:
    """Return the Autoware id of each label: (256,) uint8; what has no class is UNKNOWN, 0.

    Args:
        taxonomy: Classes of the labels.
        text: As for ``parse_autoware_labels``; classes that it does not name take
            ``autoware_label``.

    Raises:
        ParameterError: If the text is malformed, or names a class that there is not.
    """
    wished = parse_autoware_labels(text)
    for name in wished:
        if name not in taxonomy.names:
            raise ParameterError(
                one_of("class in parameter 'mask_rle.labels':", name, taxonomy.names)
            )
    table = np.zeros(UNLABELLED + 1, np.uint8)
    for index, one in enumerate(taxonomy.classes):
        table[index] = AUTOWARE_LABELS.index(wished.get(one.name, autoware_label(one)))
    return table
