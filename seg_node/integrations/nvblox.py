# SPDX-License-Identifier: Apache-2.0
"""Isaac ROS nvblox: remappings that bring it the mask of what moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.interface import topics

from .site import yaml_file

if TYPE_CHECKING:
    from .site import Site

__all__ = ['nvblox_files']

MAX_CAMERAS = 4
REMAPS = """\
Remappings of nvblox_node for the masks of seg_node. Include this file before the node is started:
  <include file="nvblox_remaps.launch.xml"/>

nvblox takes every pixel of a mask that is not 0 for something that moves, so it gets
segmentation/movable (255 people and vehicles), never the mask of class ids. Colour, mask and both
camera infos need equal stamps: seg_node gives mask and camera info the header of the colour image,
and sends segmentation/camera_info only while the camera publishes its own. If you start seg_node
with another image topic, change the two colour topics here. Depth is remapped where you start it.
"""
PARAMETERS = """\
Parameters of nvblox_node: people and vehicles become a layer of their own, by the masks of
seg_node.
"""
NODE = """\
Parameters of seg_node for nvblox. Start it with the topics of your cameras behind image:=, so:
  {command}
Nothing has to be switched on: segmentation/movable is computed while nvblox subscribes.
"""


def nvblox_files(site: Site) -> dict[str, str]:
    """Return the files for nvblox, by name.

    Raises:
        ParameterError: If there are more cameras than nvblox takes.
    """
    if len(site.cameras) > MAX_CAMERAS:
        msg = (
            f'There are {len(site.cameras)} cameras; nvblox takes {MAX_CAMERAS}. Generate files '
            'for fewer, for example with --cameras front left.'
        )
        raise ParameterError(msg)
    parameters = {
        'num_cameras': len(site.cameras),
        'use_color': True,
        'use_segmentation': True,
        'mapping_type': 'human_with_static_tsdf',
    }
    command = site.start_command('nvblox_seg_node.yaml')
    return {
        'nvblox_remaps.launch.xml': _remaps(site),
        'nvblox_node.yaml': yaml_file(PARAMETERS, {'/**': {'ros__parameters': parameters}}),
        'nvblox_seg_node.yaml': yaml_file(NODE.format(command=command), site.node_parameters({})),
    }


def _remaps(site: Site) -> str:
    lines = ['<!--', REMAPS.strip(), '-->', '<launch>']
    for number, camera in enumerate(site.cameras):
        pairs = {
            'color/image': topics.IMAGE,
            'color/camera_info': topics.CAMERA_INFO_IN,
            'mask/image': topics.MOVABLE,
            'mask/camera_info': topics.CAMERA_INFO,
        }
        lines += [
            f'  <set_remap from="camera_{number}/{theirs}" to="{site.topic(camera, ours)}"/>'
            for theirs, ours in pairs.items()
        ]
    return '\n'.join([*lines, '</launch>', ''])
