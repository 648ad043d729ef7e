# SPDX-License-Identifier: Apache-2.0
"""Autoware: parameters for segmentation_pointcloud_fusion, and the labels that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.interface import autoware_label, AUTOWARE_LABELS, topics

from .site import commented, yaml_file

if TYPE_CHECKING:
    from .site import Site

__all__ = ['FILTERED', 'autoware_files']

MAX_CAMERAS = 8
FILTERED = frozenset({'ROAD', 'SIDEWALK', 'ROAD_PAINT', 'CROSSWALK', 'SKY'})
FUSION = """\
Parameters of Autoware's segmentation_pointcloud_fusion for the masks of seg_node: points whose
label is true below are taken out of the cloud. Load it after fusion_common.param.yaml, whose
rois_timestamp_offsets (camera minus lidar, one for each camera) have to be yours.

Each mask has the stamp and the frame_id of its image; frame_id has to be the optical frame of the
camera. The fusion scales masks to the size in camera_info, which is that of the image; seg_node
sends it only while the camera publishes its own camera_info.
"""
NODE = """\
Parameters of seg_node for Autoware. Start it with the topics of your cameras behind image:=, so:
  {command}
segmentation/mask_rle is a sensor_msgs/Image that says mono8 and holds runs of
{{uint8 label, int32 length}}: only this fusion reads it, other programs take segmentation/mask.
mask_rle.labels changes labels, for example "fence=WALL, terrain=UNKNOWN".
"""
TABLE = """\
Label of each class of bundle {bundle} in Autoware, as seg_node sends it; what has no class is
UNKNOWN, 0.
"""


def autoware_files(site: Site) -> dict[str, str]:
    """Return the files for Autoware, by name.

    Raises:
        ParameterError: If there are more cameras than the fusion takes.
    """
    if len(site.cameras) > MAX_CAMERAS:
        msg = (
            f'There are {len(site.cameras)} cameras; the fusion takes {MAX_CAMERAS}. Generate '
            'files for fewer, for example with --cameras front left.'
        )
        raise ParameterError(msg)
    fusion: dict[str, object] = {'rois_number': len(site.cameras)}
    for number, camera in enumerate(site.cameras):
        fusion[f'input/rois{number}'] = site.topic(camera, topics.MASK_RLE)
        fusion[f'input/camera_info{number}'] = site.topic(camera, topics.CAMERA_INFO)
    fusion['filter_distance_threshold'] = 60.0
    fusion['filter_semantic_label_target'] = {one: one in FILTERED for one in AUTOWARE_LABELS}
    fusion['is_publish_debug_mask'] = False
    command = site.start_command('autoware_seg_node.yaml')
    node = site.node_parameters({'mask_rle': {'enabled': True}})
    return {
        'autoware_fusion.param.yaml': yaml_file(FUSION, {'/**': {'ros__parameters': fusion}}),
        'autoware_seg_node.yaml': yaml_file(NODE.format(command=command), node),
        'autoware_labels.csv': _label_table(site),
    }


def _label_table(site: Site) -> str:
    rows = ['class_id,class_name,autoware_id,autoware_label']
    for index, one in enumerate(site.manifest.taxonomy.classes):
        label = autoware_label(one)
        rows.append(f'{index},{one.name},{AUTOWARE_LABELS.index(label)},{label}')
    return commented(TABLE.format(bundle=site.manifest.name)) + '\n'.join(rows) + '\n'
